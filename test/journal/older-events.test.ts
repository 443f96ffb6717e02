/** Events of before it was recorded when their actor was verified: they stand as they were sealed, and from now on every event says it. */
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { eq, type SQL, sql } from 'drizzle-orm'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { brokenConstraint } from '../../src/database/errors.ts'
import { migrate } from '../../src/database/migrate.ts'
import type { Database } from '../../src/database/open.ts'
import { journalEvents, journalPositions, journalSeals } from '../../src/database/tables.ts'
import { append } from '../../src/journal/append.ts'
import { sealHash } from '../../src/journal/canonical.ts'
import { leafHash, MerkleTree } from '../../src/journal/merkle.ts'
import { verifyJournal } from '../../src/journal/verify.ts'
import { openTestDatabase, quiet } from '../fixtures/database.ts'
import { sealed } from './settled.ts'

const shipped = fileURLToPath(new URL('../../migrations', import.meta.url))
const before = 17
const at = new Date('2026-03-01T12:00:00.123Z')
const [accountId, id, actor] = [uuid(), uuid(), uuid()]

/** The migrations up to the one in question, as the program before had them. */
function olderMigrations(folder: string): string {
  cpSync(shipped, folder, { recursive: true })
  const path = join(folder, 'meta', '_journal.json')
  const journal = JSON.parse(readFileSync(path, 'utf8'))
  writeFileSync(path, JSON.stringify({ ...journal, entries: journal.entries.slice(0, before) }))
  return folder
}

const older = sql`insert into journal_events (account_id, id, at, kind, audience, actor_user_id, verification, verification_level)
  values (${accountId}, ${id}, ${at.toISOString()}, 'account.updated', 'account', ${actor}, 'password', 'one_factor')
  returning transaction_id::text as transaction, (select system_identifier::text from pg_control_system()) as cluster`

/** Writes an event and its seal as the program before did. */
async function writeOlder(db: Database): Promise<void> {
  const [row] = (await db.execute<{ transaction: string; cluster: string }>(older)).rows
  const bytes = `{"accountId":"${accountId}","actorUserId":"${actor}","at":"2026-03-01T12:00:00.123Z","audience":"account","id":"${id}","kind":"account.updated","transactionId":"${row?.transaction}","verification":"password","verificationLevel":"one_factor"}`
  const tree = new MerkleTree()
  tree.add(leafHash(bytes))
  const next = { cluster: String(row?.cluster), numberedBelow: null }
  const seal = { number: 1, firstPosition: 1, lastPosition: 1, root: tree.root(), sealedAt: at, ...next }
  await db.insert(journalPositions).values({ accountId, eventId: id, position: 1 })
  await db.insert(journalSeals).values({ ...seal, hash: sealHash(seal, null) })
}

t.test('an event of before keeps its seal, and the instant of a new one is under it', async (t) => {
  const opened = await openTestDatabase(t)
  const { db } = opened
  for (const schema of ['drizzle', 'public']) await db.execute(sql.raw(`drop schema ${schema} cascade`))
  await db.execute(sql`create schema public`)
  await migrate(opened, quiet, { migrationsFolder: olderMigrations(join(t.testdir(), 'migrations')) })
  await writeOlder(db)
  await migrate(opened, quiet)

  t.match(await db.select().from(journalEvents), [{ id, verification: 'password', verifiedAt: null }], 'it is as it was')
  t.match(await verifyJournal(db), { events: 1, seals: 1, unsealed: 0 }, 'and stands as it was sealed')
  const verifiedAt = at.getTime() - 60_000
  await append(db, { accountId, kind: 'account.updated', at: at.getTime(), actorUserId: actor, verification: 'password', verifiedAt })
  t.equal(await sealed(db), 1)
  t.match(await verifyJournal(db), { events: 2, seals: 2, unsealed: 0 })
  const [newer] = await db
    .select()
    .from(journalEvents)
    .where(eq(journalEvents.verifiedAt, new Date(verifiedAt)))

  const broken = (which: string | undefined, to: SQL, message: RegExp, what: string) =>
    t.rejects(
      db.transaction(async (tx) => {
        // As somebody who owns the database, past the triggers.
        await tx.execute(sql`set local session_replication_role = replica`)
        await tx.execute(sql`alter table journal_events drop constraint journal_events_verified_at`)
        await tx.execute(sql`update journal_events set verified_at = ${to} where id = ${which}`)
        await verifyJournal(tx)
        throw new Error('it was not found')
      }),
      { name: 'BrokenChain', message },
      what,
    )
  await broken(id, sql`at`, /positions 1 to 1 \(seal 1\) was changed/, 'one that is given later')
  await broken(newer?.id, sql`verified_at + interval '1 millisecond'`, /positions 2 to 2 \(seal 2\) was changed/, 'another')
  await broken(newer?.id, sql`null`, /positions 2 to 2 \(seal 2\) was changed/, 'none any more')
})

t.test('the database takes no event that says how its actor was verified and not when, nor the other way round', async (t) => {
  const { db } = await openTestDatabase(t)
  const when = sql`insert into journal_events (account_id, id, at, kind, audience, verified_at)
    values (${accountId}, ${id}, now(), 'account.updated', 'account', now())`
  for (const wrong of [older, when]) {
    const error = await db.execute(wrong).then(
      () => undefined,
      (error: unknown) => error,
    )
    t.equal(brokenConstraint(error), 'journal_events_verified_at')
  }
})
