import { sql } from 'drizzle-orm'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { insertRow, rowJson } from '../../src/database/rows.ts'
import { statement, value } from '../../src/database/statement.ts'
import { accounts, grants, tickets } from '../../src/database/tables.ts'
import { openTestDatabase, serverUrl } from '../fixtures/database.ts'

const { db } = await openTestDatabase(t)

t.test('a statement takes its values by name, each with its type', async (t) => {
  const echo = statement<Record<string, unknown>>(
    'test_echo',
    sql`select ${value('text', 'text')} as text, ${value('number', 'int')} + 1 as more, ${value('list', 'text[]')} as list,
      ${value('text', 'text')} is null as missing`,
  )
  t.strictSame(await echo.run(db, { text: "it's $1", number: 6, list: ['a', 'b,c', '{d}'] }), [
    { text: "it's $1", more: 7, list: ['a', 'b,c', '{d}'], missing: false },
  ])
  t.strictSame(await echo.run(db, { text: null, number: 0, list: [] }), [{ text: null, more: 1, list: [], missing: true }])
  await db.transaction(async (tx) => {
    t.match(await echo.run(tx, { text: 'inside', number: 1, list: [] }), [{ text: 'inside', more: 2 }], 'in a transaction, too')
  })
})

t.test('a value without a name is a mistake of the program', async (t) => {
  await t.rejects(statement('test_unnamed', sql`select ${7}::int`).run(db, {}), /by name/)
})

t.test(
  'PostgreSQL prepares it once per connection, under its name',
  { skip: serverUrl === undefined && 'needs TEST_DATABASE_URL' },
  async (t) => {
    const one = statement('test_prepared', sql`select ${value('n', 'int')} as n`)
    await db.transaction(async (tx) => {
      for (const n of [1, 2, 3]) t.strictSame(await one.run(tx, { n }), [{ n }])
      const { rows } = await tx.execute(sql`select count(*)::int as plans from pg_prepared_statements where name = 'test_prepared'`)
      t.strictSame(rows, [{ plans: 1 }])
    })
  },
)

t.test('a row goes in as one JSON value: only the named columns, the others keep their defaults', async (t) => {
  const keys = ['id', 'number', 'name', 'stateChangedAt', 'createdAt'] as const
  const insert = statement<{ id: string }>(
    'test_insert',
    sql`${insertRow(accounts, keys, sql`(select 1 where ${value('go', 'boolean')}) source`, value('row', 'jsonb'))} returning id`,
  )
  const at = new Date('2026-05-06T07:08:09.123Z')
  const row = { id: uuid(), number: 'C-1', name: `Quotes " ' and \\ and ä🧯`, stateChangedAt: at, createdAt: at }
  const json = rowJson(accounts, keys, { ...row, state: 'closed' })
  t.strictSame(Object.keys(JSON.parse(json)), ['id', 'number', 'name', 'state_changed_at', 'created_at'])
  t.strictSame(await insert.run(db, { go: false, row: json }), [], 'no row where the source has none')
  t.strictSame(await insert.run(db, { go: true, row: json }), [{ id: row.id }])
  const [kept] = await db.select().from(accounts)
  t.match(kept, { ...row, state: 'new', authorityRevision: 0, version: 1 }, 'and an instant keeps its milliseconds')
})

t.test('what is not given is null, and names of several words are found', async (t) => {
  t.strictSame(JSON.parse(rowJson(tickets, ['hostHeldByOtherAccount', 'closedAt'], {} as typeof tickets.$inferInsert)), {
    host_held_by_other_account: null,
    closed_at: null,
  })
  t.strictSame(JSON.parse(rowJson(grants, ['maxUses'], { maxUses: 0 } as typeof grants.$inferInsert)), { max_uses: 0 })
})
