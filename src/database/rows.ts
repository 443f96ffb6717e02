/** Rows that go in and come out as JSON: one parameter or one column for a whole row. */
import { getTableColumns, type SQL, sql } from 'drizzle-orm'
import { getTableConfig, type PgTable } from 'drizzle-orm/pg-core'

type Keys<T extends PgTable> = readonly (keyof T['$inferInsert'] & string)[]

/**
 * `insert into t (…) select r.… from <source>, jsonb_populate_record(null::t, <record>) r`: one JSON parameter carries a row, so that a
 * statement of several inserts stays readable. Only the named columns are written; the others keep their defaults.
 */
export function insertRow<T extends PgTable>(table: T, keys: Keys<T>, source: SQL, record: SQL): SQL {
  const name = sql.identifier(getTableConfig(table).name)
  const names = keys.map((key) => sql.identifier(toSnake(key)))
  const picked = names.map((column) => sql`r.${column}`)
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

/** The named columns of a row as a JSON array: the names, said once here, would be most of what travels. */
export function rowArray<T extends PgTable>(_table: T, keys: readonly (keyof T['$inferSelect'] & string)[], from: string): SQL {
  return sql`json_build_array(${sql.join(
    columnsOf(keys).map(([, column]) => sql`${sql.identifier(from)}.${sql.identifier(column)}`),
    sql`, `,
  )})`
}

/** The row of such an array, as drizzle gives one: instants are dates. */
export function rowOf<T extends PgTable, K extends keyof T['$inferSelect'] & string>(
  table: T,
  keys: readonly K[],
  values: readonly unknown[],
): Pick<T['$inferSelect'], K> {
  const row: Record<string, unknown> = {}
  const dates = datesOf(table)
  keys.forEach((key, place) => {
    const value = values[place]
    row[key] = value !== null && dates.has(key) ? new Date(value as string) : value
  })
  return row as Pick<T['$inferSelect'], K>
}

const dates = new WeakMap<PgTable, ReadonlySet<string>>()

function datesOf(table: PgTable): ReadonlySet<string> {
  const known = dates.get(table)
  if (known !== undefined) return known
  const made = new Set(Object.entries(getTableColumns(table)).flatMap(([key, { dataType }]) => (dataType === 'date' ? [key] : [])))
  dates.set(table, made)
  return made
}

const toSnake = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
