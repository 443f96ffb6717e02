/** U2: append-only for the service's own role. The statements are those of docs/operations.md, as they stand there. */
import { readFileSync } from 'node:fs'
import { sql } from 'drizzle-orm'
import pg from 'pg'
import pino from 'pino'
import t from 'tap'
import { readConfig } from '../../src/config.ts'
import { sqlState } from '../../src/database/errors.ts'
import { migrate } from '../../src/database/migrate.ts'
import { openDatabase } from '../../src/database/open.ts'
import { startService } from '../../src/service.ts'
import { openDesk } from '../cli/desk.ts'
import { quiet, serverUrl } from '../fixtures/database.ts'

const page = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8')
const section = page.slice(page.indexOf('## Two roles'), page.indexOf('## Health'))
const [roles = '', grants = ''] = [...section.matchAll(/```sql\n([\s\S]*?)```/g)].map(([, statements]) => statements)

t.test(
  'U2: the service works under a role that cannot rewrite the journal',
  { skip: serverUrl === undefined && 'needs TEST_DATABASE_URL' },
  async (t) => {
    const desk = await openDesk(t)
    const url = new URL(String(desk.env['DATABASE_URL']))
    const name = url.pathname.slice(1)
    const [owner, service] = [`${name}_owner`, `${name}_service`]
    const mine = (text: string) => text.replaceAll('mandate_owner', owner).replaceAll('mandate_service', service)
    const admin = new pg.Client({ connectionString: serverUrl })
    await admin.connect()
    t.teardown(async () => {
      for (const role of [service, owner]) await admin.query(`drop role if exists ${role}`)
      await admin.end()
    })
    const [database, ...people] = mine(roles).trim().split('\n').reverse()
    for (const statement of people) await admin.query(statement)
    const own = `${name}_own`
    await admin.query(String(database).replace('database mandate ', `database ${own} `))
    t.teardown(() => admin.query(`drop database if exists ${own} with (force)`))
    const as = (role: string, password: string) => {
      const target = new URL(url)
      Object.assign(target, { username: role, password: encodeURIComponent(password), pathname: `/${own}` })
      return target.href
    }
    const env = { ...desk.env, PORT: '0', DATABASE_URL: as(service, 'choose another') }

    await t.rejects(startService(readConfig(env), pino({ level: 'silent' }) as never), 'an empty database is nothing it can start on')
    Object.assign(desk.env, { DATABASE_URL: as(owner, 'choose one') })
    t.strictSame(await desk.run(['migrate']), { code: 0, out: 'The database has the schema of this version.\n', err: '' })
    const opened = await openDatabase(readConfig({ ...desk.env }), quiet)
    for (const statement of mine(grants).trim().split('\n')) await opened.db.execute(sql.raw(statement))
    await opened.close()

    const started = await startService(readConfig(env), pino({ level: 'silent' }) as never)
    const made = await fetch(`${started.origin}/v1/bootstrap`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        token: started.bootstrapToken,
        name: 'Ada Admin',
        address: 'ada@provider.example',
        password: 'correct horse battery',
      }),
    })
    t.equal(made.status, 201, 'it works, and writes events')
    await started.close()

    const restricted = await openDatabase(readConfig(env), quiet)
    t.teardown(() => restricted.close())
    await migrate(restricted, quiet)
    const { rows } = await restricted.db.execute<{ events: number }>(sql`select count(*)::int as events from journal_events`)
    t.ok((rows[0]?.events ?? 0) > 0)
    for (const table of ['journal_events', 'journal_positions', 'journal_seals', 'journal_values'])
      for (const statement of [
        `update ${table} set account_id = account_id`,
        `delete from ${table}`,
        `truncate ${table} cascade`,
        `alter table ${table} disable trigger all`,
        `drop table ${table} cascade`,
        `create trigger mine before insert on ${table} for each row execute function refuse_rewriting()`,
      ]) {
        const refused = await restricted.db
          .transaction((tx) =>
            tx.execute(sql.raw(statement.replace('journal_seals set account_id = account_id', 'journal_seals set root = root'))),
          )
          .catch(sqlState)
        t.equal(refused, '42501', statement)
      }
    for (const statement of [
      'set session_replication_role = replica',
      'create table public.mine ()',
      'create schema mine',
      `set role ${owner}`,
    ]) {
      t.equal(await restricted.db.transaction((tx) => tx.execute(sql.raw(statement))).catch(sqlState), '42501', statement)
    }
  },
)
