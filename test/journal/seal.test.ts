/** The chain over the journal: every event once, at a place of its own, and nothing about it changed unnoticed. */
import { asc, eq, getTableColumns, gt, type SQL, sql } from 'drizzle-orm'
import t, { type Test } from 'tap'
import { v7 as uuid } from 'uuid'
import { verifyAudit } from '../../src/cli/verify-audit.ts'
import { settableClock } from '../../src/clock.ts'
import type { Database } from '../../src/database/open.ts'
import { journalEvents, journalPositions, journalSeals, journalValues } from '../../src/database/tables.ts'
import { append } from '../../src/journal/append.ts'
import { batchSize, numberEvents } from '../../src/journal/number.ts'
import { sealJournal } from '../../src/journal/seal.ts'
import { verifyJournal } from '../../src/journal/verify.ts'
import { openTestDatabase, serverUrl } from '../fixtures/database.ts'
import { sealed, settled } from './settled.ts'

const at = Date.parse('2026-03-01T12:00:00.123Z')
const now = () => at
const accountId = uuid()
const write = (db: Database, value?: Record<string, unknown>) =>
  append(db, {
    accountId,
    kind: 'grant.invited',
    at,
    verification: 'password',
    verifiedAt: at - 60_000,
    requestId: uuid(),
    changed: ['a', 'b'],
    ...(value && { value }),
  })
const positions = (db: Database) => db.select().from(journalPositions).orderBy(asc(journalPositions.position))

/** As somebody who owns the database, past the triggers. */
async function tamper(db: Database, ...statements: SQL[]): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.execute(sql`set local session_replication_role = replica`)
    for (const statement of statements) await tx.execute(statement)
  })
}

t.test('every event gets a position, dense from 1 on, in the order it was written, and a seal', async (t) => {
  const { db } = await openTestDatabase(t)
  t.equal(await sealed(db, at), 0, 'nothing to do')
  t.match(await verifyJournal(db), { events: 0, seals: 0, head: null, unsealed: 0 })
  for (let count = 0; count < 5; count++) await write(db, { count })
  t.match(await verifyJournal(db), { events: 0, unsealed: 5 })
  t.equal(
    await verifyAudit({ db, clock: settableClock() } as never, undefined, () => 0),
    'Nothing is sealed yet; 5 events wait for their seal.',
  )
  t.equal(await sealed(db, at), 5)
  t.equal(await sealed(db, at), 0, 'once')
  await write(db)
  t.equal(await sealed(db, at), 1)
  const events = await db.select({ id: journalEvents.id }).from(journalEvents).orderBy(asc(journalEvents.id))
  t.strictSame(
    await positions(db),
    events.map(({ id: eventId }, index) => ({ accountId, eventId, position: index + 1 })),
  )
  const [first, second] = await db.select().from(journalSeals).orderBy(asc(journalSeals.number))
  t.match(first, { number: 1, firstPosition: 1, lastPosition: 5, sealedAt: new Date(at) })
  t.match(second, { number: 2, firstPosition: 6, lastPosition: 6 })
  const head = second?.hash.toString('hex') as string
  t.match(await verifyJournal(db), { events: 6, seals: 2, head, lastPosition: 6, values: { kept: 5, erased: 0 }, unsealed: 0 })

  await t.test('an earlier head is found in a chain that went on, and no other', async (t) => {
    t.match(await verifyJournal(db, { head: first?.hash.toString('hex') }), { head, expectedSeal: 1 })
    await t.rejects(verifyJournal(db, { head: '00'.repeat(32) }), { name: 'BrokenChain', message: /expected head hash/ })
  })

  await t.test('a long way is told in lines', async (t) => {
    const clock = settableClock()
    const hurried = {
      ...clock,
      now: () => {
        clock.advance(4_000)
        return clock.now()
      },
    }
    const told: string[] = []
    const said = await verifyAudit({ db, clock: hurried } as never, undefined, (line) => told.push(line))
    t.strictSame(told, ['… 2 seals, position 6\n'])
    await t.rejects(
      verifyAudit({ db, clock } as never, 'abc', () => 0),
      { message: /^A head hash has 64 characters/ },
    )
    t.match(said, /^The audit trail is whole: 6 events at the positions 1 to 6, in 2 seals; 0 events wait/)
  })

  await t.test('positions and seals are append-only', async (t) => {
    for (const table of ['journal_positions', 'journal_seals'])
      for (const text of [
        `update ${table} set account_id = account_id`,
        `update ${table} set number = 9`,
        `delete from ${table}`,
        `truncate ${table}`,
      ]) {
        const code = text.startsWith('update') && !text.includes(table === 'journal_seals' ? 'number' : 'account_id') ? '42703' : '23001'
        await t.rejects(
          db.transaction((tx) => tx.execute(sql.raw(text))),
          { cause: { code } },
          text,
        )
      }
  })

  await t.test('an erased value leaves the chain whole', async (t) => {
    await db.delete(journalValues).where(eq(journalValues.eventId, events[0]?.id as string))
    t.match(await verifyJournal(db), { head, values: { kept: 4, erased: 1 } })
  })
})

t.test('whatever is changed, removed or put in between is found, with the first broken place', async (t) => {
  const { db } = await openTestDatabase(t)
  for (let count = 0; count < 3; count++) await write(db, { count })
  await sealed(db, at)
  for (let count = 0; count < 3; count++) await write(db, { count })
  await sealed(db, at)
  const [, second, , fourth] = await positions(db)
  const broken = async (t: Test, what: string, message: string | RegExp, ...statements: SQL[]) => {
    await t.rejects(
      db.transaction(async (tx) => {
        await tamper(tx, ...statements)
        await verifyJournal(tx)
        throw new Error('it was not found')
      }),
      { name: 'BrokenChain', message },
      what,
    )
  }
  const changed: Record<string, SQL> = {
    account_id: sql`${uuid()}::uuid`,
    id: sql`${uuid()}::uuid`,
    at: sql`at + interval '1 millisecond'`,
    changed: sql`array['a']`,
    value_digest: sql`null`,
    transaction_id: sql`'1'::xid8`,
    verified_at: sql`verified_at + interval '1 millisecond'`,
  }
  const unchecked = ['audience', 'verification_level'].map(
    (name) => sql`alter table journal_events drop constraint ${sql.identifier(`journal_events_${name}`)}`,
  )
  for (const [key, column] of Object.entries(getTableColumns(journalEvents))) {
    const name = key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    const to = changed[name] ?? (column.getSQLType() === 'uuid' ? sql`${uuid()}::uuid` : sql`'another'`)
    const found =
      /^(The event at position 2 is missing|An event at the positions 1 to 3 \(seal 1\) was changed|The value of the event at position 2 was changed)/
    const statement = sql`update journal_events set ${sql.identifier(name)} = ${to} where id = ${second?.eventId}`
    await broken(t, `an event's ${name}`, found, ...unchecked, statement)
  }
  const removed = sql`delete from journal_events where id = ${second?.eventId}`
  await broken(t, 'an event removed', 'The event at position 2 is missing.', removed)
  const withdrawn = sql`delete from journal_positions where event_id = ${second?.eventId}`
  await broken(t, 'with its position', 'The event at position 2 is missing.', removed, withdrawn)
  const closed = sql`update journal_positions set position = position - 1 where position > 2`
  await broken(
    t,
    'and the gap closed',
    /positions 1 to 3 \(seal 1\) was changed/,
    removed,
    withdrawn,
    sql`drop index journal_positions_position`,
    closed,
  )
  const swap = sql`update journal_positions set position = case position when 2 then 3 else 2 end where position in (2, 3)`
  await broken(t, 'two in another order', /seal 1/, sql`drop index journal_positions_position`, swap)
  await broken(
    t,
    'a value',
    'The value of the event at position 4 was changed.',
    sql`update journal_values set value = '{"count": 9}' where event_id = ${fourth?.eventId}`,
  )
  await broken(
    t,
    'its salt',
    'The value of the event at position 4 was changed.',
    sql`update journal_values set salt = '' where event_id = ${fourth?.eventId}`,
  )
  for (const column of ['root', 'hash'])
    await broken(
      t,
      `a seal's ${column}`,
      'Seal 1 was changed.',
      sql`update journal_seals set ${sql.identifier(column)} = '' where number = 1`,
    )
  await broken(t, 'its time', 'Seal 2 was changed.', sql`update journal_seals set sealed_at = now() where number = 2`)
  await broken(t, 'what it covers', 'Seal 2 was changed.', sql`update journal_seals set first_position = 5 where number = 2`)
  await broken(t, 'the first seal removed', 'Seal 1 is missing.', sql`delete from journal_seals where number = 1`)
  await broken(t, 'the last one', 'The seal of position 4 is missing.', sql`delete from journal_seals where number = 2`)
  t.match(await verifyJournal(db), { events: 6, seals: 2 }, 'and left as it was, it is whole')
})

t.test('more than a seal can cover is sealed in several, each over the one before', async (t) => {
  const { db } = await openTestDatabase(t)
  const event = { accountId, kind: 'grant.invited', at } as const
  const many = batchSize + 5
  await append(db, ...Array.from({ length: many }, () => ({ ...event })))
  for (let count = 0; count < batchSize; count++) if (count % 250 === 0) await write(db)
  t.equal(await sealed(db, at), many + 4)
  t.match(await db.select().from(journalSeals).orderBy(asc(journalSeals.number)), [
    { firstPosition: 1, lastPosition: batchSize, numberedBelow: null },
    { firstPosition: batchSize + 1, lastPosition: many + 4, numberedBelow: /^\d+$/ },
  ])
  await append(db, ...Array.from({ length: many }, () => ({ ...event })))
  t.equal(await sealed(db, at), many, 'also within one transaction, from where it left off')
  t.match(await verifyJournal(db), { events: 2 * many + 4, seals: 4, unsealed: 0 })
  const stopped = AbortSignal.abort(new Error('the service is stopping'))
  await t.rejects(sealJournal(db, now, stopped), { message: 'the service is stopping' })
})

t.test(
  'after a restore into another cluster, whose transaction ids start anew, nothing is skipped and nothing numbered twice',
  async (t) => {
    const { db } = await openTestDatabase(t)
    const ofTheOldCluster = async (id: string) => {
      await write(db)
      await tamper(
        db,
        sql`update journal_events set transaction_id = ${id}::xid8
      where id = (select max(id::text)::uuid from journal_events)`,
      )
    }
    await write(db)
    await sealed(db, at)
    const [seal] = await db.select().from(journalSeals)
    await ofTheOldCluster('900000000000')
    await write(db)
    t.equal(await sealed(db, at), 1, 'within a cluster no such id comes up')
    const moved = { ...(seal as NonNullable<typeof seal>), lastPosition: 2, cluster: 'another', numberedBelow: '900000000000' }
    await write(db)
    await settled(db)
    await settled(db)
    const numbered = await db.transaction((tx) => numberEvents(tx, moved))
    t.equal(numbered?.events.length, 2, 'what was restored without a position, and what is new')
    t.equal(numbered?.firstPosition, 3)
    t.not(numbered?.next.cluster, 'another')
    t.equal((await positions(db)).length, 4)
  },
)

t.test(
  'late commits are never skipped, and positions are dense',
  { skip: serverUrl === undefined && 'needs TEST_DATABASE_URL' },
  async (t) => {
    const { db } = await openTestDatabase(t)

    await t.test('what an older transaction may still write goes first', async (t) => {
      let commit = () => {}
      const held = new Promise<void>((resolve) => {
        commit = resolve
      })
      const wrote = Promise.withResolvers<void>()
      const late = db.transaction(async (tx) => {
        await write(tx)
        wrote.resolve()
        await held
      })
      await wrote.promise
      await write(db)
      t.equal(await sealJournal(db, now), 0, 'the newer one waits')
      t.equal((await verifyJournal(db)).unsealed, 1)
      commit()
      await late
      t.equal(await sealed(db, at), 2)
    })

    await t.test('eight writers, two sealers and a follower', async (t) => {
      const writers = 8
      const each = 40
      let writing = true
      let over = false
      const follow = async (): Promise<number> => {
        let position = 2
        for (let last = false; ; last = over) {
          const rows = await db
            .select()
            .from(journalPositions)
            .where(gt(journalPositions.position, position))
            .orderBy(asc(journalPositions.position))
          for (const row of rows) {
            if (row.position !== position + 1) t.fail(`${row.position} comes after ${position}`)
            position = row.position
          }
          if (last) return position
        }
      }
      const seal = async () => {
        while (writing) await sealJournal(db, now)
      }
      const run = async (writer: number) => {
        for (let count = 0; count < each; count++) {
          await db.transaction(async (tx) => {
            await write(tx, { writer, count })
            await tx.execute(sql`select pg_sleep(${Math.random() / 50})`)
            if (count % 10 === 9) await write(tx)
          })
        }
      }
      const sealers = [seal(), seal()]
      const follower = follow()
      await Promise.all(Array.from({ length: writers }, (_, writer) => run(writer)))
      writing = false
      await Promise.all(sealers)
      await sealed(db, at)
      over = true
      const total = writers * (each + each / 10) + 2
      t.equal(await follower, total, 'who follows positions has seen every one, each once and in its turn')
      t.equal((await positions(db)).length, total)
      t.match(await verifyJournal(db), { events: total, unsealed: 0 })
    })
  },
)
