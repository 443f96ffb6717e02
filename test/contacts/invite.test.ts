import { and, eq } from 'drizzle-orm'
import t from 'tap'
import { accounts, contactDomains, contacts, singleUseTokens } from '../../src/database/tables.ts'
import { openTestApp, type Request, send } from '../fixtures/app.ts'
import { account, contact, domain, grant, person, staff, tokenFor } from '../fixtures/cast.ts'
import { comparable, eventsOf, letters, refusedOf } from '../fixtures/ledger.ts'

t.test('inviting contacts', async (t) => {
  const test = await openTestApp(t)
  const { db } = test.context
  const a = await account(test, 'Alpha Ltd')
  const b = await account(test, 'Beta Ltd')
  const fresh = await account(test, 'Fresh Ltd', 'new')
  const a1 = await domain(test, a, 'alpha.example')
  const a2 = await domain(test, a, 'xn--bcher-kva.example')
  const b1 = await domain(test, b, 'beta.example')
  const owner = await person(test, 'Olga Owner')
  const second = await person(test, 'Otis Owner')
  const manager = await person(test, 'Mia Manager')
  const technical = await person(test, 'Tom Technical')
  const limited = await person(test, 'Lia Limited')
  const developer = await person(test, 'Dan Developer')
  const stranger = await person(test, 'Sam Stranger')
  const support = await staff(test, 'Sue Support', 'support')
  const admin = await staff(test, 'Ada Admin', 'admin')
  const ownerContact = await contact(test, a, owner, 'owner')
  await contact(test, a, second, 'owner')
  const managerContact = await contact(test, a, manager, 'manager')
  await contact(test, a, technical, 'technical')
  await contact(test, a, limited, 'manager', [a1])
  await grant(test, a, ownerContact, developer, [a1])
  const invite = (token: string, body: object, rest: Request & { on?: string } = {}) =>
    send(test, 'POST', `/v1/accounts/${rest.on ?? a.number}/contacts`, { token, body: { address: 'new@people.example', ...body }, ...rest })

  await t.test('an owner invites: a row that counts nowhere, a token, a letter, an event', async (t) => {
    const before = (await letters(test)).length
    const [{ authorityRevision } = { authorityRevision: -1 }] = await db.select().from(accounts).where(eq(accounts.id, a.id))
    const made = await invite(owner.token, { address: 'Ann@New.Example', role: 'manager' })
    t.equal(made.status, 201, made.text)
    t.match(made.headers, { location: `/v1/accounts/${a.id}/contacts/${made.body.id}`, etag: '"v1"' })
    t.strictSame(made.body, {
      id: made.body.id,
      account: { id: a.id, number: a.number, name: 'Alpha Ltd' },
      user: null,
      role: 'manager',
      domains: 'all',
      status: 'invited',
      address: 'ann@new.example',
      confirmed: false,
      createdAt: made.body.createdAt,
      acceptedAt: null,
      endedAt: null,
      version: 1,
      phone: null,
    })
    const [row] = await db.select().from(contacts).where(eq(contacts.id, made.body.id))
    t.match(row, { addedByStaff: false, invitedBy: owner.id, limited: false })
    const [token] = await db.select().from(singleUseTokens).where(eq(singleUseTokens.contactId, made.body.id))
    t.match(token, { purpose: 'contact_invitation', address: 'ann@new.example', accountId: a.id, invitedBy: owner.id, usedAt: null })
    t.strictSame((await letters(test)).slice(before), [{ letter: 'token', token: token?.id }], 'the owners need not be told')
    t.match((await eventsOf(test, a.id)).at(-1), {
      kind: 'contact.invited',
      actor: owner.id,
      capacity: 'contact',
      via: ownerContact,
      resourceType: 'contact',
      resourceId: made.body.id,
      value: { address: 'ann@new.example', role: 'manager', domains: 'all' },
    })
    const [after] = await db.select().from(accounts).where(eq(accounts.id, a.id))
    t.equal(after?.authorityRevision, authorityRevision + 1)
  })

  await t.test('a limit names domains by id or name', async (t) => {
    const made = await invite(manager.token, { role: 'technical', domains: [a1.id, 'BÜCHER.example', a1.name] })
    t.equal(made.status, 201, made.text)
    t.strictSame(made.body.domains, [
      { id: a1.id, name: a1.name, unicode: a1.name },
      { id: a2.id, name: a2.name, unicode: 'bücher.example' },
    ])
    t.equal((await db.select().from(contactDomains).where(eq(contactDomains.contactId, made.body.id))).length, 2)
    t.match((await eventsOf(test, a.id)).at(-1), { via: managerContact, value: { domains: [a1.id, a2.id] } })
    t.equal((await invite(manager.token, { role: 'billing', domains: 'all' })).body.domains, 'all')
  })

  await t.test("what staff add is told to all active owners at once and waits for an owner's yes", async (t) => {
    const before = (await letters(test)).length
    const made = await invite(admin.token, { role: 'owner' })
    t.match(made, { status: 201, body: { role: 'owner', confirmed: false } }, made.text)
    const [row] = await db.select().from(contacts).where(eq(contacts.id, made.body.id))
    t.match(row, { addedByStaff: true, confirmedAt: null })
    const told = (await letters(test)).slice(before)
    t.match(told, [{ letter: 'token' }, { letter: 'notice' }, { letter: 'notice' }])
    t.match(told.at(-1), { kind: 'contact_added_by_staff', account: a.id, subject: made.body.id })
    t.strictSame(
      told
        .slice(1)
        .map(({ recipient }) => recipient)
        .sort(),
      [owner.id, second.id].sort(),
    )
  })

  await t.test('an account without an owner gets one from staff only', async (t) => {
    t.equal((await invite(admin.token, { role: 'owner' }, { on: fresh.number })).status, 201)
    t.equal((await refusedOf(t, test, () => invite(owner.token, { role: 'owner' }, { on: fresh.number }))).status, 404)
  })

  await t.test('nobody makes one who holds more than he does', async (t) => {
    const sent = await refusedOf(t, test, () => invite(manager.token, { role: 'owner' }, { key: true }))
    t.match(sent, { status: 403, body: { reason: 'action_not_in_role' } })
    t.match((await eventsOf(test, a.id)).at(-1), { kind: 'access.refused', actor: manager.id, reason: 'action_not_in_role' })
    t.equal((await invite(manager.token, { role: 'manager' })).status, 201)
  })

  await t.test('nobody else invites', async (t) => {
    for (const [who, reason] of [
      [technical, 'action_not_in_role'],
      [limited, 'domain_not_in_role'],
      [developer, 'action_not_delegable'],
      [support, 'action_not_in_role'],
    ] as const) {
      t.match(await refusedOf(t, test, () => invite(who.token, { role: 'technical' })), { status: 403, body: { reason } }, who.name)
    }
    const theirs = await refusedOf(t, test, () => invite(stranger.token, { role: 'technical' }))
    t.equal(theirs.status, 404)
    t.strictSame(comparable(theirs), comparable(await invite(stranger.token, { role: 'technical' }, { on: 'C-0' })))
  })

  await t.test('it needs a fresh sign-in', async (t) => {
    const token = await tokenFor(test, owner.id, owner.session, 601)
    const sent = await refusedOf(t, test, () => invite(token, { role: 'technical' }))
    t.match(sent, { status: 401, body: { code: 'step_up_required', maxAge: 600 } })
  })

  await t.test('the answer is the same whether the address is known or not', async (t) => {
    const strip = ({ status, body }: { status: number; body: object }) => ({
      status,
      body: { ...body, id: '', address: '', createdAt: '' },
    })
    const known = await invite(owner.token, { role: 'technical', address: stranger.address })
    const unknown = await invite(owner.token, { role: 'technical', address: 'nobody@people.example' })
    t.strictSame(strip(known), strip(unknown))
  })

  for (const [what, body, pointer, code] of [
    ['a limited owner', { role: 'owner', domains: ['alpha.example'] }, '#/domains', 'limited_owner'],
    ["another account's domain", { role: 'technical', domains: [a1.id, b1.id] }, '#/domains/1', 'unknown_domain'],
    ["another account's name", { role: 'technical', domains: [b1.name] }, '#/domains/0', 'unknown_domain'],
    ['a name nobody holds', { role: 'technical', domains: ['invented.example'] }, '#/domains/0', 'unknown_domain'],
    ['a host below one', { role: 'technical', domains: ['www.alpha.example'] }, '#/domains/0', 'unknown_domain'],
    ['what is no name', { role: 'technical', domains: [a1.id, 'no name'] }, '#/domains/1', 'format'],
    ['a limit to nothing', { role: 'technical', domains: [] }, '#/domains', 'min_items'],
    ['a word for a limit', { role: 'technical', domains: 'some' }, '#/domains', /./],
    ['an unknown role', { role: 'admin' }, '#/role', 'enum'],
    ['a bad address', { role: 'technical', address: 'ann@localhost' }, '#/address', 'format'],
    ['an unknown field', { role: 'technical', confirmed: true }, '#/confirmed', 'unknown'],
  ] as const) {
    await t.test(`${what} is refused`, async (t) => {
      const sent = await refusedOf(t, test, () => invite(owner.token, body, { key: true }))
      t.match(sent, { status: 422, body: { code: 'validation_error', errors: [{ pointer, code }] } }, sent.text)
    })
  }

  await t.test('a domain of another account and one that does not exist are told alike', async (t) => {
    const theirs = await invite(owner.token, { role: 'technical', domains: [b1.name] })
    const nobodys = await invite(owner.token, { role: 'technical', domains: ['nobody.example'] })
    t.strictSame(comparable(theirs), comparable(nobodys))
  })

  await t.test('the same request with the same key invites once', async (t) => {
    const body = { role: 'billing', address: 'once@people.example' }
    const first = await invite(owner.token, body, { key: 'c-once' })
    const again = await invite(owner.token, body, { key: 'c-once' })
    t.strictSame([again.status, again.body], [201, first.body])
    const rows = await db
      .select()
      .from(contacts)
      .where(and(eq(contacts.accountId, a.id), eq(contacts.invitedAddress, 'once@people.example')))
    t.equal(rows.length, 1)
  })
})
