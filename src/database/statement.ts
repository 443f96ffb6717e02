import { type SQL, sql } from 'drizzle-orm'
import { getTableConfig, type PgDialect, type PgSession, type PgTable } from 'drizzle-orm/pg-core'
import type { Database } from './open.ts'

/** What drizzle keeps on every database and transaction but leaves out of its types; both drivers have the same. */
type Internals = { dialect: PgDialect; session: PgSession }

export type Statement<Row> = {
  /** Runs it on a database or a transaction; the values fill the placeholders. */
  run(db: Database, values: Record<string, unknown>): Promise<Row[]>
}

/**
 * A statement written as SQL and prepared once per connection under its name (PostgreSQL plans it once; PGlite ignores the name).
 * drizzle prepares only what its builder made; the hot paths need more than the builder can say, so this is the one place that
 * reaches for drizzle's own `prepareQuery`. Names are global to a connection: begin them with the feature. Placeholders are
 * `sql.placeholder('name')`, each with a cast, so that both drivers bind the same type.
 */
export function statement<Row>(name: string, text: SQL): Statement<Row> {
  let built: ReturnType<PgDialect['sqlToQuery']> | undefined
  return {
    async run(db, values) {
      const { dialect, session } = db as unknown as Internals
      built ??= dialect.sqlToQuery(text)
      const prepared = session.prepareQuery(built, undefined, name, false)
      const result = (await prepared.execute(values)) as { rows: Row[] }
      return result.rows
    },
  }
}

/** A placeholder with its type: `value('account', 'uuid')` is `$n::uuid`. */
export function value(name: string, type: string): SQL {
  return sql`${sql.placeholder(name)}::${sql.raw(type)}`
}

type Keys<T extends PgTable> = readonly (keyof T['$inferInsert'] & string)[]

/**
 * `insert into t (…) select r.… from <source>, jsonb_populate_record(null::t, <record>) r`: one JSON parameter carries a row, so that a
 * statement of several inserts stays readable. Only the named columns are written; the others keep their defaults.
 */
export function insertRow<T extends PgTable>(table: T, keys: Keys<T>, source: SQL, record: SQL): SQL {
  const name = sql.identifier(getTableConfig(table).name)
  const columns = keys.map((key) => sql.identifier(toSnake(key)))
  const picked = columns.map((column) => sql`r.${column}`)
  return sql`insert into ${name} (${sql.join(columns, sql`, `)})
    select ${sql.join(picked, sql`, `)} from ${source}, jsonb_populate_record(null::${name}, ${record}) r`
}

/** The JSON parameter of `insertRow`: exactly the named columns. */
export function rowJson<T extends PgTable>(_table: T, keys: Keys<T>, values: T['$inferInsert']): string {
  const columns = values as Record<string, unknown>
  return JSON.stringify(Object.fromEntries(keys.map((key) => [toSnake(key), columns[key] ?? null])))
}

const toSnake = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
