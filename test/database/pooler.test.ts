/** Behind PgBouncer in transaction mode each transaction may run on another connection, and no connection is a client's own. */
import { existsSync } from 'node:fs'
import { sql } from 'drizzle-orm'
import t from 'tap'
import { readConfig } from '../../src/config.ts'
import { openDatabase } from '../../src/database/open.ts'
import { sharedStatement } from '../../src/database/shared-statement.ts'
import { statement, value } from '../../src/database/statement.ts'
import { startBouncer } from '../bench/bouncer.ts'
import { openTestDatabase, quiet, serverUrl } from '../fixtures/database.ts'

const skip = serverUrl === undefined && 'needs TEST_DATABASE_URL'
const text = sql`select ${value('n', 'int')} as n`
const echo = statement<{ n: number }>('test_pooled', text)
const shared = sharedStatement<{ n: number }>('test_pooled_shared', text)

t.test('with a pooler no statement is kept by name', { skip }, async (t) => {
  const { settings } = await openTestDatabase(t)
  const url = String(settings['DATABASE_URL'])
  const config = readConfig({ ...settings, DATABASE_POOLER: 'transaction', DATABASE_DIRECT_URL: `${url}?direct`, DATABASE_POOL_SIZE: '1' })
  const opened = await openDatabase(config, quiet)
  t.equal(opened.kind === 'postgresql' && opened.url, `${url}?direct`, 'migrations and background work go past it')
  t.strictSame(await Promise.all([1, 2].map((n) => shared.run(opened.db, { n }))), [[{ n: 1 }], [{ n: 2 }]])
  await opened.db.transaction(async (tx) => {
    t.strictSame(await echo.run(tx, { n: 1 }), [{ n: 1 }])
    t.strictSame((await tx.execute(sql`select name from pg_prepared_statements`)).rows, [])
    t.strictSame((await tx.execute(sql`show statement_timeout`)).rows, [{ statement_timeout: '0' }], 'nor is a limit of the session set')
  })
  t.ok(await opened.ready())
  await opened.close()
})

const absent = !existsSync('/usr/sbin/pgbouncer') && 'PgBouncer is not installed'

t.test('many at once are served through few connections', { skip: skip || absent }, async (t) => {
  const { settings } = await openTestDatabase(t)
  const direct = String(settings['DATABASE_URL'])
  const pooled = await startBouncer(direct, t, 2)
  const config = readConfig({ ...settings, DATABASE_URL: pooled, DATABASE_POOLER: 'transaction', DATABASE_DIRECT_URL: direct })
  const opened = await openDatabase(config, quiet)
  const answers = await Promise.all(Array.from({ length: 40 }, (_, n) => echo.run(opened.db, { n })))
  t.strictSame(
    answers.flat().map(({ n }) => n),
    Array.from({ length: 40 }, (_, n) => n),
  )
  const backends = await Promise.all(
    Array.from({ length: 20 }, () => opened.db.transaction(async (tx) => (await tx.execute(sql`select pg_backend_pid() as pid`)).rows[0])),
  )
  t.ok(new Set(backends.map((row) => row?.['pid'])).size <= 2, 'two connections at most')
  await opened.close()
})
