/** Rows that go in and come out as JSON: one parameter or one column for a whole row. */
import { type SQL, sql } from 'drizzle-orm'
import { getTableConfig, type PgTable } from 'drizzle-orm/pg-core'

type Keys<T extends PgTable> = readonly (keyof T['$inferInsert'] & string)[]

/**
 * `insert into t (…) select r.… from <source>, jsonb_populate_record(null::t, <record>) r`: one JSON parameter carries a row, so that a
 * statement of several inserts stays readable. Only the named columns are written; the others keep their defaults. `own` are those that
 * each row of the source has for itself: the record is read once, however many rows that are.
 */
export function insertRow<T extends PgTable, K extends Keys<T>>(
  table: T,
  keys: K,
  source: SQL,
  record: SQL,
  own: { readonly [key in K[number]]?: SQL } = {},
): SQL {
  const name = sql.identifier(getTableConfig(table).name)
  const names = keys.map((key) => sql.identifier(toSnake(key)))
  const picked = keys.map((key: K[number], index) => own[key] ?? sql`r.${names[index]}`)
  return sql`insert into ${name} (${sql.join(names, sql`, `)})
    select ${sql.join(picked, sql`, `)} from ${source}, jsonb_populate_record(null::${name}, ${record}) r`
}

/** The JSON parameter of `insertRow`: exactly the named columns. */
export function rowJson<T extends PgTable>(_table: T, keys: Keys<T>, values: T['$inferInsert']): string {
  const given = values as Record<string, unknown>
  const row: Record<string, unknown> = {}
  for (const [key, column] of columnsOf(keys)) row[column] = given[key] ?? null
  return JSON.stringify(row)
}

const columns = new WeakMap<readonly string[], (readonly [key: string, column: string])[]>()

function columnsOf(keys: readonly string[]): (readonly [key: string, column: string])[] {
  const known = columns.get(keys)
  if (known !== undefined) return known
  const made = keys.map((key) => [key, toSnake(key)] as const)
  columns.set(keys, made)
  return made
}

export const toSnake = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
