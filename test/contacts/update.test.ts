import { eq } from 'drizzle-orm'
import t from 'tap'
import { accounts, contacts, grants } from '../../src/database/tables.ts'
import { openTestApp, type Request, send } from '../fixtures/app.ts'
import { account, contact, domain, grant, person, staff, tokenFor } from '../fixtures/cast.ts'
import { eventsOf, ledger, letters, refusedOf } from '../fixtures/ledger.ts'

t.test('changing a contact', async (t) => {
  const test = await openTestApp(t)
  const { db } = test.context
  const a = await account(test, 'Alpha Ltd')
  const b = await account(test, 'Beta Ltd')
  const a1 = await domain(test, a, 'alpha.example')
  const a2 = await domain(test, a, 'alpha-two.example')
  const b1 = await domain(test, b, 'beta.example')
  const owner = await person(test, 'Olga Owner')
  const manager = await person(test, 'Mia Manager')
  const developer = await person(test, 'Dan Developer')
  const support = await staff(test, 'Sue Support', 'support')
  const admin = await staff(test, 'Ada Admin', 'admin')
  const ownerContact = await contact(test, a, owner, 'owner')
  const managerContact = await contact(test, a, manager, 'manager')
  const patch = (id: string, token: string, body: unknown, rest: Request = {}) =>
    send(test, 'PATCH', `/v1/accounts/${a.number}/contacts/${id}`, { token, body, ifMatch: 1, ...rest })
  const newcomer = async (...rest: [role: 'manager' | 'technical' | 'billing', limit?: { id: string; name: string }[]]) =>
    contact(test, a, await person(test, 'New Comer'), ...rest)
  const rowOf = async (id: string) => (await db.select().from(contacts).where(eq(contacts.id, id)))[0]

  await t.test('another role is in force at once', async (t) => {
    const id = await newcomer('technical')
    const changed = await patch(id, manager.token, { role: 'billing' })
    t.match(changed, { status: 200, body: { role: 'billing', domains: 'all', version: 2 } }, changed.text)
    t.equal(changed.headers['etag'], '"v2"')
    t.match((await eventsOf(test, a.id)).at(-1), {
      kind: 'contact.updated',
      via: managerContact,
      resourceId: id,
      changed: ['role'],
      value: { from: { role: 'technical', domains: 'all' }, to: { role: 'billing', domains: 'all' } },
    })
  })

  await t.test('a limit is set, changed and lifted', async (t) => {
    const id = await newcomer('technical')
    t.match((await patch(id, manager.token, { domains: [a1.name] })).body, { domains: [{ id: a1.id }], version: 2 })
    t.match((await patch(id, manager.token, { role: 'manager', domains: [a1.id, a2.id] }, { ifMatch: 2 })).body, {
      role: 'manager',
      domains: [{ id: a2.id }, { id: a1.id }],
    })
    t.match((await eventsOf(test, a.id)).at(-1), {
      changed: ['role', 'domains'],
      value: { from: { role: 'technical', domains: [a1.id] }, to: { role: 'manager', domains: [a1.id, a2.id] } },
    })
    t.match((await patch(id, owner.token, { domains: 'all' }, { ifMatch: 3 })).body, { domains: 'all', version: 4 })
  })

  await t.test('a limit of which nothing is left stays a limit', async (t) => {
    const gone = await domain(test, a, 'gone.example')
    const id = await newcomer('technical', [gone])
    t.equal((await send(test, 'DELETE', `/v1/accounts/${a.number}/domains/${gone.id}`, { token: owner.token })).status, 204)
    const changed = await patch(id, owner.token, { role: 'manager' })
    t.match(changed, { status: 200, body: { role: 'manager', domains: [] } }, changed.text)
    t.equal((await rowOf(id))?.limited, true)
  })

  await t.test('what it has already is no change', async (t) => {
    const id = await newcomer('technical', [a1, a2])
    const before = await ledger(test)
    const same = await patch(id, owner.token, { role: 'technical', domains: [a2.name, a1.name] })
    t.match(same, { status: 200, body: { version: 1 }, headers: { etag: '"v1"' } })
    t.strictSame(await ledger(test), before, 'nothing is written, and nobody at work there starts over')
  })

  await t.test('but a grant that is adopted in the same act is one, though the contact stays as it is', async (t) => {
    const revision = async () => (await db.select().from(accounts).where(eq(accounts.id, a.id)))[0]?.authorityRevision
    const id = await newcomer('manager')
    const held = await grant(test, a, id, developer, [a1])
    const before = await revision()
    const path = `/v1/accounts/${a.number}/contacts/${id}?adopt=${held}`
    t.match(await send(test, 'PATCH', path, { token: owner.token, body: { role: 'manager' }, ifMatch: 1 }), {
      status: 200,
      body: { version: 1 },
    })
    t.match(await db.select().from(grants).where(eq(grants.id, held)), [{ grantorContactId: ownerContact }])
    t.equal(await revision(), Number(before) + 1)
  })

  await t.test('nobody changes one who holds more than he does, or makes him so', async (t) => {
    const id = await newcomer('technical')
    for (const [target, body] of [
      [ownerContact, { role: 'technical' }],
      [id, { role: 'owner' }],
    ] as const) {
      const sent = await refusedOf(t, test, () => patch(target, manager.token, body))
      t.match(sent, { status: 403, body: { reason: 'action_not_in_role' } })
    }
    t.match(await refusedOf(t, test, () => patch(id, support.token, { role: 'billing' })), { status: 403 })
  })

  await t.test('it needs a fresh sign-in', async (t) => {
    const token = await tokenFor(test, owner.id, owner.session, 601)
    t.equal((await refusedOf(t, test, () => patch(managerContact, token, { role: 'technical' }))).body.code, 'step_up_required')
  })

  await t.test('a version that is not the current one changes nothing', async (t) => {
    const id = await newcomer('technical')
    const stale = await refusedOf(t, test, () => patch(id, owner.token, { role: 'billing' }, { ifMatch: 7 }))
    t.match(stale, { status: 412, body: { currentEtag: '"v1"' } })
    const url = `/v1/accounts/${a.number}/contacts/${id}`
    t.equal((await refusedOf(t, test, () => send(test, 'PATCH', url, { token: owner.token, body: { role: 'billing' } }))).status, 428)
    const any = await send(test, 'PATCH', url, { token: owner.token, body: { role: 'billing' }, headers: { 'if-match': '*' } })
    t.equal(any.status, 200)
  })

  await t.test('of two changes of one version exactly one is made', async (t) => {
    const id = await newcomer('technical')
    const sent = await Promise.all([patch(id, owner.token, { role: 'billing' }), patch(id, manager.token, { role: 'manager' })])
    t.strictSame(sent.map(({ status }) => status).sort(), [200, 412])
    t.equal((await rowOf(id))?.version, 2)
  })

  for (const [what, body, pointer, code] of [
    ['nothing', {}, '#', 'min_properties'],
    ['an unknown field', { status: 'ended' }, '#/status', 'unknown'],
    ['a domain of another account', { domains: [b1.id] }, '#/domains/0', 'unknown_domain'],
    ['what is no name', { domains: ['no name'] }, '#/domains/0', 'format'],
    ['a limited owner', { role: 'owner', domains: ['alpha.example'] }, '#/domains', 'limited_owner'],
  ] as const) {
    await t.test(`${what} is refused`, async (t) => {
      const id = await newcomer('technical')
      const sent = await refusedOf(t, test, () => patch(id, owner.token, body))
      t.match(sent, { status: 422, body: { errors: [{ pointer, code }] } }, sent.text)
    })
  }

  await t.test('one with a limit becomes an owner only without it', async (t) => {
    const id = await newcomer('technical', [a1])
    const sent = await refusedOf(t, test, () => patch(id, owner.token, { role: 'owner' }))
    t.match(sent, { status: 422, body: { errors: [{ pointer: '#/domains', code: 'limited_owner' }] } })
    t.match(await patch(id, owner.token, { role: 'owner', domains: 'all' }), { status: 200, body: { role: 'owner', domains: 'all' } })
    t.equal((await send(test, 'DELETE', `/v1/accounts/${a.number}/contacts/${id}`, { token: owner.token })).status, 204)
  })

  await t.test('the same person is not twice in one role', async (t) => {
    const who = await person(test, 'Two Hats')
    const one = await contact(test, a, who, 'technical')
    await contact(test, a, who, 'billing')
    const sent = await refusedOf(t, test, () => patch(one, owner.token, { role: 'billing' }))
    t.match(sent, { status: 409, body: { code: 'conflict', detail: /in this role already/ } })
  })

  await t.test('one that has ended is not changed', async (t) => {
    const id = await newcomer('technical')
    await send(test, 'DELETE', `/v1/accounts/${a.number}/contacts/${id}`, { token: owner.token })
    const sent = await refusedOf(t, test, () => patch(id, owner.token, { role: 'billing' }, { ifMatch: 2 }))
    t.match(sent, { status: 409, body: { code: 'conflict', detail: /ended/ } })
    t.equal((await refusedOf(t, test, () => patch(id, owner.token, { role: 'billing' }))).status, 412, 'a stale version is told first')
  })

  await t.test('the last owner stays one, whoever asks', async (t) => {
    for (const who of [owner, admin]) {
      const sent = await refusedOf(t, test, () => patch(ownerContact, who.token, { role: 'manager' }))
      t.match(sent, { status: 409, body: { code: 'conflict', detail: /last owner/ } })
    }
    const invited = await send(test, 'POST', `/v1/accounts/${a.number}/contacts`, {
      token: owner.token,
      body: { address: 'heir@people.example', role: 'owner' },
    })
    t.equal(
      (await refusedOf(t, test, () => patch(ownerContact, owner.token, { role: 'manager' }))).status,
      409,
      'an invited one is none yet',
    )
    t.match(await patch(invited.body.id, owner.token, { role: 'technical' }), { status: 200, body: { role: 'technical' } })
  })

  await t.test('a lesser role takes what he granted with it', async (t) => {
    const giver = await person(test, 'Gina Giver')
    const id = await contact(test, a, giver, 'manager')
    const given = await grant(test, a, id, developer, [a1])
    const before = (await letters(test)).length
    t.equal((await patch(id, owner.token, { domains: [a1.id] })).status, 200)
    t.match((await db.select().from(grants).where(eq(grants.id, given)))[0], { status: 'active' }, 'what it still covers stays')
    t.equal((await patch(id, owner.token, { role: 'technical' }, { ifMatch: 2 })).status, 200)
    const [row] = await db.select().from(grants).where(eq(grants.id, given))
    t.match(row, { status: 'suspended', suspensionCauses: ['grantor_lost_authority'], version: 2 })
    t.match((await eventsOf(test, a.id)).slice(-2), [{ kind: 'contact.updated' }, { kind: 'grant.suspended', resourceId: given }])
    t.equal((await letters(test)).length, before + 2)
    t.equal((await patch(id, owner.token, { role: 'manager' }, { ifMatch: 3 })).status, 200)
    t.match((await db.select().from(grants).where(eq(grants.id, given)))[0], { status: 'suspended' }, 'and nothing revives it')
  })

  await t.test("what staff give more waits for an owner's yes, and the owners are told", async (t) => {
    for (const [role, limit, body] of [
      ['technical', undefined, { role: 'manager' }],
      ['manager', [a1], { domains: 'all' }],
      ['manager', [a1], { domains: [a1.id, a2.id] }],
    ] as const) {
      const id = await newcomer(role, limit && [...limit])
      const before = (await letters(test)).length
      t.match(await patch(id, admin.token, body), { status: 200, body: { confirmed: false } })
      t.match(await rowOf(id), { addedByStaff: true, confirmedAt: null })
      t.strictSame((await letters(test)).slice(before), [
        { letter: 'notice', kind: 'contact_added_by_staff', account: a.id, subject: id, recipient: owner.id },
      ])
    }
  })

  await t.test('what staff take needs nobody', async (t) => {
    for (const [role, limit, body] of [
      ['manager', undefined, { role: 'technical' }],
      ['manager', [a1, a2], { domains: [a1.id] }],
    ] as const) {
      const id = await newcomer(role, limit && [...limit])
      const before = (await letters(test)).length
      t.match(await patch(id, admin.token, body), { status: 200, body: { confirmed: true } })
      t.equal((await letters(test)).length, before)
    }
  })

  await t.test('where nobody could say yes, staff give without it', async (t) => {
    const fresh = await account(test, 'Fresh Ltd', 'new')
    const id = await contact(test, fresh, await person(test, 'First One'), 'technical')
    const url = `/v1/accounts/${fresh.number}/contacts/${id}`
    const given = await send(test, 'PATCH', url, { token: admin.token, ifMatch: 1, body: { role: 'owner' } })
    t.match(given, { status: 200, body: { role: 'owner', confirmed: true } })
    t.match((await eventsOf(test, fresh.id)).slice(-1), [{ kind: 'account.opened', actor: admin.id, changed: ['state'] }])
    t.match(
      (await db.select().from(accounts).where(eq(accounts.id, fresh.id)))[0],
      { state: 'open', version: 2 },
      'and its first owner opens it',
    )
  })
})
