import { once } from 'node:events'
import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import t from 'tap'
import { StartError } from '../../src/config.ts'
import { type Database, type Log, openDatabase, requireIsolation, requireVersion } from '../../src/database/open.ts'
import { openTestDatabase, quiet, serverUrl } from '../fixtures/database.ts'

const onPostgresql = { skip: serverUrl === undefined && 'needs TEST_DATABASE_URL' }
const embedded = (dataDir: string) => ({ dataDir, databasePoolSize: 1 })

async function one<T>(db: Database, text: string): Promise<T> {
  const { rows } = await db.execute<{ value: T }>(sql.raw(`select ${text} as value`))
  return rows[0]?.value as T
}

t.test('the embedded database keeps its rows from one start to the next, in a private folder', async (t) => {
  const folder = join(t.testdir(), 'deep', 'data')
  const first = await openDatabase(embedded(folder), quiet)
  await first.db.execute(sql`create table notes (body text)`)
  await first.db.execute(sql`insert into notes values ('kept')`)
  for (const extension of ['btree_gist', 'pg_trgm']) await first.db.execute(sql.raw(`create extension ${extension}`))
  t.ok(await first.ready())
  await t.rejects(openDatabase(embedded(folder), quiet), StartError, 'meanwhile nobody else may open it')
  await first.close()
  await first.close()
  t.notOk(await first.ready(), 'a closed database is not ready')
  t.equal(statSync(folder).mode & 0o777, 0o700)
  const second = await openDatabase(embedded(folder), quiet)
  t.equal(await one(second.db, '(select body from notes)'), 'kept')
  t.equal(await one(second.db, `similarity('mandate', 'mandate')`), 1, 'with the extensions of the schema')
  await second.close()
})

t.test('a data folder that cannot be made is named', async (t) => {
  const folder = join(t.testdir({ file: '' }), 'file', 'data')
  await t.rejects(openDatabase(embedded(folder), quiet), { name: 'StartError', message: `The data folder ${folder} cannot be made: ` })
})

t.test('a broken embedded database stops the start and leaves the folder to the next one', async (t) => {
  const folder = t.testdir()
  mkdirSync(join(folder, 'database'))
  writeFileSync(join(folder, 'database', 'PG_VERSION'), '9\n')
  const message = `The embedded database in ${folder} cannot be opened: `
  await t.rejects(openDatabase(embedded(folder), quiet), { name: 'StartError', message })
  await t.rejects(openDatabase(embedded(folder), quiet), { name: 'StartError', message }, 'the lock was let go')
})

t.test('an unreachable PostgreSQL stops the start within seconds, without showing the password', async (t) => {
  const url = 'postgres://mandate:hunter2@127.0.0.1:1/helpdesk'
  const error = await openDatabase({ ...embedded(''), databaseUrl: url }, quiet).catch((error) => error)
  t.ok(error instanceof StartError)
  t.equal(error.message, 'The database at 127.0.0.1:1/helpdesk cannot be used: connect ECONNREFUSED 127.0.0.1:1.')
})

t.test('a server that never answers stops the start, too', async (t) => {
  const silent = createServer().listen(0, '127.0.0.1')
  await once(silent, 'listening')
  t.teardown(() => silent.close())
  const { port } = silent.address() as { port: number }
  const url = `postgres://mandate@127.0.0.1:${port}/helpdesk`
  const start = openDatabase({ ...embedded(''), databaseUrl: url }, quiet)
  await t.rejects(
    start,
    new StartError(`The database at 127.0.0.1:${port}/helpdesk cannot be used: Connection terminated due to connection timeout.`),
  )
})

t.test('a database that isolates transactions otherwise is refused in a sentence', (t) => {
  t.throws(() => requireIsolation('repeatable read'), { message: /default_transaction_isolation is 'repeatable read'/ })
  t.doesNotThrow(() => requireIsolation('read committed'))
  t.end()
})

t.test('a PostgreSQL before 15 is refused by its name', async (t) => {
  t.throws(() => requireVersion(140_013), new Error('it is PostgreSQL 14, which is older than 15'))
  t.doesNotThrow(() => requireVersion(150_000))
})

t.test('a store function sees the same columns on both databases', async (t) => {
  const { db } = await openTestDatabase(t)
  t.equal(await one(db, `'same'::text`), 'same')
  t.equal(await db.transaction(async (tx) => one(tx, '(select count(*)::int from users)')), 0)
})

t.test('PostgreSQL connections carry the limits that keep one request from holding up the rest', onPostgresql, async (t) => {
  const { db } = await openTestDatabase(t)
  const expected = { statement_timeout: '5s', lock_timeout: '2s', idle_in_transaction_session_timeout: '10s', application_name: 'mandate' }
  for (const [name, value] of Object.entries(expected)) t.equal(await one(db, `current_setting('${name}')`), value, name)
})

/** A log that tells of the next warning. */
function listening(): { log: Log; warned: Promise<string> } {
  const { promise, resolve } = Promise.withResolvers<string>()
  return { log: { ...quiet, warn: (_fields, message) => resolve(message) }, warned: promise }
}

t.test('a terminated connection, idle or in use, costs its own statement and nothing else', onPostgresql, async (t) => {
  const { settings } = await openTestDatabase(t)
  const { log, warned } = listening()
  const url = settings['DATABASE_URL'] as string
  const opened = await openDatabase({ databaseUrl: url, databasePoolSize: 1, dataDir: '' }, log)
  t.teardown(opened.close)
  const other = await openDatabase({ databaseUrl: url, databasePoolSize: 1, dataDir: '' }, quiet)
  t.teardown(other.close)
  const terminate = async (pid: number) => t.ok(await one(other.db, `pg_terminate_backend(${pid})`))

  await terminate(await one<number>(opened.db, 'pg_backend_pid()'))
  t.equal(await warned, 'a database connection was lost')
  t.equal(await one(opened.db, '1'), 1, 'the next statement gets a new connection')

  const interrupted = opened.db.transaction(async (tx) => {
    await terminate(await one<number>(tx, 'pg_backend_pid()'))
    return one(tx, '1')
  })
  await t.rejects(interrupted)
  t.equal(await one(opened.db, '1'), 1, 'and so it is after a transaction was cut off')
  t.ok(await opened.ready())
})

t.test('a pool that is wholly in use still counts as ready', onPostgresql, async (t) => {
  const { settings } = await openTestDatabase(t)
  const opened = await openDatabase({ databaseUrl: settings['DATABASE_URL'] as string, databasePoolSize: 1, dataDir: '' }, quiet)
  t.teardown(opened.close)
  await opened.db.transaction(async () => t.ok(await opened.ready()))
})
