import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { sql } from 'drizzle-orm'
import pg from 'pg'
import t, { type Test } from 'tap'
import { StartError } from '../../src/config.ts'
import { migrate } from '../../src/database/migrate.ts'
import type { Database, Log } from '../../src/database/open.ts'
import { contender } from '../fixtures/contender.ts'
import { openTestDatabase, quiet, serverUrl, type TestDatabase } from '../fixtures/database.ts'

const onPostgresql = { skip: serverUrl === undefined && 'needs TEST_DATABASE_URL' }
const shipped = fileURLToPath(new URL('../../migrations', import.meta.url))

/** Stand-ins for the real migrations: quick, and of any number. */
function migrationsOf(t: Test, statements: string[]): string {
  const entries = statements.map((_statement, idx) => ({ idx, version: '7', when: 1_000 + idx, tag: `m${idx}`, breakpoints: true }))
  const files = Object.fromEntries(statements.map((statement, idx) => [`m${idx}.sql`, statement]))
  const name = `migrations-${statements.length}`
  return join(t.testdir({ [name]: { ...files, meta: { '_journal.json': JSON.stringify({ entries }) } } }), name)
}

/** A test's own database, as empty as it was before its first start. */
async function openEmpty(t: Test): Promise<TestDatabase> {
  const opened = await openTestDatabase(t)
  for (const schema of ['drizzle', 'pgboss', 'public']) await opened.db.execute(sql.raw(`drop schema ${schema} cascade`))
  await opened.db.execute(sql`create schema public`)
  return opened
}

async function applied(db: Database): Promise<number> {
  const { rows } = await db.execute<{ count: number }>(sql`select count(*)::int as count from drizzle.__drizzle_migrations`)
  return rows[0]?.count as number
}

const journal: { entries: { when: number; tag: string }[] } = JSON.parse(readFileSync(join(shipped, 'meta', '_journal.json'), 'utf8'))

t.test('an empty database gets the whole schema, and a second start finds nothing to do', async (t) => {
  const opened = await openEmpty(t)
  await migrate(opened, quiet)
  t.equal(await applied(opened.db), journal.entries.length)
  await opened.db.execute(sql`select id from tickets`)
  await migrate(opened, quiet)
  t.equal(await applied(opened.db), journal.entries.length)
})

t.test('a database that is newer than the program is refused and left as it is', async (t) => {
  const opened = await openEmpty(t)
  await migrate(opened, quiet, { migrationsFolder: migrationsOf(t, ['create table a ()', 'create table b ()']) })
  const older = migrationsOf(t, ['create table a ()'])
  await t.rejects(
    migrate(opened, quiet, { migrationsFolder: older }),
    new StartError(
      'The database is newer than this program: its migration 2 is not one of the 1 known here. Start the newer version, or restore a backup.',
    ),
  )
  t.equal(await applied(opened.db), 2)
})

t.test('a migration that was edited after it was applied is refused, too', async (t) => {
  const folder = join(t.testdir(), 'migrations')
  cpSync(shipped, folder, { recursive: true })
  const opened = await openTestDatabase(t)
  const first = join(folder, `${journal.entries[0]?.tag}.sql`)
  writeFileSync(first, `${readFileSync(first, 'utf8')}\n-- edited\n`)
  await t.rejects(migrate(opened, quiet, { migrationsFolder: folder }), {
    name: 'StartError',
    message: 'its migration 1 is not one of the',
  })
})

t.test('a migration that fails leaves nothing of itself behind', async (t) => {
  const opened = await openEmpty(t)
  const migrationsFolder = migrationsOf(t, ['create table a ()', 'create table b (', 'create table c ()'])
  await t.rejects(migrate(opened, quiet, { migrationsFolder }), { cause: { code: '42601' } })
  t.equal(await applied(opened.db), 0)
  await t.rejects(
    opened.db.transaction((tx) => tx.execute(sql`select from a`)),
    { cause: { code: '42P01' } },
  )
})

t.test('four processes that start at once on an empty database migrate it once', onPostgresql, async (t) => {
  const { settings, db } = await openEmpty(t)
  const work = `it.migrate({ kind: 'postgresql', url: args[0] }, quiet).then(() => 'migrated')`
  const starts = await Promise.all([1, 2, 3, 4].map(() => contender(t, 'database/migrate.ts', work, [String(settings['DATABASE_URL'])])))
  t.strictSame(await Promise.all(starts.map((start) => start.go())), ['migrated', 'migrated', 'migrated', 'migrated'])
  t.equal(await applied(db), journal.entries.length)
})

t.test('a migration waits for a lock in short turns, and gives up in the end', onPostgresql, async (t) => {
  const opened = await openEmpty(t)
  await migrate(opened, quiet, { migrationsFolder: migrationsOf(t, ['create table a ()']) })
  const migrationsFolder = migrationsOf(t, ['create table a ()', 'alter table a add column b text'])
  const blocker = new pg.Client({ connectionString: opened.settings['DATABASE_URL'] })
  await blocker.connect()
  t.teardown(() => blocker.end())

  await blocker.query('begin; lock table a')
  const impatient = { migrationsFolder, lockTimeoutMs: 20, attempts: 2 }
  const message = 'The database stays locked by another session: it could not be migrated.'
  await t.rejects(migrate(opened, quiet, impatient), new StartError(message))

  const waits: unknown[] = []
  const log: Log = {
    ...quiet,
    warn: (fields) => {
      waits.push(fields)
      if (waits.length === 2) blocker.query('rollback')
    },
  }
  await migrate(opened, log, { migrationsFolder, lockTimeoutMs: 20, attempts: 100 })
  t.strictSame(waits.slice(0, 2), [{ attempt: 1 }, { attempt: 2 }])
  t.equal(await applied(opened.db), 2)
})

t.test('a connection lost while migrating fails the start, not the process', onPostgresql, async (t) => {
  const opened = await openEmpty(t)
  const warned: string[] = []
  const log: Log = { ...quiet, warn: (_fields, message) => warned.push(message) }
  const migrationsFolder = migrationsOf(t, ['select pg_terminate_backend(pg_backend_pid())'])
  await t.rejects(migrate(opened, log, { migrationsFolder }))
  t.strictSame(warned, ['the connection of the migration was lost'])
})
