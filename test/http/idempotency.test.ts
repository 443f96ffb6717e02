/** `Idempotency-Key`: carried out once, answered alike, and only to one who may read now what was made. Races are in `test/races`. */
import { eq } from 'drizzle-orm'
import t from 'tap'
import { KeyTaken, keyLifeMs } from '../../src/database/idempotency.ts'
import { accounts, contactDomains, contacts, grants, idempotencyKeys, staffMembers } from '../../src/database/tables.ts'
import { answering, idempotencyKey } from '../../src/http/idempotency.ts'
import type { Sent } from '../fixtures/app.ts'
import { contact, grant, person } from '../fixtures/cast.ts'
import { setStage, ticketRow } from '../tickets/stage.ts'

const stage = await setStage(t)
const { test, a, people, domains: held, ask, open, reply } = stage
const { db } = test.context

/** A key of its own for each test. */
let keys = 0
const fresh = (): string => `idem-${keys++}`
const isReplay = ({ headers }: Sent): boolean => headers['idempotency-replayed'] === 'true'

/** The bytes and what goes with them, without what is of the moment. */
const answerOf = ({ status, headers, text }: Sent) => ({
  status,
  text,
  location: headers['location'],
  etag: headers['etag'],
  type: headers['content-type'],
})

t.test('the same request with the same key is answered byte for byte alike, and carried out once', async (t) => {
  const details = {
    occurredAt: { at: '2026-01-22T14:05:00+10:00', precision: 'exact' },
    url: 'https://alpha.example/?ä',
    browser: 'Firefox 145',
  }
  const ticket = await ticketRow(stage, { domainId: held.alpha.id })
  const closing = await ticketRow(stage, { domainId: held.alpha.id })
  const acts: Record<string, (key: string) => Promise<Sent>> = {
    'a ticket': (key) => open('owner', { topic: 'website', details, domain: 'www.alpha.example' }, { key }),
    'a ticket about no domain': (key) => open('owner', { domain: null }, { key }),
    "a developer's ticket": (key) => open('developer', {}, { key }),
    "a ticket of staff's": (key) => open('support', { domain: 'shop.alpha.example' }, { key }),
    'a reply': (key) => reply('owner', ticket, {}, { key }),
    "a note of staff's": (key) => reply('support', ticket, { kind: 'note' }, { key }),
    'a closing': (key) => ask('owner', 'POST', `/v1/tickets/${closing}/close`, { key, ifMatch: 1 }),
    'a reopening': (key) => ask('owner', 'POST', `/v1/tickets/${closing}/reopen`, { key, ifMatch: 2 }),
  }
  for (const [what, act] of Object.entries(acts)) {
    const key = fresh()
    const first = await act(key)
    t.ok(first.status === 200 || first.status === 201, `${what}: ${first.text}`)
    t.notOk(isReplay(first))
    const after = await stage.rows()
    for (const again of [await act(key), await act(`"${key}"`), await act(`  ${key}  `)]) {
      t.strictSame(answerOf(again), answerOf(first), `${what}: alike`)
      t.ok(isReplay(again))
    }
    t.strictSame(await stage.rows(), after, `${what}: and nothing was written again`)
  }
})

t.test('what a default fills in makes no difference, what a person says does', async (t) => {
  const key = fresh()
  const first = await open('owner', {}, { key })
  t.equal((await open('owner', { contactsOnly: false }, { key })).text, first.text)
  const reused = { status: 422, body: { code: 'idempotency_key_reused', type: '/problems/idempotency-key-reused' } }
  const other = await ticketRow(stage)
  await stage.reply('owner', other)
  t.match(await open('owner', { subject: 'Another' }, { key }), reused, 'another body')
  t.match(await open('owner', { account: a.id }, { key }), reused, 'another name for the same')
  t.match(await reply('owner', first.body.id, {}, { key }), reused, 'another route')
  const onTicket = fresh()
  t.equal((await reply('owner', first.body.id, {}, { key: onTicket })).status, 201)
  const rows = await stage.rows()
  t.match(await reply('owner', other, {}, { key: onTicket }), reused, 'another ticket')
  t.match(await ask('owner', 'POST', `/v1/tickets/${first.body.id}/close`, { key: onTicket, ifMatch: 2 }), reused, 'another act')
  t.strictSame(await stage.rows(), rows, 'and nothing was written')
  const step = (verb: string, version: number) => ask('owner', 'POST', `/v1/tickets/${other}/${verb}`, { key: closing, ifMatch: version })
  const closing = fresh()
  t.equal((await step('close', 2)).status, 200)
  t.match(await step('reopen', 3), reused, 'another route with the same parameters and no body')
})

t.test('a key belongs to its caller', async (t) => {
  const key = fresh()
  const [one, other] = [await open('owner', {}, { key }), await open('manager', {}, { key })]
  t.strictSame([one.status, other.status, isReplay(other)], [201, 201, false])
  t.not(one.body.id, other.body.id)
  t.match(await open('stranger', {}, { key }), { status: 403 }, 'and opens nothing to others')
})

t.test('a key is one word of visible ASCII', async (t) => {
  const good = ['a', '"a"', '!#$%&()*+,-./:;<=>?@[]^_`{|}~', 'x'.repeat(255), `"${'x'.repeat(255)}"`]
  for (const key of good) t.ok(idempotencyKey(key), key.slice(0, 40))
  t.equal(idempotencyKey('"a"'), idempotencyKey('a'), 'quoted or bare')
  t.equal(idempotencyKey(undefined), undefined)
  const before = await stage.rows()
  for (const key of ['', ' ', '""', 'a b', 'ä', 'a"b', '"a', 'a\tb', 'x'.repeat(256), '"a", "b"']) {
    t.throws(() => idempotencyKey(key), { code: 'malformed_request' }, JSON.stringify(key.slice(0, 20)))
    t.match(await open('owner', {}, { headers: { 'idempotency-key': key } }), { status: 400 }, JSON.stringify(key.slice(0, 20)))
  }
  t.strictSame(await stage.rows(), before, 'and nothing was written')
  const read = await ask('owner', 'GET', '/v1/tickets', { headers: { 'idempotency-key': 'a b' } })
  t.equal(read.status, 200, 'on what is no POST it means nothing')
})

t.test('where a key is required its absence is told after what is wrong with the body, and before who may', async (t) => {
  const body = { account: a.number, domain: null, topic: 'other', subject: 'It broke', message: 'Since noon.' }
  const post = (who: string, change: object = {}) => ask(who, 'POST', '/v1/tickets', { body: { ...body, ...change } })
  const before = await stage.rows()
  for (const who of ['owner', 'stranger']) {
    t.match(await post(who), { status: 400, body: { code: 'idempotency_key_missing' } }, who)
    t.match(await post(who, { subject: 7 }), { status: 422 }, who)
  }
  t.match(await ask('', 'POST', '/v1/tickets', { body }), { status: 401 })
  t.strictSame(await stage.rows(), before, 'and nothing was written')
})

t.test('a refusal or a mistake stores nothing: the key is still good for the right request', async (t) => {
  const ticket = await ticketRow(stage, { domainId: held.alpha.id })
  const key = fresh()
  const kept = () => db.select().from(idempotencyKeys).where(eq(idempotencyKeys.key, key))
  const wrong: [() => Promise<Sent>, number][] = [
    [() => open('developer', { domain: 'deep.alpha.example' }, { key }), 403],
    [() => open('developer', { topic: 'website' }, { key }), 422],
    [() => open('developer', { subject: '' }, { key }), 422],
    [() => open('developer', { domain: 'no name' }, { key }), 422],
    [() => reply('developer', ticket, {}, { key }), 404],
    [() => ask('developer', 'POST', '/v1/tickets', { key, body: '{' }), 400],
    [() => ask('developer', 'POST', '/v1/tickets', { key, body: 'x', headers: { 'content-type': 'text/plain' } }), 415],
    [() => ask('keeper', 'POST', `/v1/tickets/${ticket}/close`, { key, ifMatch: 7 }), 412],
    [() => ask('keeper', 'POST', `/v1/tickets/${ticket}/reopen`, { key, ifMatch: 1 }), 409],
    [() => ask('keeper', 'POST', `/v1/tickets/${ticket}/close`, { key }), 428],
  ]
  for (const [act, status] of wrong) {
    t.equal((await act()).status, status)
    t.strictSame(await kept(), [], `${status} stores nothing`)
  }
  for (const who of ['developer', 'keeper']) t.match(await open(who, {}, { key }), { status: 201 }, who)
  t.equal((await kept()).length, 2)
})

t.test('an answer is given again only to one who may read now what was made', async (t) => {
  const hidden = { status: 404, body: { code: 'not_found' } }

  await t.test('not after the grant was revoked, or bound to another domain', async (t) => {
    const dora = await person(test, 'Dora Developer')
    const id = await grant(test, a, stage.contacts.owner, dora, [held.alpha], { actions: ['ticket.create', 'ticket.read', 'ticket.reply'] })
    const key = fresh()
    const replyKey = fresh()
    const as = { token: dora.token, key }
    const made = await open('', {}, as)
    const said = await reply('', made.body.id, {}, { token: dora.token, key: replyKey })
    t.strictSame([made.status, said.status], [201, 201])
    t.equal((await open('', {}, as)).text, made.text)
    await db
      .update(grants)
      .set({ status: 'revoked', endedAt: new Date(test.clock.now()) })
      .where(eq(grants.id, id))
    const before = await stage.rows('journal_events')
    t.match(await open('', {}, as), hidden)
    t.match(await reply('', made.body.id, {}, { token: dora.token, key: replyKey }), hidden)
    await grant(test, a, stage.contacts.owner, dora, [held.deep])
    t.match(await open('', {}, as), hidden, 'a grant for another domain does not show it')
    t.strictSame(
      await stage.rows('journal_events', 'grants', 'grant_domains'),
      without(before, 'grants', 'grant_domains'),
      'and nothing was written',
    )
    await grant(test, a, stage.contacts.owner, dora, [held.alpha], { lineage: [id], supersedes: id })
    t.equal((await open('', {}, as)).text, made.text, 'one that reaches the ticket does')
  })

  await t.test('not without the right to read, though with that to open', async (t) => {
    const blind = await person(test, 'Bella Blind')
    await grant(test, a, stage.contacts.owner, blind, [held.alpha], { actions: ['ticket.create'] })
    const as = { token: blind.token, key: fresh() }
    t.equal((await open('', {}, as)).status, 201)
    t.match(await open('', {}, as), hidden)
  })

  await t.test('not after the contact was ended, or the staff role', async (t) => {
    const carl = await person(test, 'Carl Contact')
    const id = await contact(test, a, carl, 'technical')
    const as = { token: carl.token, key: fresh() }
    t.equal((await open('', {}, as)).status, 201)
    await db
      .update(contacts)
      .set({ status: 'ended', endedAt: new Date(test.clock.now()) })
      .where(eq(contacts.id, id))
    t.match(await open('', {}, as), hidden)
    const key = fresh()
    t.equal((await open('admin', {}, { key })).status, 201)
    await db
      .update(staffMembers)
      .set({ endedAt: new Date(test.clock.now()) })
      .where(eq(staffMembers.userId, people.admin.id))
    t.match(await open('admin', {}, { key }), hidden)
  })

  await t.test('a grant is shown again within the limit of who gave it, and not outside', async (t) => {
    const lena = await person(test, 'Lena Manager')
    const id = await contact(test, a, lena, 'manager', [held.alpha])
    const path = `/v1/accounts/${a.number}/grants`
    const [given, revoked] = [fresh(), fresh()]
    const body = { grantee: { address: 'dev@agency.example' }, domains: ['alpha.example'], actions: ['ticket.read'] }
    const give = () => ask('', 'POST', path, { token: lena.token, key: given, body })
    const first = await give()
    const revoke = () => ask('', 'POST', `${path}/${first.body.id}/revoke`, { token: lena.token, key: revoked })
    const ended = await revoke()
    t.strictSame([first.status, ended.status], [201, 200])
    t.strictSame([(await give()).text, (await revoke()).text], [first.text, ended.text])
    await db.update(contactDomains).set({ domainId: held.deep.id }).where(eq(contactDomains.contactId, id))
    for (const again of [await give(), await revoke()]) t.match(again, hidden)
    await db.delete(contactDomains).where(eq(contactDomains.contactId, id))
    t.match(await give(), hidden, 'a limit without a domain is none at all')
    await db.update(contacts).set({ limited: false }).where(eq(contacts.id, id))
    t.equal((await give()).text, first.text)
    await db.update(contacts).set({ role: 'billing' }).where(eq(contacts.id, id))
    t.match(await give(), hidden, 'nor by a role that reads no grants')
  })

  await t.test('a contact keeps what he was told while the account is restricted, a developer does not', async (t) => {
    const [own, delegated] = [fresh(), fresh()]
    const made = await open('owner', {}, { key: own })
    t.equal((await open('keeper', {}, { key: delegated })).status, 201)
    await db.update(accounts).set({ state: 'restricted' }).where(eq(accounts.id, a.id))
    t.equal((await open('owner', {}, { key: own })).text, made.text)
    t.match(await open('keeper', {}, { key: delegated }), hidden)
    await db.update(accounts).set({ state: 'open' }).where(eq(accounts.id, a.id))
  })
})

const without = (rows: Record<string, number>, ...names: string[]) =>
  Object.fromEntries(Object.entries(rows).filter(([name]) => !names.includes(name)))

t.test('after 24 hours a key is new again', async (t) => {
  const [key, replyKey] = [fresh(), fresh()]
  const first = await open('owner', {}, { key })
  const said = await reply('owner', first.body.id, {}, { key: replyKey })
  await stage.wait(keyLifeMs - 60_000)
  t.equal((await open('owner', {}, { key })).text, first.text)
  await stage.wait(120_000)
  const second = await open('owner', { subject: 'Another day' }, { key })
  t.match(second, { status: 201, body: { subject: 'Another day' } })
  t.notOk(isReplay(second))
  t.not(second.body.id, first.body.id)
  t.equal((await open('owner', { subject: 'Another day' }, { key })).text, second.text, 'and is kept anew')
  const again = await reply('owner', first.body.id, {}, { key: replyKey })
  t.equal(again.status, 201)
  t.not(again.body.id, said.body.id)
})

t.test('an answer without a reader of its own, or about no account, is given to its caller alone', async (t) => {
  const key = fresh()
  const made = await open('owner', {}, { key })
  const become = (value: object | null) =>
    db
      .update(idempotencyKeys)
      .set({ made: value as never })
      .where(eq(idempotencyKeys.key, key))
  await become(null)
  t.equal((await open('owner', {}, { key })).text, made.text)
  await become({ action: 'self.read', staffAction: null, account: null, ticket: null })
  t.equal((await open('owner', {}, { key })).text, made.text)
  await become({ action: 'staff.directory.read', staffAction: 'staff.directory.read', account: null, ticket: null })
  t.equal((await open('owner', {}, { key })).status, 404)
  await become({ action: 'account.read', staffAction: 'staff.directory.read', account: a.id, ticket: null })
  t.equal((await open('owner', {}, { key })).text, made.text)
})

t.test('who lost to a twin whose answer is not there is told to repeat; one without a key has no twin', async (t) => {
  const lost = new KeyTaken()
  const caller = {
    userId: people.owner.id,
    sessionId: people.owner.session,
    requestId: 'x',
    authenticatedAt: 0,
    clientId: null,
    ceiling: null,
  }
  const losing = (repeatable: object | null) =>
    answering(test.context, { standing: { caller, repeatable } } as never, {} as never, () => Promise.reject(lost))
  const repeatable = { principalId: people.owner.id, key: fresh(), fingerprint: Buffer.from('x') }
  await t.rejects(losing(repeatable), { code: 'idempotency_in_progress', headers: { 'retry-after': '1' } })
  t.equal(await losing(null).catch((error: unknown) => error), lost)
})
