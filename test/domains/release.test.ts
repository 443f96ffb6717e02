import { eq } from 'drizzle-orm'
import t from 'tap'
import { domainNames, domains, grants } from '../../src/database/tables.ts'
import { openTestApp, send } from '../fixtures/app.ts'
import { account, contact, domain, grant, person, staff, tokenFor } from '../fixtures/cast.ts'
import { eventsOf, letters, refusedOf } from '../fixtures/ledger.ts'

t.test('releasing a domain', async (t) => {
  const test = await openTestApp(t)
  const { db } = test.context
  const a = await account(test, 'Alpha Ltd')
  const b = await account(test, 'Beta Ltd')
  const a1 = await domain(test, a, 'alpha.example')
  const a2 = await domain(test, a, 'alpha-two.example')
  const owner = await person(test, 'Olga Owner')
  const limited = await person(test, 'Lia Limited')
  const technical = await person(test, 'Tom Technical')
  const developer = await person(test, 'Dan Developer')
  const stranger = await person(test, 'Sam Stranger')
  const support = await staff(test, 'Sue Support', 'support')
  const admin = await staff(test, 'Ada Admin', 'admin')
  const ownerContact = await contact(test, a, owner, 'owner')
  await contact(test, a, limited, 'manager', [a1])
  await contact(test, a, technical, 'technical')
  const onOne = await grant(test, a, ownerContact, developer, [a1])
  const onBoth = await grant(test, a, ownerContact, developer, [a1, a2])
  const path = `/v1/accounts/${a.number}/domains`
  const release = (which: string, token: string) => send(test, 'DELETE', `${path}/${which}`, { token })
  const open = (token: string, name: string) =>
    send(test, 'POST', '/v1/tickets', {
      token,
      key: true,
      body: { account: a.number, domain: name, topic: 'other', subject: 'It broke', message: 'Since noon.' },
    })
  const statusOf = async (id: string) => (await db.select().from(grants).where(eq(grants.id, id)))[0]

  await t.test('only who holds it may', async (t) => {
    for (const [who, reason] of [
      [technical, 'action_not_in_role'],
      [support, 'action_not_in_role'],
    ] as const) {
      t.match(await refusedOf(t, test, () => release(a1.id, who.token)), { status: 403, body: { reason } })
    }
    for (const [who, which] of [
      [developer, a1.id],
      [limited, a2.id],
      [stranger, a1.id],
    ] as const) {
      t.equal((await refusedOf(t, test, () => release(which, who.token))).status, 404)
    }
  })

  await t.test('a limited manager releases one of his, and it falls out everywhere', async (t) => {
    t.equal((await open(developer.token, a1.name)).status, 201)
    const before = (await letters(test)).length
    const released = await release(a1.name, limited.token)
    t.strictSame([released.status, released.text], [204, ''])
    t.notOk(released.headers['content-type'])
    const [row] = await db.select().from(domains).where(eq(domains.id, a1.id))
    t.ok(row?.releasedAt)
    t.equal(row?.version, 2)
    t.strictSame(await db.select().from(domainNames).where(eq(domainNames.domainId, a1.id)), [])
    t.match((await eventsOf(test, a.id)).slice(-2), [
      { kind: 'domain.released', actor: limited.id, domainId: a1.id, changed: ['releasedAt'], value: { name: 'alpha.example' } },
      { kind: 'grant.suspended', resourceId: onOne, domainId: a1.id, value: { causes: ['no_domain'] } },
    ])
    t.match(await statusOf(onOne), { status: 'suspended', suspensionCauses: ['no_domain'], version: 2 })
    t.match(await statusOf(onBoth), { status: 'active', version: 1 })
    t.match((await letters(test)).slice(before), [
      { letter: 'notice', kind: 'grant_suspended', subject: onOne, recipient: developer.id },
      { letter: 'notice', kind: 'grant_suspended', subject: onOne, recipient: owner.id },
    ])
    t.match(await refusedOf(t, test, () => open(developer.token, a1.name)), { status: 403, body: { reason: 'domain_not_in_grant' } })
    t.match(await refusedOf(t, test, () => open(limited.token, a1.name)), { status: 403, body: { reason: 'domain_not_in_role' } })
    t.match(await refusedOf(t, test, () => open(owner.token, a1.name)), { status: 403, body: { reason: 'domain_not_in_account' } })
    t.equal((await open(developer.token, a2.name)).status, 201, 'what it does not touch stays')
  })

  await t.test('again by id is the same answer, and no second event', async (t) => {
    const events = await eventsOf(test, a.id)
    const again = await release(a1.id, admin.token)
    t.strictSame([again.status, again.text], [204, ''])
    t.equal((await release(a1.id, owner.token)).status, 204, 'for a contact, too')
    t.strictSame(await eventsOf(test, a.id), events)
    t.equal((await db.select().from(domains).where(eq(domains.id, a1.id)))[0]?.version, 2)
  })

  await t.test('the account keeps its row; only staff see it', async (t) => {
    const read = await send(test, 'GET', `${path}/${a1.id}`, { token: support.token })
    t.match(read, { status: 200, body: { id: a1.id, releasedAt: /^\d{4}-/ } })
    t.equal((await send(test, 'GET', `${path}/${a1.id}`, { token: owner.token })).status, 404)
    const names = async (query: string, token: string) =>
      (await send(test, 'GET', `${path}${query}`, { token })).body.items.map(({ name }: { name: string }) => name)
    t.strictSame(await names('', owner.token), [a2.name])
    t.strictSame(await names('', support.token), [a2.name])
    t.strictSame(await names('?released=false', support.token), [a2.name])
    t.strictSame(await names('?released=true', support.token), [a1.name])
    const asked = await refusedOf(t, test, () => send(test, 'GET', `${path}?released=true`, { token: owner.token }))
    t.match(asked, { status: 422, body: { errors: [{ parameter: 'released', in: 'query', code: 'staff_only' }] } })
  })

  await t.test('the name is free: in another account it is another domain, and back again it revives nothing', async (t) => {
    const put = (number: string) => send(test, 'POST', `/v1/accounts/${number}/domains`, { token: admin.token, body: { name: a1.name } })
    const moved = await put(b.number)
    t.equal(moved.status, 201, moved.text)
    t.not(moved.body.id, a1.id)
    t.equal((await send(test, 'DELETE', `/v1/accounts/${b.number}/domains/${a1.name}`, { token: admin.token })).status, 204)
    const back = await put(a.number)
    t.equal(back.status, 201, back.text)
    t.match(await statusOf(onOne), { status: 'suspended' })
    t.match(await refusedOf(t, test, () => open(developer.token, a1.name)), { status: 403, body: { reason: 'domain_not_in_grant' } })
    t.match(await refusedOf(t, test, () => open(limited.token, a1.name)), { status: 403, body: { reason: 'domain_not_in_role' } })
  })

  await t.test('a clock that was put back ends it at its beginning at the earliest', async (t) => {
    const late = await domain(test, a, 'late.example')
    const token = await tokenFor(test, admin.id, admin.session, 7_200)
    test.clock.advance(-3_600_000)
    t.equal((await release(late.id, token)).status, 204)
    test.clock.advance(3_600_000)
    const [row] = await db.select().from(domains).where(eq(domains.id, late.id))
    t.strictSame(row?.releasedAt, row?.createdAt)
  })
})
