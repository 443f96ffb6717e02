import { asc, eq, sql } from 'drizzle-orm'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { journalEvents, journalValues, providerAccountId } from '../../src/database/tables.ts'
import { type About, append, appendAll, digestOf, type JournalEvent, type Verified } from '../../src/journal/append.ts'
import { eventKinds } from '../../src/journal/kinds.ts'
import { openTestDatabase } from '../fixtures/database.ts'

const { db } = await openTestDatabase(t)
const at = Date.parse('2026-03-01T12:00:00.123Z')
const event = (rest: About & Verified = {}): JournalEvent => ({ accountId: uuid(), kind: 'grant.invited', at, ...rest })
const of = (accountId: string) =>
  db.select().from(journalEvents).where(eq(journalEvents.accountId, accountId)).orderBy(asc(journalEvents.id))
const values = (accountId: string) => db.select().from(journalValues).where(eq(journalValues.accountId, accountId))

t.test('an event keeps what it is told, and its kind says who may ever see it', async (t) => {
  const one = event({
    actorUserId: uuid(),
    capacity: 'contact',
    viaId: uuid(),
    sessionId: uuid(),
    verification: 'password',
    verifiedAt: at - 60_000,
    requestId: uuid(),
  })
  const rest = {
    action: 'grant.manage',
    decision: 'permit' as const,
    resourceType: 'grant',
    resourceId: uuid(),
    domainId: uuid(),
    changed: ['role'],
  }
  await append(db, { ...one, ...rest })
  const { value: _none, ...columns } = one
  const instants = { at: new Date(at), verifiedAt: new Date(at - 60_000) }
  t.match(await of(one.accountId), [{ ...columns, ...rest, ...instants, audience: 'account', reason: null, valueDigest: null }])
  for (const kind of ['ticket.noted', 'user.suspended'] as const) {
    const staff = event({ kind, accountId: kind === 'ticket.noted' ? uuid() : providerAccountId })
    await append(db, staff)
    t.equal((await of(staff.accountId))[0]?.audience, 'staff', kind)
  }
})

t.test('every kind has an audience, and none that the journal does not know', async (t) => {
  for (const [kind, audience] of Object.entries(eventKinds)) {
    t.match(kind, /^[a-z_]+\.[a-z_]+$/)
    t.match(audience, /^(account|staff)$/)
  }
})

t.test('events come in the order they were given, and none is no statement', async (t) => {
  const accountId = uuid()
  await append(db, event({ accountId }), event({ accountId, kind: 'grant.accepted' }), event({ accountId, kind: 'grant.revoked' }))
  t.strictSame(
    (await of(accountId)).map(({ kind }) => kind),
    ['grant.invited', 'grant.accepted', 'grant.revoked'],
  )
  await append({} as typeof db)
})

t.test('more than a statement can carry are all there, in their order', async (t) => {
  const accountId = uuid()
  const events = Array.from({ length: 3_500 }, (_, index) => event({ accountId, value: { index } }))
  await appendAll(db, events)
  const stored = await of(accountId)
  const { rows } = await db.execute<{ index: number }>(sql`
    select (v.value->>'index')::int as index from journal_events e join journal_values v on v.account_id = e.account_id and v.event_id = e.id
    where e.account_id = ${accountId} order by e.id`)
  t.equal(stored.length, events.length)
  t.strictSame(
    rows.map(({ index }) => index),
    events.map((_, index) => index),
  )
})

t.test('a free value is kept apart under a salt, so that it can be erased while the event stands', async (t) => {
  const value = { before: { name: 'Alpha' }, after: { name: 'Beta', notes: ['ä', { b: 1, a: null }] } }
  const accountId = uuid()
  await append(db, event({ accountId, value }), event({ accountId, value }), event({ accountId }))
  const kept = await values(accountId)
  const [first, second, bare] = await of(accountId)
  t.equal(kept.length, 2)
  t.equal(bare?.valueDigest, null)
  t.notMatch(JSON.stringify(first), /Alpha|Beta/, 'the event itself says nothing free')
  for (const event of [first, second]) {
    const row = kept.find(({ eventId }) => eventId === event?.id)
    t.strictSame(row?.value, value)
    t.equal(row?.salt.length, 16)
    t.ok(event?.valueDigest?.equals(digestOf(row?.salt as Buffer, row?.value)), 'its digest is that of the value as it is stored')
  }
  t.notOk(first?.valueDigest?.equals(second?.valueDigest as Buffer), 'equal values are not recognised by their digests')
  await db.delete(journalValues).where(eq(journalValues.accountId, accountId))
  t.strictSame(await of(accountId), [first, second, bare], 'erased, and the events are as they were')
})

t.test('a digest hangs on the salt and the value, not on the order of its names', async (t) => {
  const salt = Buffer.alloc(16, 7)
  const one = digestOf(salt, { a: 1, b: { c: [1, 2], d: null } })
  t.equal(one.length, 32)
  t.ok(one.equals(digestOf(salt, { b: { d: null, c: [1, 2] }, a: 1 })))
  t.notOk(one.equals(digestOf(salt, { a: 1, b: { c: [2, 1], d: null } })))
  t.notOk(one.equals(digestOf(Buffer.alloc(16, 8), { a: 1, b: { c: [1, 2], d: null } })))
})

t.test('events live and die with the transaction they are written in', async (t) => {
  const accountId = uuid()
  const undone = new Error('undone')
  await t.rejects(
    db.transaction(async (tx) => {
      await append(tx, event({ accountId, value: { a: 1 } }))
      throw undone
    }),
    undone,
  )
  t.strictSame([await of(accountId), await values(accountId)], [[], []])
})
