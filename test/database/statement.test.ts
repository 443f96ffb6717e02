import { DrizzleQueryError, sql } from 'drizzle-orm'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { sqlState } from '../../src/database/errors.ts'
import { insertRow, rowJson } from '../../src/database/rows.ts'
import { sharedStatement } from '../../src/database/shared-statement.ts'
import { statement, value } from '../../src/database/statement.ts'
import { accounts, grants, tickets } from '../../src/database/tables.ts'
import { openTestDatabase, serverUrl } from '../fixtures/database.ts'
import { listen } from '../races/arena.ts'

const opened = await openTestDatabase(t)
const { db } = opened
const wire = listen(opened)

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

t.test('a shared statement answers many at once, each with the row of his own values', async (t) => {
  const echo = sharedStatement<Record<string, unknown>>(
    'test_shared',
    sql`select ${value('n', 'int')} as n, 7 - ${value('n', 'int')} as i, ${value('text', 'text')} as text, ${value('list', 'text[]')} as list,
      ${value('id', 'uuid')} as id, ${value('text', 'text')} is null as missing`,
  )
  const texts = ["it's $1", null, 'ä🧯', '"quoted" \\ {x}', '', 'null', '{"p0": 1}']
  const given = Array.from({ length: 50 }, (_, n) => ({
    n,
    text: texts[n % texts.length] as string | null,
    list: [[], ['a', 'b,c', '{d}', '"', 'NULL'], ['ü']][n % 3] as string[],
    id: uuid(),
  }))
  const before = wire.sent
  const answers = await Promise.all(given.map((values) => echo.run(db, values)))
  t.equal(wire.sent - before, 4, 'four statements for fifty')
  const expected = given.map(({ n, text, list, id }) => [{ n, i: 7 - n, text, list, id, missing: text === null }])
  t.strictSame(answers, expected)
  for (const values of given.slice(0, 5)) t.strictSame(await echo.run(db, values), expected[values.n], 'as it does alone')
})

t.test('within a transaction a shared statement goes by itself, on the connection of that', async (t) => {
  const numbers = sharedStatement<{ number: string | null }>(
    'test_shared_inside',
    sql`select (select number from accounts where id = ${value('id', 'uuid')}) as number`,
  )
  const at = new Date()
  const id = uuid()
  await db.transaction(async (tx) => {
    await tx.insert(accounts).values({ id, number: 'C-77', name: 'Inside', stateChangedAt: at, createdAt: at })
    t.strictSame(await Promise.all([numbers.run(tx, { id }), numbers.run(tx, { id: uuid() })]), [[{ number: 'C-77' }], [{ number: null }]])
    await tx.delete(accounts)
  })
})

t.test(
  'the first have their rows while PostgreSQL still makes the last',
  { skip: serverUrl === undefined && 'needs TEST_DATABASE_URL: the embedded database answers a statement as a whole' },
  async (t) => {
    // PostgreSQL sends when it has 8 KB together.
    const held = sharedStatement<{ n: number }>(
      'test_shared_held',
      sql`select ${value('n', 'int')} as n, repeat('x', 20000) as text,
        case when ${value('n', 'int')} = 2 then pg_advisory_xact_lock(4711)::text end as waited`,
    )
    let last: Promise<unknown> = Promise.resolve()
    await db.transaction(async (tx) => {
      await tx.execute(sql`select pg_advisory_xact_lock(4711)`)
      const [first, , third] = [0, 1, 2].map((n) => held.run(db, { n }))
      last = third as Promise<unknown>
      t.match(await first, [{ n: 0 }])
    })
    t.match(await last, [{ n: 2 }])
  },
)

t.test('a row that arrived is an answer: what fails later in the same statement does not take it back', async (t) => {
  const halves = sharedStatement<{ half: number }>('test_shared_failing', sql`select 10 / ${value('by', 'int')} as half`)
  const before = wire.sent
  const [first, zero, last] = await Promise.allSettled([2, 0, 5].map((by) => halves.run(db, { by })))
  t.match([first, last], [{ value: [{ half: 5 }] }, { value: [{ half: 2 }] }])
  t.equal(sqlState((zero as PromiseRejectedResult).reason), '22012')
  // The embedded database answers a statement as a whole.
  t.equal(wire.sent - before, serverUrl === undefined ? 4 : 3, 'only who had no row yet asks once more')
})

t.test('a shared statement yields one row', async (t) => {
  const rows = sharedStatement('test_shared_rows', sql`select from generate_series(1, ${value('n', 'int')})`)
  for (const n of [0, 2]) await t.rejects(rows.run(db, { n }), /yields one row/, `and not ${n}`)
})

t.test('a value that PostgreSQL does not take is the trouble of the one it came with', async (t) => {
  const halves = sharedStatement<{ half: number }>('test_shared_bad', sql`select 10 / ${value('by', 'int')} as half`)
  const before = wire.sent
  const [good, zero, word, fine] = await Promise.allSettled([2, 0, 'two', 5].map((by) => halves.run(db, { by })))
  t.match([good, fine], [{ value: [{ half: 5 }] }, { value: [{ half: 2 }] }])
  t.match([zero, word], [{ status: 'rejected' }, { status: 'rejected' }])
  t.match([sqlState((zero as PromiseRejectedResult).reason), sqlState((word as PromiseRejectedResult).reason)], ['22012', '22P02'])
  t.equal(wire.sent - before, 5, 'once together, then each by itself')
  const lost = sharedStatement('test_shared_lost', sql`select ${value('n', 'int')} from no_such_table`)
  const reasons = await Promise.allSettled([lost.run(db, { n: 1 }), lost.run(db, { n: 2 })])
  t.strictSame(
    reasons.map((one) => sqlState((one as PromiseRejectedResult).reason)),
    ['42P01', '42P01'],
  )
  t.equal(wire.sent - before, 6, 'what is wrong for all is not asked again')
  for (const one of reasons) t.type((one as PromiseRejectedResult).reason, DrizzleQueryError, 'it fails as every other statement does')
})

t.test('a value of a shared statement has one type', async (t) => {
  const none = sharedStatement('test_shared_none', sql`select ${sql.placeholder('n')} as n`)
  await t.rejects(none.run(db, { n: 1 }), /has one type/)
  const two = sharedStatement('test_shared_two', sql`select ${value('n', 'int')} as n, ${value('n', 'text')} as text`)
  await t.rejects(two.run(db, { n: 1 }), /has one type/)
})

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
