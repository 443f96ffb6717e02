/** K2 of docs/authority.md: the uses of a grant are never more than it has, however many are spent at once, and only tickets spend them. */
import { eq, sql } from 'drizzle-orm'
import pg from 'pg'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { grants } from '../../src/database/tables.ts'
import { openTestApp, type Sent, send } from '../fixtures/app.ts'
import { type Account, account, contact, type Domain, domain, grant, type Person, person } from '../fixtures/cast.ts'
import { noSessions } from './server.ts'

const rounds = Number(process.env['RACE_ROUNDS'] ?? 20)
t.setTimeout(240_000 + rounds * 500)

const test = await openTestApp(t)

type Place = { a: Account; d: Domain; giver: string; developer: Person }

async function place(): Promise<Place> {
  const a = await account(test, 'Alpha Ltd')
  const d = await domain(test, a, `${uuid()}.example`)
  const giver = await contact(test, a, await person(test, 'Olga Owner'), 'owner')
  return { a, d, giver, developer: await person(test, 'Dora Developer') }
}

function open({ a, d, developer }: Place, change: object = {}, key: string = uuid()): Promise<Sent> {
  const body = { account: a.id, domain: d.name, topic: 'other', subject: 'It broke', message: 'Since noon.', ...change }
  return send(test, 'POST', '/v1/tickets', { token: developer.token, key, body })
}

async function usesOf(id: string): Promise<number | undefined> {
  const [row] = await test.context.db.select({ uses: grants.uses }).from(grants).where(eq(grants.id, id))
  return row?.uses
}

async function ticketsUnder(id: string): Promise<number | undefined> {
  const { rows } = await test.context.db.execute<{ count: number }>(sql`select count(*)::int as count from tickets where grant_id = ${id}`)
  return rows[0]?.count
}

for (const maxUses of [1, 3]) {
  t.test(`of sixteen tickets at once under a grant for ${maxUses}, ${maxUses} are made`, async (t) => {
    const at = await place()
    const id = await grant(test, at.a, at.giver, at.developer, [at.d], { maxUses })
    const replies = await Promise.all(Array.from({ length: 16 }, () => open(at)))
    const made = replies.filter(({ status }) => status === 201)
    const refused = replies.filter(({ status, body }) => status === 403 && body.reason === 'grant_exhausted')
    t.equal(made.length, maxUses)
    t.equal(refused.length, 16 - maxUses, 'the others are told that it is used up')
    t.strictSame(new Set(made.map(({ body }) => body.openedBy.via)), new Set([id]), 'each names the grant')
    t.equal(await usesOf(id), maxUses)
    t.equal(await ticketsUnder(id), maxUses)
    t.match(await open(at), { status: 403, body: { reason: 'grant_exhausted' } })
  })
}

t.test('K2: round after round, the uses and the tickets are what the grant has, and no more', async (t) => {
  const at = await place()
  for (let round = 0; round < rounds; round++) {
    const maxUses = 1 + (round % 2)
    const developer = await person(test, `Developer ${round}`)
    const id = await grant(test, at.a, at.giver, developer, [at.d], { maxUses })
    // One of them asks for what is refused after the use was weighed: it spends nothing.
    const replies = await Promise.all([{}, {}, {}, { topic: 'billing' }].map((change) => open({ ...at, developer }, change)))
    const made = replies.filter(({ status }) => status === 201).length
    const [uses, opened] = [await usesOf(id), await ticketsUnder(id)]
    if (made !== maxUses || uses !== maxUses || opened !== maxUses) t.fail(`round ${round}: ${made} made, ${uses} uses, ${opened} tickets`)
  }
  t.pass(`${rounds} rounds`)
})

t.test('what makes no ticket spends nothing', async (t) => {
  const at = await place()
  const id = await grant(test, at.a, at.giver, at.developer, [at.d], { maxUses: 2 })
  const incomplete = await open(at, { topic: 'email-delivery' })
  t.match(incomplete, { status: 422, body: { code: 'details_missing' } }, 'refused after authority was found')
  t.equal(await usesOf(id), 0)
  const first = await open(at, {}, 'the-same-key')
  t.equal(first.status, 201, first.text)
  t.match(await open(at, {}, 'the-same-key'), { status: 201, headers: { 'idempotency-replayed': 'true' }, body: { id: first.body.id } })
  t.match(await open(at, { subject: 'Another' }, 'the-same-key'), { status: 422, body: { code: 'idempotency_key_reused' } })
  const repeated = await Promise.all(Array.from({ length: 8 }, () => open(at, {}, 'another-key')))
  t.equal(new Set(repeated.map(({ body }) => body.id)).size, 1, 'nor do repetitions at the same time')
  t.equal(await usesOf(id), 2)
})

t.test('a grant that counts is used only where none without a count justifies', async (t) => {
  const at = await place()
  const counted = await grant(test, at.a, at.giver, at.developer, [at.d], { maxUses: 1 })
  const free = await grant(test, at.a, at.giver, at.developer, [at.d])
  t.equal((await open(at)).body.openedBy.via, free)
  t.equal(await usesOf(counted), 0)
  await test.context.db.update(grants).set({ status: 'revoked', endedAt: sql`now()` }).where(eq(grants.id, free))
  t.equal((await open(at)).body.openedBy.via, counted)
  t.equal(await usesOf(counted), 1)
})

t.test('a spent grant still reads and answers what was opened under it', async (t) => {
  const at = await place()
  const { developer } = at
  const id = await grant(test, at.a, at.giver, developer, [at.d], { maxUses: 1 })
  const { body: ticket } = await open(at)
  t.match(await open(at), { status: 403, body: { reason: 'grant_exhausted' } })
  t.equal((await send(test, 'GET', `/v1/tickets/${ticket.id}`, { token: developer.token })).status, 200)
  t.equal((await send(test, 'GET', '/v1/tickets', { token: developer.token })).body.items.length, 1)
  const reply = await send(test, 'POST', `/v1/tickets/${ticket.id}/messages`, { token: developer.token, body: { body: 'More.' } })
  t.match(reply, { status: 201, body: { author: { capacity: 'grant', via: id } } })
  t.equal(await usesOf(id), 1, 'which spends nothing')
})

t.test('a ticket in the making holds up no answer under the same grant', { skip: noSessions }, async (t) => {
  const at = await place()
  const { developer } = at
  await grant(test, at.a, at.giver, developer, [at.d], { maxUses: 2 })
  const { body: ticket } = await open(at)
  const blocker = new pg.Client({ connectionString: test.opened.settings['DATABASE_URL'] })
  await blocker.connect()
  await blocker.query('begin')
  await blocker.query(
    `insert into idempotency_keys (principal_id, key, fingerprint, created_at, expires_at) values ($1, 'held', '', now(), now())`,
    [developer.id],
  )
  const making = open(at, {}, 'held')
  await untilWaiting(blocker)
  const reply = await send(test, 'POST', `/v1/tickets/${ticket.id}/messages`, { token: developer.token, body: { body: 'More.' } })
  t.equal(reply.status, 201, reply.text)
  await blocker.query('rollback')
  t.equal((await making).status, 201)
  await blocker.end()
})

/** Until a statement waits for a lock. */
async function untilWaiting(client: pg.Client): Promise<void> {
  const text = `select count(*)::int as waiting from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
  for (;;) {
    const { rows } = await client.query(text)
    if (rows[0].waiting > 0) return
  }
}
