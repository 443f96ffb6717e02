import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PGlite, types } from '@electric-sql/pglite'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { EmbeddedClient, keptMax } from '../../src/database/embedded-client.ts'

const folder = join(tmpdir(), `mandate-embedded-${uuid()}`)
const client = await EmbeddedClient.open(folder, {})
t.teardown(async () => {
  await client.close()
  await rm(folder, { recursive: true })
})
await client.exec('create table things (id int primary key, name text not null)')

/** How often each text was read into a plan, and run, as the database counts it. */
async function plans(part: string): Promise<{ statement: string; runs: number }[]> {
  const { rows } = await client.query<{ statement: string; runs: number }>(
    `select statement, (generic_plans + custom_plans)::int as runs from pg_prepared_statements
      where statement like '%' || $1 || '%' and statement not like '%pg_prepared_statements%' order by statement`,
    [part],
  )
  return rows
}

t.test('a statement is read once, and run as often as it is asked, in a transaction and outside', async (t) => {
  for (const n of [1, 2, 3]) t.strictSame((await client.query('select $1::int + 1 as more', [n])).rows, [{ more: n + 1 }])
  await client.transaction(async (tx) => {
    t.strictSame((await tx.query('select $1::int + 1 as more', [4])).rows, [{ more: 5 }])
  })
  t.strictSame(await plans('as more'), [{ statement: 'select $1::int + 1 as more', runs: 4 }])
})

t.test('values and answers are those of PGlite itself', async (t) => {
  const plain = await PGlite.create()
  t.teardown(() => plain.close())
  const at = new Date('2026-05-06T07:08:09.123Z')
  const text = `select $1::timestamptz as at, $2::text[] as list, $3::jsonb as json, $4::bytea as bytes, $5::boolean as yes, $6::text as none,
    $7::bigint as big, $8::numeric as exact, $9::uuid[] as ids, $10::date as day`
  const ids = [uuid(), uuid()]
  const values = [at, ['a', 'b,c', '{d}', `"'`], { a: [1, null] }, Buffer.from('ä\0'), true, null, 2n ** 60n, '1.50', ids, '2026-05-06']
  for (const options of [
    undefined,
    { rowMode: 'array' as const },
    { parsers: { [types.TIMESTAMPTZ]: (value: string) => `at ${value}` } },
  ]) {
    const [one, two, expected] = [
      await client.query(text, values, options),
      await client.query(text, values, options),
      await plain.query(text, values, options),
    ]
    t.strictSame(one, expected)
    t.strictSame(two, expected)
  }
  const written = await client.query(`insert into things values ($1, $2), (101, 'other') returning id`, [100, 'one'])
  t.match(written, { affectedRows: 2, rows: [{ id: 100 }, { id: 101 }] })
})

t.test('an error says what it is, changes nothing, and the statement goes on', async (t) => {
  const insert = 'insert into things values ($1, $2)'
  await client.query(insert, [1, 'first'])
  await t.rejects(client.query(insert, [1, 'again']), { code: '23505', constraint: 'things_pkey' })
  await t.rejects(client.query(insert, ['one', 'no number']), { code: '22P02' })
  await t.rejects(client.query('select no_such_column from things'), { code: '42703' })
  await client.query(insert, [2, 'second'])
  t.strictSame((await client.query('select id from things where id < $1 order by id', [100])).rows, [{ id: 1 }, { id: 2 }])
})

t.test('a transaction that fails leaves nothing, and is over when it is over', async (t) => {
  const insert = 'insert into things values ($1, $2)'
  const before = await client.query('select * from things order by id')
  let kept: Parameters<Parameters<typeof client.transaction>[0]>[0] | undefined
  const failing = client.transaction(async (tx) => {
    kept = tx
    await tx.query(insert, [7, 'seven'])
    await t.rejects(tx.query(insert, [7, 'again']), { code: '23505' })
    await t.rejects(tx.query('select 1 as after'), { code: '25P02' })
    throw new Error('enough')
  })
  await t.rejects(failing, /enough/)
  await t.rejects(kept?.query(insert, [8, 'eight']) as Promise<unknown>, /closed/)
  t.strictSame(await client.query('select * from things order by id'), before)
})

t.test('what runs beside a transaction waits for its end', async (t) => {
  const seen: string[] = []
  const long = client.transaction(async (tx) => {
    for (const id of [11, 12, 13]) await tx.query('insert into things values ($1, $2)', [id, 'long'])
    seen.push('transaction')
  })
  const beside = client.query(`select count(*)::int as long from things where name = 'long'`).then(({ rows }) => {
    seen.push('beside')
    return rows
  })
  await long
  t.strictSame(await beside, [{ long: 3 }])
  t.strictSame(seen, ['transaction', 'beside'])
})

t.test('what is no query is not kept, and a table may change', async (t) => {
  const all = 'select * from things where id = $1'
  await client.query(all, [1])
  await client.query('create index things_name on things (name)')
  t.strictSame((await client.query(all, [1])).rows, [{ id: 1, name: 'first' }])
  t.strictSame(await plans('create index'), [])
})

t.test('only so many are kept: what was not used for longest goes', async (t) => {
  const often = 'select $1::int as often'
  await client.query(often, [0])
  const first = 'select 0 as rare'
  await client.query(first)
  for (let n = 1; n < keptMax; n++) {
    await client.query(`select ${n} as rare`)
    if (n % 100 === 0) await client.query(often, [n])
  }
  const { rows } = await client.query<{ kept: number }>('select count(*)::int as kept from pg_prepared_statements')
  t.ok((rows[0]?.kept ?? 0) <= keptMax)
  t.equal((await plans('as often')).length, 1)
  t.notOk((await plans('as rare')).some(({ statement }) => statement === first))
  t.strictSame((await client.query(first)).rows, [{ rare: 0 }], 'and comes back when it is asked again')
})
