import { DrizzleQueryError, is, Placeholder, type SQL, sql } from 'drizzle-orm'
import { getTableConfig, type PgDialect, type PgTable } from 'drizzle-orm/pg-core'
import type { Database } from './open.ts'

type Answer = { rows: unknown[] }
type PgClient = { query(config: { name: string; text: string; values: unknown[] }): Promise<Answer> }
type EmbeddedClient = { query(text: string, values: unknown[]): Promise<Answer>; exec: unknown }
/** What drizzle keeps on every database and transaction but leaves out of its types. */
type Internals = { dialect: PgDialect; session: { client: PgClient | EmbeddedClient } }

export type Statement<Row> = {
  /** Runs it on a database or a transaction; the values fill the placeholders. */
  run(db: Database, values: Record<string, unknown>): Promise<Row[]>
}

/**
 * A statement written as SQL and prepared once per connection under its name (PostgreSQL plans it once; PGlite ignores the name).
 * drizzle prepares only what its builder made, and its own way to the driver costs as much as the driver; the hot paths go past it,
 * and this is the one place that does. Names are global to a connection: begin them with the feature. Placeholders are
 * `sql.placeholder('name')`, each with a cast, so that both drivers bind the same type; one that stands in several places is sent once.
 */
export function statement<Row>(name: string, text: SQL): Statement<Row> {
  let built: Built | undefined
  return {
    async run(db, values) {
      const { dialect, session } = db as unknown as Internals
      built ??= build(dialect, text)
      const bound = built.names.map((placeholder) => values[placeholder] ?? null)
      try {
        const { rows } = await ('exec' in session.client
          ? session.client.query(built.text, bound)
          : session.client.query({ name, text: built.text, values: bound }))
        return rows as Row[]
      } catch (error) {
        throw new DrizzleQueryError(built.text, bound, error as Error) // as every other statement fails
      }
    },
  }
}

type Built = { text: string; names: string[] }

function build(dialect: PgDialect, query: SQL): Built {
  const { sql: text, params } = dialect.sqlToQuery(query)
  const given = params.map((param) => {
    if (!is(param, Placeholder)) throw new Error('a statement takes its values by name')
    return param.name
  })
  const names = [...new Set(given)]
  return { text: text.replaceAll(/\$(\d+)/g, (_, place) => `$${names.indexOf(given[Number(place) - 1] as string) + 1}`), names }
}

/** A statement in as many forms as there are shapes of what is asked; each is built once and has a name of its own. */
export function perShape<Shape extends Record<string, boolean>, Row>(
  name: string,
  text: (shape: Shape) => SQL,
): (shape: Shape) => Statement<Row> {
  const known = new Map<string, Statement<Row>>()
  return (shape) => {
    const bits = Object.values(shape).map(Number).join('')
    const form = known.get(bits) ?? statement<Row>(`${name}_${bits}`, text(shape))
    known.set(bits, form)
    return form
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
