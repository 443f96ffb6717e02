/** One key, one effect: however many send it at once, and whatever they wait for. */
import { sql } from 'drizzle-orm'
import pg from 'pg'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { explainWait, KeyTaken } from '../../src/database/idempotency.ts'
import { openTestApp, type Sent, send } from '../fixtures/app.ts'
import { type Account, account, contact, type Domain, domain, type Person, person } from '../fixtures/cast.ts'
import { noSessions } from './server.ts'

t.setTimeout(240_000)

const test = await openTestApp(t)

type Place = { a: Account; d: Domain; owner: Person }

async function place(): Promise<Place> {
  const a = await account(test, 'Alpha Ltd')
  const owner = await person(test, 'Olga Owner')
  await contact(test, a, owner, 'owner')
  return { a, d: await domain(test, a, `${uuid()}.example`), owner }
}

function open({ a, d, owner }: Place, key: string, subject = 'It broke'): Promise<Sent> {
  const body = { account: a.id, domain: d.name, topic: 'other', subject, message: 'Since noon.' }
  return send(test, 'POST', '/v1/tickets', { token: owner.token, key, body })
}

async function counted({ a, owner }: Place): Promise<unknown> {
  const { rows } = await test.context.db.execute(sql`select
    (select count(*)::int from tickets where account_id = ${a.id}) as tickets,
    (select count(*)::int from messages where account_id = ${a.id}) as messages,
    (select count(*)::int from journal_events where account_id = ${a.id} and kind = 'ticket.created') as events,
    (select count(*)::int from idempotency_keys where principal_id = ${owner.id}) as keys`)
  return rows[0]
}
const one = { tickets: 1, messages: 1, events: 1, keys: 1 }

t.test('of twenty equal requests with one key one opens a ticket, and all get its answer', async (t) => {
  const at = await place()
  const replies = await Promise.all(Array.from({ length: 20 }, () => open(at, 'the-key')))
  const first = replies[0] as Sent
  for (const { status, body, headers } of replies) {
    t.equal(status, 201)
    t.strictSame(body, first.body)
    t.strictSame([headers['location'], headers['etag']], [first.headers['location'], first.headers['etag']])
  }
  t.equal(replies.filter(({ headers }) => headers['idempotency-replayed'] === 'true').length, 19)
  t.strictSame(await counted(at), one)
})

t.test('of requests that differ under one key one wins, and the others are told', async (t) => {
  const at = await place()
  const replies = await Promise.all(Array.from({ length: 8 }, (_, index) => open(at, 'the-key', `Subject ${index}`)))
  t.equal(replies.filter(({ status }) => status === 201).length, 1)
  t.equal(replies.filter(({ status, body }) => status === 422 && body.code === 'idempotency_key_reused').length, 7)
  t.strictSame(await counted(at), one)
})

t.test('of equal replies to a ticket with one key one is written', async (t) => {
  const at = await place()
  const { body: ticket } = await open(at, 'the-key')
  const path = `/v1/tickets/${ticket.id}/messages`
  const say = () => send(test, 'POST', path, { token: at.owner.token, key: 'the-reply', body: { body: 'More.' } })
  const replies = await Promise.all(Array.from({ length: 12 }, say))
  t.strictSame(new Set(replies.map(({ status }) => status)), new Set([201]))
  t.equal(new Set(replies.map(({ body }) => body.id)).size, 1)
  t.match(await counted(at), { messages: 2 })
})

t.test('of equal offers of a grant with one key one is made', async (t) => {
  const { a, d, owner } = await place()
  const body = { grantee: { address: 'dev@agency.example' }, domains: [d.name], actions: ['ticket.read'] }
  const offer = () => send(test, 'POST', `/v1/accounts/${a.id}/grants`, { token: owner.token, key: 'the-offer', body })
  const replies = await Promise.all(Array.from({ length: 8 }, offer))
  t.strictSame(new Set(replies.map(({ status }) => status)), new Set([201]))
  t.equal(new Set(replies.map(({ body: { id } }) => id)).size, 1)
  t.equal(replies.filter(({ headers }) => headers['idempotency-replayed'] === 'true').length, 7)
  const { rows } = await test.context.db.execute(sql`select count(*)::int as count from grants where account_id = ${a.id}`)
  t.strictSame(rows[0], { count: 1 })
})

t.test('of equal closings with one version one closes, the others see that it changed', async (t) => {
  const at = await place()
  const { body: ticket } = await open(at, 'the-key')
  const close = () => send(test, 'POST', `/v1/tickets/${ticket.id}/close`, { token: at.owner.token, ifMatch: 1 })
  const replies = await Promise.all(Array.from({ length: 12 }, close))
  t.equal(replies.filter(({ status }) => status === 200).length, 1)
  const stale = replies.filter(({ status }) => status === 412)
  t.equal(stale.length, 11)
  t.strictSame(new Set(stale.map(({ body }) => body.currentEtag)), new Set(['"v2"']))
  const { rows } =
    await test.context.db.execute(sql`select (select count(*)::int from journal_events where kind = 'ticket.closed' and resource_id = ${ticket.id}) as events,
    (select version from tickets where id = ${ticket.id}) as version`)
  t.strictSame(rows[0], { events: 1, version: 2 })
})

t.test('of equal closings with one key and version one closes, and all get its answer', async (t) => {
  const at = await place()
  const { body: ticket } = await open(at, 'the-key')
  const close = () => send(test, 'POST', `/v1/tickets/${ticket.id}/close`, { token: at.owner.token, key: 'the-end', ifMatch: 1 })
  const replies = await Promise.all(Array.from({ length: 8 }, close))
  t.strictSame(new Set(replies.map(({ status }) => status)), new Set([200]))
  t.strictSame(new Set(replies.map(({ body }) => body.version)), new Set([2]))
})

t.test('who waited too long learns whether it was for a key that was used meanwhile, and takes none', async (t) => {
  const at = await place()
  await open(at, 'used')
  const { db, clock } = test.context
  const waited = new Error('waited too long')
  const explain = (key: string) => explainWait(db, { principalId: at.owner.id, key, fingerprint: Buffer.alloc(32) }, clock.now(), waited)
  t.ok((await explain('used').catch((error: unknown) => error)) instanceof KeyTaken)
  await t.rejects(explain('free'), waited)
  t.strictSame(await counted(at), one)
})

t.test('a request whose twin is still at work', { skip: noSessions }, async (t) => {
  const at = await place()
  const other = new pg.Client({ connectionString: test.opened.settings['DATABASE_URL'] })
  await other.connect()
  t.teardown(() => other.end())
  const insert = `insert into idempotency_keys (principal_id, key, fingerprint, created_at, expires_at) values ($1, $2, '', now(), now() + interval '1 day')`

  await t.test('is told so when it has waited long enough, and may repeat', async (t) => {
    await other.query('begin')
    await other.query(insert, [at.owner.id, 'held'])
    t.match(await open(at, 'held'), { status: 409, headers: { 'retry-after': '1' }, body: { code: 'idempotency_in_progress' } })
    t.match(await counted(at), { tickets: 0, events: 0 })
    await other.query('rollback')
    t.equal((await open(at, 'held')).status, 201)
  })

  await t.test('is told the same where a transaction takes the key', async (t) => {
    await other.query('begin')
    await other.query(insert, [at.owner.id, 'grant'])
    const body = { grantee: { address: 'dev@agency.example' }, domains: [at.d.name], actions: ['ticket.read'] }
    const reply = await send(test, 'POST', `/v1/accounts/${at.a.id}/grants`, { token: at.owner.token, key: 'grant', body })
    t.match(reply, { status: 409, headers: { 'retry-after': '1' }, body: { code: 'idempotency_in_progress' } }, reply.text)
    await other.query('rollback')
  })

  await t.test('is not what one is told who waited for something else', async (t) => {
    await other.query('begin')
    await other.query('select from accounts where id = $1 for update', [at.a.id])
    t.match(await open(at, 'free'), { status: 503, headers: { 'retry-after': '1' }, body: { code: 'unavailable' } })
    await other.query('rollback')
    t.equal((await open(at, 'free')).status, 201, 'and the key is still to be had')
  })
})
