import { and, count, eq, sql } from 'drizzle-orm'
import t from 'tap'
import {
  accounts,
  contacts,
  domainClaims,
  domainNames,
  domains,
  grants,
  journalEvents,
  requestCodes,
  singleUseTokens,
  submissions,
  tickets,
} from '../../src/database/tables.ts'
import { openTestApp, type Request, send, type TestApp } from '../fixtures/app.ts'
import { account, contact, domain, grant, person, request, staff, tokenFor } from '../fixtures/cast.ts'
import { comparable, eventsOf, ledger, letters, refusedOf } from '../fixtures/ledger.ts'
import { mailbox } from '../fixtures/mail.ts'
import { clientToken, panel } from '../oauth/stage.ts'

const dayMs = 86_400_000

t.setTimeout(180_000)

async function setStage(test: TestApp) {
  const { db } = test.context
  const a = await account(test, 'Alpha Ltd')
  const d = await domain(test, a, 'alpha.example')
  const d2 = await domain(test, a, 'alpha-two.example')
  const owner = await person(test, 'Olga Owner')
  const manager = await person(test, 'Max Manager')
  const developer = await person(test, 'Dan Developer')
  const support = await staff(test, 'Sue Support', 'support')
  const admin = await staff(test, 'Ada Admin', 'admin')
  const ownerContact = await contact(test, a, owner, 'owner')
  await contact(test, a, manager, 'manager')
  const given = await grant(test, a, ownerContact, developer, [d], { actions: ['ticket.create', 'ticket.read', 'ticket.reply'] })
  const act = (verb: string, rest: Request = {}) =>
    send(test, 'POST', `/v1/accounts/${a.number}/${verb}`, { token: admin.token, body: { reason: 'Unpaid since March' }, ...rest })
  const open = (token: string, rest: object = {}) => {
    const body = { account: a.number, domain: d.name, topic: 'other', subject: 'It broke', message: 'Since noon.', ...rest }
    return send(test, 'POST', '/v1/tickets', { token, key: true, body })
  }
  const row = async () => (await db.select().from(accounts).where(eq(accounts.id, a.id)))[0]
  const grantRow = async (id: string) => (await db.select().from(grants).where(eq(grants.id, id)))[0]
  const get = (url: string, token: string) => send(test, 'GET', url, { token })
  return { a, d, d2, owner, manager, developer, support, admin, ownerContact, given, act, open, row, grantRow, get }
}

t.test('restricting an account', async (t) => {
  const test = await openTestApp(t)
  const { a, owner, manager, developer, support, admin, given, act, open, row, grantRow } = await setStage(test)

  await t.test('only who provisions may, with a reason', async (t) => {
    for (const { token } of [owner, manager, developer, support]) {
      for (const verb of ['restrict', 'close', 'reopen']) {
        t.equal((await refusedOf(t, test, () => act(verb, { token, ifMatch: 1 }))).status, 403, verb)
      }
    }
    const stranger = await person(test, 'Sam Stranger')
    const hidden = await refusedOf(t, test, () => act('close', { token: stranger.token }))
    const unknown = await send(test, 'POST', '/v1/accounts/C-0/close', { token: stranger.token, body: { reason: 'Unpaid' } })
    t.strictSame(comparable(hidden), comparable(unknown))
    t.equal((await refusedOf(t, test, () => act('restrict', { body: {} }))).status, 422)
  })

  await t.test('no grant is live, contacts keep everything, and the owners are told', async (t) => {
    const ticket = (await open(developer.token)).body
    const sent = await act('restrict', { key: 'r-1' })
    t.match(sent, { status: 200, body: { state: 'restricted', accessUntil: null, version: 2 }, headers: { etag: '"v2"' } }, sent.text)
    t.match((await eventsOf(test, a.id)).at(-1), {
      kind: 'account.restricted',
      actor: admin.id,
      capacity: 'staff',
      changed: ['state'],
      value: { reason: 'Unpaid since March' },
    })
    t.match((await mailbox(test)).at(-1), { to: owner.address, subject: /restricted/, text: /GET \S+\/v1\/accounts\/C-\d+\n/ })
    t.match(await refusedOf(t, test, () => open(developer.token)), { status: 403, body: { reason: 'account_state' } })
    t.equal((await send(test, 'GET', `/v1/tickets/${ticket.id}`, { token: developer.token })).status, 404)
    t.equal((await open(owner.token)).status, 201)
    t.equal((await grantRow(given))?.status, 'active', 'the grant itself is as it was')
  })

  await t.test('again it is the same answer, and no second event', async (t) => {
    const [events, before] = [await eventsOf(test, a.id), await ledger(test)]
    t.match(await act('restrict'), { status: 200, body: { state: 'restricted', version: 2 } })
    t.strictSame(await ledger(test), before)
    t.strictSame((await act('restrict', { key: 'r-1' })).body.version, 2)
    t.strictSame(await eventsOf(test, a.id), events)
  })

  await t.test('open again, what was only held back is there', async (t) => {
    t.equal((await refusedOf(t, test, () => act('reopen'))).status, 428)
    t.equal((await refusedOf(t, test, () => act('reopen', { ifMatch: 1 }))).status, 412)
    t.match(await act('reopen', { ifMatch: 2 }), { status: 200, body: { state: 'open', version: 3 } })
    t.equal((await open(developer.token)).status, 201)
    const wrong = await refusedOf(t, test, () => act('reopen', { ifMatch: 3 }))
    t.match(wrong, { status: 409, body: { code: 'invalid_transition', from: 'open', to: 'open', allowed: ['restricted', 'closed'] } })
    t.equal((await row())?.state, 'open')
  })
})

t.test('closing an account', async (t) => {
  const test = await openTestApp(t, { CLOSED_ACCOUNT_DAYS: '30' })
  const { db } = test.context
  const stage = await setStage(test)
  const { a, d, d2, owner, manager, developer, admin, ownerContact, given, act, open, row, grantRow, get } = stage
  const accept = (token: string) =>
    send(test, 'POST', '/v1/invitations/accept', { body: { token, name: 'Ned New', password: 'a long enough password' } })

  const overdue = await grant(test, a, ownerContact, developer, [d], { expiresAt: new Date(test.clock.now() - 1) })
  const onBoth = await grant(test, a, ownerContact, developer, [d, d2], { status: 'suspended', suspensionCauses: ['staff'] })
  const invitedGrant = (
    await send(test, 'POST', `/v1/accounts/${a.id}/grants`, {
      token: owner.token,
      key: true,
      body: { grantee: { address: 'dev@agency.example' }, domains: [d.name], actions: ['ticket.read'] },
    })
  ).body
  const invitedContact = (
    await send(test, 'POST', `/v1/accounts/${a.id}/contacts`, {
      token: owner.token,
      body: { address: 'new@people.example', role: 'technical' },
    })
  ).body
  const claim = (await send(test, 'POST', `/v1/accounts/${a.id}/domains/claims`, { token: owner.token, body: { name: 'more.example' } }))
    .body
  const code = await send(test, 'POST', `/v1/accounts/${a.id}/request-code`, { token: owner.token })
  t.ok(code.status < 300, code.text)
  const tell = (token: string, body: object = {}) => send(test, 'POST', `/v1/accounts/${a.id}/support-codes`, { token, body })
  const verify = (spoken: string, token = admin.token) =>
    send(test, 'POST', '/v1/support-codes/verify', { token, body: { account: a.number, code: spoken } })
  const told = (await tell(manager.token)).body
  t.equal((await verify(told.code)).status, 200)
  const unspoken = (await tell(owner.token)).body
  const ofDeveloper = (await tell(developer.token, { domain: d.name })).body
  const replaced = (await tell(manager.token)).body
  const latest = (await tell(manager.token)).body
  const stranger = await person(test, 'Sam Stranger')
  const submitted = await send(test, 'POST', '/v1/submissions', {
    token: stranger.token,
    key: true,
    body: { account: a.number, domain: d.name, topic: 'other', subject: 'It broke', message: 'Since noon.' },
  })
  t.ok(submitted.status < 300, submitted.text)
  const asked = await request(test, a, developer, [d])
  const mine = (await open(owner.token)).body
  const theirs = (await open(developer.token)).body
  const finished = (await open(owner.token)).body
  await db.update(tickets).set({ status: 'closed' }).where(eq(tickets.id, finished.id))
  const invitationMail = (await mailbox(test)).find(({ to }) => to === 'new@people.example')
  const mailed = /^([A-Za-z0-9_-]{43})$/m.exec(String(invitationMail?.text))?.[1] as string

  await t.test('ends grants, invitations, claims, domains and tickets, in one commit', async (t) => {
    const before = { letters: (await letters(test)).length, events: (await eventsOf(test, a.id)).length }
    const sent = await act('close')
    t.match(sent, { status: 200, body: { state: 'closed' } }, sent.text)
    t.equal(Date.parse(sent.body.accessUntil) - Date.parse(sent.body.stateChangedAt), 30 * dayMs, 'as long as is configured')
    t.match(await grantRow(given), { status: 'revoked', endedBy: admin.id, version: 2 })
    t.match(await grantRow(onBoth), { status: 'revoked', suspensionCauses: [] })
    t.match(await grantRow(invitedGrant.id), { status: 'cancelled' })
    t.match(await grantRow(asked), { status: 'cancelled' })
    t.match(await grantRow(overdue), { status: 'active' }, 'what has run out is recorded as that')
    t.match((await db.select().from(contacts).where(eq(contacts.id, invitedContact.id)))[0], { status: 'ended' })
    t.strictSame(
      await db
        .select()
        .from(singleUseTokens)
        .where(and(eq(singleUseTokens.accountId, a.id), sql`used_at is null`)),
      [],
    )
    t.match((await db.select().from(domainClaims).where(eq(domainClaims.id, claim.id)))[0], { status: 'withdrawn' })
    t.strictSame(await db.select().from(domainNames).where(eq(domainNames.accountId, a.id)), [])
    t.strictSame(
      await db
        .select()
        .from(domains)
        .where(and(eq(domains.accountId, a.id), sql`released_at is null`)),
      [],
    )
    t.strictSame(await db.select().from(requestCodes).where(eq(requestCodes.accountId, a.id)), [])
    const held = await db.select().from(submissions)
    t.match(held, [{ verdict: 'account_closed' }])
    const statuses = Object.fromEntries((await db.select().from(tickets)).map((ticket) => [ticket.id, ticket]))
    for (const { id } of [mine, theirs]) t.match(statuses[id], { status: 'resolved', resolvedAt: Date, version: 2 })
    t.match(statuses[finished.id], { status: 'closed', version: 1 })
    const events = (await eventsOf(test, a.id)).slice(before.events)
    t.strictSame(
      events.map(({ kind, resourceId }) => `${kind} ${resourceId}`).sort(),
      [
        `account.closed ${a.id}`,
        `contact.ended ${invitedContact.id}`,
        `domain.claim_withdrawn ${claim.id}`,
        `domain.released ${d.id}`,
        `domain.released ${d2.id}`,
        `grant.cancelled ${invitedGrant.id}`,
        `grant.cancelled ${asked}`,
        `grant.revoked ${given}`,
        `grant.revoked ${onBoth}`,
        `ticket.closed ${mine.id}`,
        `ticket.closed ${theirs.id}`,
        `request_code.removed ${a.id}`,
        `support_code.ended ${unspoken.id}`,
        `support_code.ended ${ofDeveloper.id}`,
        `support_code.ended ${latest.id}`,
        `submission.closed ${held[0]?.id}`,
      ].sort(),
    )
    for (const event of events) t.match(event, { actor: admin.id, capacity: 'staff', audience: 'account' })
    const { verification, verificationLevel, verifiedAt, requestId } = journalEvents
    const ofRequest = eq(requestId, String(sent.headers['x-request-id']))
    const verified = await db.selectDistinct({ verification, verificationLevel, verifiedAt }).from(journalEvents).where(ofRequest)
    t.match(verified, [{ verification: 'password', verificationLevel: 'one_factor', verifiedAt: Date }], 'each says how he was verified')
    t.equal(verified.length, 1)
    t.match(
      events.find(({ resourceId }) => resourceId === mine.id),
      { domainId: d.id, resourceType: 'ticket' },
    )
    t.match(
      events.find(({ resourceId }) => resourceId === given),
      { domainId: d.id, value: { cause: 'account_closed' } },
    )
    t.match(
      events.find(({ resourceId }) => resourceId === onBoth),
      { domainId: null },
    )
    t.match(
      events.find(({ resourceId }) => resourceId === ofDeveloper.id),
      { domainId: d.id, resourceType: 'support_code', changed: ['expiresAt'], value: { cause: 'account_closed' } },
    )
    t.notMatch(JSON.stringify(events), replaced.id, 'one that was void already ends no second time')
    const sentTo = (await letters(test)).slice(before.letters).map(({ kind, recipient }) => `${kind} ${recipient}`)
    t.strictSame(
      sentTo.sort(),
      [
        `account_closed ${owner.id}`,
        `grant_cancelled ${owner.id}`,
        ...[developer.id, owner.id].flatMap((who) => [`grant_revoked ${who}`, `grant_revoked ${who}`]),
      ].sort(),
    )
    t.match(
      (await mailbox(test)).find(({ subject }) => subject.startsWith('The account is closed')),
      { to: owner.address },
    )
    t.equal((await accept(mailed)).status, 403, 'a letter in somebody’s mailbox is of no use')
  })

  await t.test('again it is the same answer, and no second event', async (t) => {
    const [events, before] = [await eventsOf(test, a.id), await row()]
    t.match(await act('close'), { status: 200, body: { state: 'closed' } })
    t.strictSame([await eventsOf(test, a.id), (await row())?.version], [events, before?.version])
  })

  await t.test('R8: the developer sees nothing of it any more, the account keeps it all', async (t) => {
    for (const { id } of [mine, theirs]) t.equal((await get(`/v1/tickets/${id}`, developer.token)).status, 404)
    t.strictSame((await get('/v1/tickets', developer.token)).body.items, [])
    t.equal((await get(`/v1/tickets/${theirs.id}`, owner.token)).status, 200)
    t.equal((await get('/v1/tickets', owner.token)).body.items.length, 3)
    t.equal((await get(`/v1/accounts/${a.id}`, owner.token)).status, 200)
    t.equal((await get(`/v1/accounts/${a.id}/audit-events`, owner.token)).status, 200)
  })

  await t.test('its owners still write about bills and ownership, and nobody does anything else', async (t) => {
    for (const topic of ['billing', 'ownership']) t.equal((await open(owner.token, { topic, domain: null })).status, 201, topic)
    for (const [who, rest] of [
      [owner, { domain: null }],
      [manager, { topic: 'billing', domain: null }],
      [developer, {}],
    ] as const) {
      t.match(await refusedOf(t, test, () => open(who.token, rest)), { status: 403, body: { reason: 'account_state' } })
    }
    t.match(await get(`/v1/accounts/${a.id}/contacts`, owner.token), { status: 403, body: { reason: 'account_state' } })
  })

  await t.test('what only takes away needs no open account', async (t) => {
    const left = await contact(test, a, await person(test, 'Tom Technical'), 'technical')
    const sent = await send(test, 'DELETE', `/v1/accounts/${a.id}/contacts/${left}`, { token: admin.token })
    t.equal(sent.status, 204, sent.text)
  })

  await t.test('restricting it is no way', async (t) => {
    const sent = await refusedOf(t, test, () => act('restrict'))
    t.match(sent, { status: 409, body: { code: 'invalid_transition', from: 'closed', to: 'restricted', allowed: ['open'] } })
  })

  await t.test('opening it again revives no grant and no domain', async (t) => {
    const { version } = (await row()) as { version: number }
    t.match(await act('reopen', { ifMatch: version }), { status: 200, body: { state: 'open', accessUntil: null } })
    t.match((await mailbox(test)).at(-1), { to: owner.address, subject: /open again/ })
    t.match(await grantRow(given), { status: 'revoked' })
    t.match(await refusedOf(t, test, () => open(developer.token)), { status: 403 })
    t.match(await refusedOf(t, test, () => open(owner.token)), { status: 403, body: { reason: 'domain_not_in_account' } })
    t.equal((await open(owner.token, { domain: null })).status, 201)
    t.equal((await get(`/v1/tickets/${mine.id}`, owner.token)).body.status, 'resolved')
    test.clock.advance(-5 * 60_000)
    const then = await tokenFor(test, admin.id, admin.session)
    for (const { code: spoken } of [unspoken, latest])
      t.equal((await verify(spoken, then)).status, 422, 'nor a code that was on somebody’s lips')
    test.clock.advance(5 * 60_000)
    t.equal((await verify((await tell(owner.token)).body.code)).status, 200, 'a new one is good')
  })

  await t.test('T1: what closing leaves ends when it says, 1 ms either side', async (t) => {
    await act('close')
    const until = (await row())?.accessUntil?.getTime() as number
    const at = async (instant: number) => {
      test.clock.set(instant - Date.now())
      await db.execute(
        sql`update sessions set expires_at = ${new Date(instant + dayMs).toISOString()}::timestamptz where id = ${owner.session}`,
      )
      return get(`/v1/accounts/${a.id}`, await tokenFor(test, owner.id, owner.session))
    }
    t.equal((await at(until - 5_000)).status, 200)
    t.match(await at(until), { status: 403, body: { reason: 'account_state' } })
    test.clock.set(0)
  })

  await t.test('one that never had an owner is closed, and opens as new', async (t) => {
    const fresh = await account(test, 'Fresh Ltd', 'new')
    const step = (verb: string, ifMatch: number) =>
      send(test, 'POST', `/v1/accounts/${fresh.id}/${verb}`, { token: admin.token, ifMatch, body: { reason: 'By mistake' } })
    t.match(await refusedOf(t, test, () => step('restrict', 1)), { status: 409, body: { from: 'new', allowed: ['closed'] } })
    t.match(await step('close', 1), { status: 200, body: { state: 'closed' } })
    t.match(await step('reopen', 2), { status: 200, body: { state: 'new' } })
  })
})

t.test('a service restricts, closes and reopens accounts of its realm, and no other', async (t) => {
  const test = await openTestApp(t)
  const { db } = test.context
  const shop = await panel(test)
  const token = await clientToken(test, shop)
  const a = await account(test, 'Alpha Ltd')
  const foreign = await account(test, 'Foreign Ltd')
  await contact(test, a, await person(test, 'Olga Owner'), 'owner')
  await db.update(accounts).set({ realm: shop.realm }).where(eq(accounts.id, a.id))
  const step = (id: string, verb: string, ifMatch = 1) =>
    send(test, 'POST', `/v1/accounts/${id}/${verb}`, { token, ifMatch, body: { reason: 'Unpaid since March' } })
  t.match(await step(a.id, 'restrict'), { status: 200, body: { state: 'restricted' } })
  t.match((await eventsOf(test, a.id)).at(-1), { kind: 'account.restricted', actor: null, capacity: 'client' })
  t.match(await step(a.id, 'close'), { status: 200, body: { state: 'closed' } })
  t.match(await step(a.id, 'reopen', 3), { status: 200, body: { state: 'open' } })
  t.strictSame(comparable(await refusedOf(t, test, () => step(foreign.id, 'close'))), comparable(await step('C-0', 'close')))

  const d = await domain(test, a, 'alpha.example')
  const b = await account(test, 'Beta Ltd')
  await db.update(accounts).set({ realm: shop.realm }).where(eq(accounts.id, b.id))
  const move = (to: string) =>
    send(test, 'POST', `/v1/accounts/${a.id}/domains/${d.id}/transfer`, { token, ifMatch: 1, body: { to, reason: 'Sold to them' } })
  const hidden = await refusedOf(t, test, () => move(foreign.number))
  t.equal(hidden.status, 404, 'a service sees no domain by this door')

  for (const [url, body] of [
    ['/v1/accounts', { name: 'Made once' }],
    [`/v1/accounts/${b.id}/domains`, { name: 'once.example' }],
  ] as const) {
    const first = await send(test, 'POST', url, { token, key: `once ${url}`.replaceAll(/\W/g, '-'), body })
    const again = await send(test, 'POST', url, { token, key: `once ${url}`.replaceAll(/\W/g, '-'), body })
    t.equal(first.status, 201, first.text)
    t.strictSame([again.status, again.body], [201, first.body], 'repeated with its key it is answered alike')
    t.equal(again.headers['idempotency-replayed'], 'true')
  }
})

t.test('tens of thousands of open tickets are resolved in one statement', async (t) => {
  const test = await openTestApp(t)
  const { db } = test.context
  const { a, owner, act, open } = await setStage(test)
  const first = (await open(owner.token)).body
  const many = 1_200
  await db.execute(sql`
    insert into tickets select (jsonb_populate_record(t, jsonb_build_object('id', gen_random_uuid(), 'number', 500000 + n))).*
    from tickets t, generate_series(1, ${many}) n where t.id = ${first.id}`)
  t.equal((await act('close')).status, 200)
  const [left] = await db
    .select({ open: count() })
    .from(tickets)
    .where(and(eq(tickets.accountId, a.id), sql`status <> 'resolved'`))
  t.equal(left?.open, 0)
  const closed = and(eq(journalEvents.accountId, a.id), eq(journalEvents.kind, 'ticket.closed'))
  const { id, resourceId: ticket, changed } = journalEvents
  const events = await db.select({ id, ticket, changed }).from(journalEvents).where(closed)
  t.strictSame([...new Set(events.map(({ changed }) => changed?.join()))], ['status,resolvedAt'])
  t.equal(new Set(events.map(({ ticket }) => ticket)).size, many + 1, 'one event each')
  t.equal(events.filter(({ id }) => !/^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab]/.test(id)).length, 0, 'whose ids are of version 7')
})
