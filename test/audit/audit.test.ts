import { eq } from 'drizzle-orm'
import t from 'tap'
import { journalValues, providerAccountId, sessions } from '../../src/database/tables.ts'
import { append } from '../../src/journal/append.ts'
import { openTestApp, type Request, send } from '../fixtures/app.ts'
import { account, contact, domain, grant, person, staff } from '../fixtures/cast.ts'
import { comparable, refusedOf } from '../fixtures/ledger.ts'

t.test('the audit trail', async (t) => {
  const test = await openTestApp(t)
  const { db } = test.context
  const a = await account(test, 'Alpha Ltd')
  const b = await account(test, 'Beta Ltd')
  const a1 = await domain(test, a, 'xn--bcher-kva.example')
  const a2 = await domain(test, a, 'alpha.example')
  const owner = await person(test, 'Olga Owner')
  const manager = await person(test, 'Mia Manager')
  const limited = await person(test, 'Lia Limited')
  const technical = await person(test, 'Tom Technical')
  const developer = await person(test, 'Dan Developer')
  const stranger = await person(test, 'Sam Stranger')
  const support = await staff(test, 'Sue Support', 'support')
  const admin = await staff(test, 'Ada Admin', 'admin')
  const ownerContact = await contact(test, a, owner, 'owner')
  await contact(test, a, manager, 'manager')
  await contact(test, a, limited, 'manager', [a1])
  await contact(test, a, technical, 'technical')
  await contact(test, b, stranger, 'owner')
  const given = await grant(test, a, ownerContact, developer, [a1])
  const path = `/v1/accounts/${a.number}/audit-events`
  const get = (url: string, token: string, rest: Request = {}) => send(test, 'GET', url, { token, ...rest })
  const open = (token: string, name: string) =>
    send(test, 'POST', '/v1/tickets', {
      token,
      key: true,
      body: { account: a.number, domain: name, topic: 'other', subject: 'It broke', message: 'Since noon.' },
    })
  type Item = { id: string; at: string; kind: string; account: { id: string } | null; audience?: string }
  const items = async (url: string, token: string): Promise<Item[]> => (await get(url, token)).body.items
  const kinds = async (query: string, token: string) => (await items(`${path}${query}`, token)).map(({ kind }) => kind)

  // A day of the account: each of these leaves one event.
  const [session] = await db.select().from(sessions).where(eq(sessions.id, developer.session))
  const signedIn = session?.authenticatedAt.toISOString()
  test.clock.advance(1_000)
  const begin = new Date(test.clock.now()).toISOString()
  const ticket = (await open(developer.token, a1.name)).body.id
  await open(owner.token, a2.name)
  await open(developer.token, a2.name)
  await send(test, 'POST', `/v1/tickets/${ticket}/messages`, { token: support.token, body: { kind: 'note', body: 'Look into it' } })
  test.clock.advance(60_000)
  const noon = new Date(test.clock.now()).toISOString()
  await send(test, 'PATCH', `/v1/accounts/${a.number}`, { token: admin.token, ifMatch: 1, body: { name: 'Alpha AG' } })
  await append(db, { accountId: providerAccountId, kind: 'service.bootstrapped', at: test.clock.now() })
  await append(db, { accountId: b.id, kind: 'account.opened', at: test.clock.now(), resourceType: 'account', resourceId: b.id })

  await t.test('an owner sees who acted, in what capacity, by which row and for whom', async (t) => {
    const list = await get(path, owner.token)
    t.equal(list.status, 200, list.text)
    t.strictSame(
      list.body.items.map(({ kind }: Item) => kind),
      ['account.updated', 'access.refused', 'ticket.created', 'ticket.created'],
      'newest first, and not what is for staff',
    )
    const named = { id: a.id, number: a.number, name: 'Alpha AG' }
    const [updated, refused, , created] = list.body.items
    t.strictSame(created, {
      id: created.id,
      position: null,
      at: created.at,
      kind: 'ticket.created',
      account: named,
      actor: { id: developer.id, name: 'Dan Developer' },
      capacity: 'grant',
      via: given,
      onBehalfOf: named,
      verification: 'password',
      verificationLevel: 'one_factor',
      verifiedAt: signedIn,
      action: 'ticket.create',
      decision: 'permit',
      reason: null,
      resource: { type: 'ticket', id: ticket },
      domain: { id: a1.id, name: a1.name, unicode: 'bücher.example' },
      requestId: created.requestId,
      changed: null,
      value: null,
    })
    t.match(created.requestId, /^[0-9a-f-]{36}$/)
    t.match(refused, {
      actor: { id: developer.id },
      capacity: null,
      via: null,
      onBehalfOf: null,
      decision: 'deny',
      reason: 'domain_not_in_grant',
      verifiedAt: signedIn,
      domain: { id: a2.id },
    })
    t.match(updated, {
      actor: { id: admin.id },
      capacity: 'staff',
      via: admin.staffMember,
      onBehalfOf: null,
      domain: null,
      changed: ['name'],
      value: { name: { from: 'Alpha Ltd', to: 'Alpha AG' } },
    })
    t.strictSame((await get(path, manager.token)).body, list.body)
  })

  await t.test('a limited manager sees what is about his domains, and nothing else', async (t) => {
    const list = await items(path, limited.token)
    t.match(list, [{ kind: 'ticket.created', domain: { id: a1.id } }])
    t.equal(list.length, 1)
  })

  await t.test('staff see all of it, and for whom each event is', async (t) => {
    const list = await items(path, admin.token)
    t.strictSame(
      list.map(({ kind, audience }) => [kind, audience]),
      [
        ['account.updated', 'account'],
        ['ticket.noted', 'staff'],
        ['access.refused', 'account'],
        ['ticket.created', 'account'],
        ['ticket.created', 'account'],
      ],
    )
  })

  await t.test('filters narrow it', async (t) => {
    t.strictSame(await kinds('?kind=ticket.created', owner.token), ['ticket.created', 'ticket.created'])
    t.strictSame(await kinds(`?actor=${developer.id}`, owner.token), ['access.refused', 'ticket.created'])
    t.strictSame(await kinds(`?resource=${ticket}`, owner.token), ['ticket.created'])
    t.strictSame(await kinds('?decision=deny', owner.token), ['access.refused'])
    t.strictSame(await kinds(`?from=${noon}`, owner.token), ['account.updated'])
    t.strictSame(await kinds(`?from=${begin}&to=${noon}&decision=deny`, owner.token), ['access.refused'])
    t.strictSame(await kinds(`?to=${begin}`, owner.token), [])
    t.strictSame(await kinds('?kind=ticket.noted', owner.token), [], 'and never widen')
    for (const query of ['kind=nothing', 'actor=me', 'decision=maybe', 'from=yesterday', 'to=2026-12-31T23:59:60Z', 'account=x']) {
      const sent = await refusedOf(t, test, () => get(`${path}?${query}`, owner.token))
      t.match(sent, { status: 422, body: { errors: [{ parameter: query.split('=')[0], in: 'query' }] } }, query)
    }
  })

  await t.test('pages concatenate to the whole', async (t) => {
    const whole = await items(path, admin.token)
    const walked: Item[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page = await get(`${path}?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`, admin.token)
      walked.push(...page.body.items)
      cursor = page.body.nextCursor
    }
    t.strictSame(walked, whole)
  })

  await t.test('a value that was erased is gone, and the event stays', async (t) => {
    await db.delete(journalValues).where(eq(journalValues.accountId, a.id))
    const [updated] = await items(path, owner.token)
    t.match(updated, { kind: 'account.updated', changed: ['name'], value: null })
  })

  await t.test('who may not read it is refused', async (t) => {
    for (const [who, reason] of [
      [technical, 'action_not_in_role'],
      [developer, 'action_not_delegable'],
      [support, 'action_not_in_role'],
    ] as const) {
      t.match(await refusedOf(t, test, () => get(path, who.token)), { status: 403, body: { reason } }, who.name)
    }
    const theirs = await refusedOf(t, test, () => get(path, stranger.token))
    t.equal(theirs.status, 404)
    t.strictSame(comparable(theirs), comparable(await get('/v1/accounts/C-0/audit-events', stranger.token)))
  })

  await t.test("staff who may read every account's trail and the provider's own", async (t) => {
    const all = await items('/v1/audit-events', admin.token)
    t.match(
      all.find(({ kind }) => kind === 'service.bootstrapped'),
      { audience: 'staff', account: null, actor: null, resource: null, capacity: null, verification: null, verifiedAt: null },
    )
    t.ok(all.some(({ account }) => account?.id === a.id))
    t.match(
      all.find(({ kind }) => kind === 'account.opened'),
      { account: { id: b.id }, resource: { type: 'account', id: b.id } },
    )
    const times = all.map(({ at, id }) => `${at} ${id}`)
    t.strictSame(times, [...times].sort().reverse(), 'newest first')
    for (const [query, expected] of [
      [`account=${a.number}&decision=deny&kind=access.refused&actor=${developer.id}&to=${noon}`, ['access.refused']],
      [`account=${b.id}`, ['account.opened']],
      [`account=${providerAccountId}`, ['service.bootstrapped']],
      ['account=C-0', []],
    ] as const) {
      t.strictSame(
        (await items(`/v1/audit-events?${query}`, admin.token)).map(({ kind }) => kind),
        expected,
        query,
      )
    }
  })

  await t.test('nobody else reads them', async (t) => {
    for (const who of [owner, developer, stranger, support]) {
      const sent = await refusedOf(t, test, () => get('/v1/audit-events', who.token))
      t.match(sent, { status: 403, body: { code: 'not_authorised' } })
    }
  })
})
