/**
 * Everything at once, for ten seconds: people who open, answer and close tickets on each other's accounts, while grants are revoked and
 * users suspended. There is one order of keys and rows, so nobody ever waits for somebody who waits for him; and what was answered with
 * success is there.
 */
import { sql } from 'drizzle-orm'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { sqlState } from '../../src/database/errors.ts'
import { chainOf } from '../../src/http/database-errors.ts'
import { Problem } from '../../src/problem.ts'
import { type Sent, send } from '../fixtures/app.ts'
import { type Account, account, contact, type Domain, domain, grant, type Person, person, staff } from '../fixtures/cast.ts'
import { ticketsWithoutAuthority } from '../fixtures/theorem.ts'
import { type Arena, openArena } from './arena.ts'
import { spread } from './race.ts'
import { noSessions } from './server.ts'
import { carryOut } from './ways.ts'

t.setTimeout(240_000)

const seconds = Number(process.env['STORM_SECONDS'] ?? 10)
const workers = 12

type Firm = { a: Account; d: Domain; owner: Person; ownerContact: string; grants: Grant[] }
type Grant = { id: string; maxUses: number | null }
type Weather = {
  arena: Arena
  firms: Firm[]
  people: Person[]
  admin: Person
  random: () => number
  tickets: { id: string; version: number }[]
  keys: string[]
  seen: Map<string, number>
  made: { tickets: Set<string>; messages: Set<string>; closed: Set<string>; revoked: Set<string> }
  waits: number[]
}

t.test('a storm leaves no deadlock, no error and nothing that is half done', { skip: noSessions }, async (t) => {
  const arena = await openArena(t, workers)
  if (arena === undefined) return
  const weather = await gather(arena)
  const end = performance.now() + seconds * 1_000
  const work = async () => {
    while (performance.now() < end) await anything(weather)
  }
  await Promise.all(Array.from({ length: workers }, work))
  t.comment(
    `${[...weather.seen]
      .sort()
      .map(([what, count]) => `${what} ${count}`)
      .join(', ')}`,
  )
  t.comment(`revoking and suspending: ${spread(weather.waits)}`)
  for (const line of new Set(arena.log.map(({ code, msg, error }) => JSON.stringify({ code, msg, error })))) t.comment(line.slice(0, 400))
  t.equal([...weather.seen.keys()].filter((what) => / 500$/.test(what)).join(), '', 'nobody was answered with 500')
  t.strictSame(deadlocks(arena), [], 'nobody was the victim of a deadlock')
  for (const what of ['open 201', 'reply 201', 'close 200', 'revoke 200', 'suspend done']) t.ok((weather.seen.get(what) ?? 0) > 0, what)
  await inspect(t, weather)
})

async function gather(arena: Arena): Promise<Weather> {
  const names = ['Ann', 'Ben', 'Cleo', 'Dan', 'Eve', 'Finn']
  const people = await Promise.all(names.map((name) => person(arena, name)))
  const firms: Firm[] = []
  for (const [index, owner] of people.slice(0, 3).entries()) {
    const a = await account(arena, `Firm ${index}`)
    firms.push({
      a,
      d: await domain(arena, a, `firm-${index}.example`),
      owner,
      ownerContact: await contact(arena, a, owner, 'owner'),
      grants: [],
    })
  }
  const made = { tickets: new Set<string>(), messages: new Set<string>(), closed: new Set<string>(), revoked: new Set<string>() }
  const rest = { random: dice(20_261_123), tickets: [], keys: [], seen: new Map<string, number>(), made, waits: [] }
  const weather: Weather = { arena, firms, people, admin: await staff(arena, 'Ada Admin', 'admin'), ...rest }
  for (let count = 0; count < 18; count++) await give(weather)
  return weather
}

/** Somebody gives one of the others a grant, and some of them count. */
async function give(weather: Weather): Promise<void> {
  const { arena, people } = weather
  const firm = pick(weather, weather.firms)
  const grantee = pick(
    weather,
    people.filter(({ id }) => id !== firm.owner.id),
  )
  const maxUses = weather.random() < 0.4 ? 3 : null
  firm.grants.push({
    id: await grant(arena, firm.a, firm.ownerContact, grantee, [firm.d], { maxUses, reach: 'domain', actions: allowed }),
    maxUses,
  })
}

const allowed = ['ticket.create', 'ticket.read', 'ticket.reply', 'ticket.close']

/** A sequence that is the same in every run (mulberry32). */
function dice(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const pick = <T>({ random }: Pick<Weather, 'random'>, from: readonly T[]): T => from[Math.floor(random() * from.length)] as T

async function anything(weather: Weather): Promise<void> {
  const chance = weather.random()
  if (chance < 0.4 || weather.tickets.length === 0) return open(weather)
  if (chance < 0.7) return reply(weather)
  if (chance < 0.83) return close(weather)
  if (chance < 0.95) return revoke(weather)
  return suspend(weather)
}

function note({ seen }: Weather, what: string): void {
  seen.set(what, (seen.get(what) ?? 0) + 1)
}

async function open(weather: Weather): Promise<void> {
  const { arena, keys, made, random } = weather
  const firm = pick(weather, weather.firms)
  const who = pick(weather, weather.people)
  // Now and then a key of before, so that some wait for each other's.
  const key = random() < 0.2 && keys.length > 0 ? (keys.at(-1) as string) : uuid()
  keys.push(key)
  const body = { account: firm.a.id, domain: firm.d.name, topic: 'other', subject: 'It broke', message: 'Since noon.' }
  const sent = await send(arena, 'POST', '/v1/tickets', { token: who.token, key, body })
  note(weather, `open ${sent.status}`)
  if (sent.status !== 201) return
  if (sent.headers['idempotency-replayed'] === undefined) weather.tickets.push({ id: sent.body.id, version: 1 })
  made.tickets.add(sent.body.id)
}

async function reply(weather: Weather): Promise<void> {
  const ticket = pick(weather, weather.tickets.slice(-40))
  const key = weather.random() < 0.3 ? { key: pick(weather, weather.keys.slice(-3)) } : {}
  const request = { token: pick(weather, weather.people).token, body: { body: 'More.' }, ...key }
  const sent = await send(weather.arena, 'POST', `/v1/tickets/${ticket.id}/messages`, request)
  note(weather, `reply ${sent.status}`)
  if (sent.status === 201) weather.made.messages.add(sent.body.id)
}

async function close(weather: Weather): Promise<void> {
  const ticket = pick(weather, weather.tickets.slice(-40))
  const request = { token: pick(weather, weather.people).token, ifMatch: ticket.version }
  const sent = await send(weather.arena, 'POST', `/v1/tickets/${ticket.id}/close`, request)
  note(weather, `close ${sent.status}`)
  if (sent.status === 200) weather.made.closed.add(ticket.id)
  if (sent.status === 412) ticket.version = Number(/\d+/.exec(sent.body.currentEtag)?.[0])
}

async function revoke(weather: Weather): Promise<void> {
  const firm = pick(weather, weather.firms)
  const ended = firm.grants.shift()
  if (ended === undefined) return give(weather)
  const began = performance.now()
  const sent: Sent = await send(weather.arena, 'POST', `/v1/accounts/${firm.a.id}/grants/${ended.id}/revoke`, {
    token: firm.owner.token,
    body: {},
  })
  note(weather, `revoke ${sent.status}`)
  if (sent.status === 200) {
    weather.waits.push(performance.now() - began)
    weather.made.revoked.add(ended.id)
  }
  await give(weather)
}

/** One or two at a time, and an account with them: whoever alters several takes their keys in the one order. */
async function suspend(weather: Weather): Promise<void> {
  const { arena, admin } = weather
  const users = [...new Set([pick(weather, weather.people).id, pick(weather, weather.people).id])]
  const accounts = weather.random() < 0.5 ? [] : [pick(weather, weather.firms).a.id]
  const keys = { users, accounts }
  const act = { by: admin, action: 'staff.user.manage', keys, resource: users[0] as string } as const
  const which = sql`id = any(${sql.param(users)}::uuid[])`
  const began = performance.now()
  try {
    await carryOut(arena, { ...act, kind: 'user.suspended', work: sql`update users set status = 'suspended' where ${which}` })
    weather.waits.push(performance.now() - began)
    await carryOut(arena, { ...act, kind: 'user.restored', work: sql`update users set status = 'active' where ${which}` })
    note(weather, 'suspend done')
  } catch (error) {
    note(weather, `suspend ${error instanceof Problem ? error.code : (sqlState(error) ?? chainOf(error)[0]?.message)}`)
  }
}

/** In what the server logged, and in what the gate said when it was called. */
function deadlocks({ log }: Arena): unknown[] {
  return log.filter((line) => JSON.stringify(line).includes('40P01'))
}

type Tap = Parameters<typeof openArena>[0]

async function inspect(t: Tap, { arena, made, seen }: Weather): Promise<void> {
  const { db } = arena.context
  const ids = async (text: ReturnType<typeof sql>) => new Set((await db.execute<{ id: string }>(text)).rows.map(({ id }) => id))
  t.notOk(seen.has('suspend 40P01'), 'nor was one of the gate')
  const tickets = await ids(sql`select id from tickets`)
  t.strictSame(missing(made.tickets, tickets), [], 'every ticket that was answered for is there')
  t.strictSame(missing(made.messages, await ids(sql`select id from messages`)), [], 'and every message')
  t.strictSame(
    missing(made.closed, await ids(sql`select resource_id as id from journal_events where kind = 'ticket.closed'`)),
    [],
    'and every closing',
  )
  t.strictSame(missing(made.revoked, await ids(sql`select id from grants where status = 'revoked'`)), [], 'and every revocation')
  const { rows } = await db.execute(sql`select
    (select count(*)::int from tickets t where not exists (select from messages m where m.account_id = t.account_id and m.ticket_id = t.id)
      or not exists (select from journal_events e where e.account_id = t.account_id and e.kind = 'ticket.created' and e.resource_id = t.id)) as half,
    (select count(*)::int from grants g where g.max_uses is not null and g.uses <> (select count(*) from tickets t where t.grant_id = g.id)) as miscounted,
    (select count(*)::int from tickets t join journal_events e on e.kind = 'grant.revoked' and e.resource_id = t.grant_id
      where pg_xact_commit_timestamp(t.xmin) > pg_xact_commit_timestamp(e.xmin) and t.version = 1) as late`)
  t.strictSame(await ticketsWithoutAuthority(db), [], 'C6: every ticket was permitted when it was made')
  t.strictSame(rows[0], { half: 0, miscounted: 0, late: 0 }, 'nothing is half done, miscounted or late')
}

const missing = (told: Set<string>, there: Set<string>): string[] => [...told].filter((id) => !there.has(id))
