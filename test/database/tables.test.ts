/**
 * The shape that lets the tables of one account live together on one node: `account_id` first in every key. Read from the database
 * itself, so that it is true of what the migrations made and not only of what the program believes.
 */
import { is, sql } from 'drizzle-orm'
import { getTableConfig, PgTable } from 'drizzle-orm/pg-core'
import t from 'tap'
import * as tables from '../../src/database/tables.ts'
import { openTestDatabase } from '../fixtures/database.ts'

const { db } = await openTestDatabase(t)

const person = 'hangs on a person, and people are small, shared reference data'
const own = "the service's own, about no account"
/** Tables without an account, each with its reason: a new one must find its own. */
const withoutAccount: Record<string, string> = {
  accounts: 'is the account; its `id` is what the others carry',
  users: 'a person may have to do with many accounts',
  addresses: person,
  staff_members: person,
  sessions: person,
  compromises: person,
  refresh_tokens: person,
  access_tokens: person,
  second_factors: person,
  submissions: 'what a person sent belongs to him: it names an account as text, which may be none',
  recovery_codes: person,
  passkey_challenges: person,
  clients: 'a service of the provider, for a realm of accounts',
  subjects: 'directory: who a panel’s user is',
  used_assertions: own,
  idempotency_keys: own,
  throttles: own,
  journal_seals: 'seals the one order of the whole journal, which runs across accounts',
  signing_keys: own,
}

/** Tables that carry an account and are keyed otherwise, each with its reason. */
const otherwiseKeyed: Record<string, string> = {
  account_numbers: 'directory: a number is unique for the provider, and a request by number first finds its account here',
  external_accounts: 'directory: a realm’s own name for an account, by which its requests find the account',
  domain_names: 'directory: a name is held by one account at a time, whichever it is',
  journal_positions: 'the one order of the whole journal, which runs across accounts',
  grant_requests: 'hangs on the person who asks; whether there is such an account is not known when it is written',
  single_use_tokens: 'a mailed secret is looked up by its hash alone, before any account is known',
}

type Key = { table: string; key: string; primary: boolean; columns: string[] }

/** Every primary key, unique index and exclusion constraint with its columns in their order. */
async function keysOf(): Promise<Key[]> {
  const { rows } = await db.execute<Key>(sql`
    select c.relname as table, i.relname as key, x.indisprimary as primary,
      array(select a.attname::text from unnest(x.indkey::int[]) with ordinality k(attnum, place)
        join pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum order by k.place) as columns
    from pg_index x join pg_class c on c.oid = x.indrelid join pg_class i on i.oid = x.indexrelid
    where c.relnamespace = 'public'::regnamespace and (x.indisprimary or x.indisunique or x.indisexclusion)
    order by 1, 2`)
  return rows
}

type Column = { table: string; name: string; nullable: boolean }

async function columnsOf(): Promise<Column[]> {
  const { rows } = await db.execute<Column>(sql`
    select table_name as table, column_name as name, is_nullable = 'YES' as nullable
    from information_schema.columns where table_schema = 'public' order by 1, 2`)
  return rows
}

const keys = await keysOf()
const columns = await columnsOf()
const names = [...new Set(columns.map(({ table }) => table))]
const carriesAccount = (table: string): boolean => columns.some((column) => column.table === table && column.name === 'account_id')

t.test('every table of an account has the account first in its primary key and in everything that is unique', async (t) => {
  const tenant = names.filter((name) => carriesAccount(name) && otherwiseKeyed[name] === undefined)
  t.ok(tenant.length >= 9)
  for (const name of tenant) {
    const own = keys.filter(({ table }) => table === name)
    t.equal(own.filter(({ primary }) => primary).length, 1, `${name} has a primary key`)
    for (const { key, columns } of own) t.equal(columns[0], 'account_id', `${key} (${columns.join(', ')})`)
    t.equal(columns.find((column) => column.table === name && column.name === 'account_id')?.nullable, false, `${name}: never without one`)
  }
})

t.test('the exceptions are these, each with its reason', async (t) => {
  t.strictSame(names.filter((name) => !carriesAccount(name)).sort(), Object.keys(withoutAccount).sort())
  for (const name of Object.keys(otherwiseKeyed)) {
    t.ok(carriesAccount(name), `${name} carries an account`)
    t.ok(
      keys.some(({ table, columns }) => table === name && columns[0] !== 'account_id'),
      `${name} needs its exception`,
    )
  }
  for (const reason of [...Object.values(withoutAccount), ...Object.values(otherwiseKeyed)]) t.ok(reason.length > 10)
})

t.test('a foreign key between tables of accounts carries the account, so that nothing hangs on another one’s row', async (t) => {
  const { rows } = await db.execute<{ name: string; table: string; target: string; columns: string[]; targets: string[] }>(sql`
    select k.conname as name, k.conrelid::regclass::text as table, k.confrelid::regclass::text as target,
      array(select a.attname::text from unnest(k.conkey) with ordinality u(n, place) join pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.n order by u.place) as columns,
      array(select a.attname::text from unnest(k.confkey) with ordinality u(n, place) join pg_attribute a on a.attrelid = k.confrelid and a.attnum = u.n order by u.place) as targets
    from pg_constraint k where k.contype = 'f' and k.connamespace = 'public'::regnamespace order by 1`)
  const between = rows.filter(({ table, target }) => carriesAccount(table) && carriesAccount(target))
  t.ok(between.length >= 10)
  for (const { name, columns, targets } of between) t.strictSame([columns[0], targets[0]], ['account_id', 'account_id'], name)
})

t.test('the database is what the program believes it to be', async (t) => {
  const declared = Object.values(tables)
    .filter((table) => is(table, PgTable))
    .flatMap((table) => {
      const { name, columns } = getTableConfig(table as PgTable)
      return columns.map((column) => `${name}.${snake(column.name)} ${column.notNull || column.primary ? 'not null' : 'null'}`)
    })
  t.strictSame(columns.map(({ table, name, nullable }) => `${table}.${name} ${nullable ? 'null' : 'not null'}`).sort(), declared.sort())
})

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
