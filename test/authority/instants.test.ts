import { sql } from 'drizzle-orm'
import t from 'tap'
import { ms } from '../../src/authority/objects.ts'
import { openTestDatabase } from '../fixtures/database.ts'

const { db } = await openTestDatabase(t)

/** Of ten thousand instants from `first` on, `step` ms apart: how many are read, and how many as other milliseconds than they were made of. */
async function readings(first: number, step: number): Promise<unknown> {
  const at = sql`('epoch'::timestamptz + n * interval '1 millisecond')::timestamptz(3)`
  const { rows } = await db.execute(sql`select count(distinct m)::int as read, (count(*) filter (where m <> n))::int as wrong from (
    select n, ${ms(at)} as m from generate_series(${first}::bigint, ${first + step * 9_999}::bigint, ${step}::bigint) n) s`)
  return rows[0]
}

t.test('an instant is read as exactly the millisecond it is', async (t) => {
  const ranges = {
    'one after the other': [Date.UTC(2026, 10, 22), 1],
    'over decades': [Date.UTC(2000), 86_399_999],
    'before 1970': [-9_999_000, 997],
  }
  for (const [name, [first = 0, step = 0]] of Object.entries(ranges))
    t.strictSame(await readings(first, step), { read: 10_000, wrong: 0 }, name)
  t.strictSame(await readings(Date.UTC(9_900), 29_999_999), { read: 10_000, wrong: 0 }, 'and in ages')
})
