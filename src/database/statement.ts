import { DrizzleQueryError, is, Placeholder, type SQL, sql } from 'drizzle-orm'
import type { PgDialect } from 'drizzle-orm/pg-core'
import pg from 'pg'
import type { Database } from './open.ts'

type Answer = { rows: unknown[] }
type PgClient = { query(config: { name: string | undefined; text: string; values: unknown[] }): Promise<Answer> }
type EmbeddedClient = { query(text: string, values: unknown[]): Promise<Answer>; exec: unknown }
/** What drizzle keeps on every database and transaction but leaves out of its types. */
type Internals = { dialect: PgDialect; session: { client: PgClient | EmbeddedClient } }

export type Statement<Row> = {
  /** Runs it on a database or a transaction; the values fill the placeholders. */
  run(db: Database, values: Record<string, unknown>): Promise<Row[]>
}

/**
 * A statement written as SQL and prepared once per connection under its name (the embedded database knows it by its text).
 * drizzle prepares only what its builder made, and its own way to the driver costs as much as the driver; the hot paths go past it,
 * and this is the one place that does. Names are global to a connection: begin them with the feature. Placeholders are
 * `sql.placeholder('name')`, each with a cast, so that both drivers bind the same type; one that stands in several places is sent once.
 */
export function statement<Row>(name: string, text: SQL): Statement<Row> {
  let built: Built | undefined
  return {
    async run(db, values) {
      built ??= build(db, text)
      return (await send(db, name, built.text, valuesFor(built, values))) as Row[]
    },
  }
}

/** Its text with `$1` and so on, and the name of each of these values. */
export type Built = { text: string; names: string[] }

const dialectOf = (db: Database): PgDialect => (db as unknown as Internals).dialect
/** What runs its statements: the pool or the embedded database, within a transaction the connection of that. */
export const clientOf = (db: Database): object => (db as unknown as Internals).session.client
export const valuesFor = ({ names }: Built, values: Record<string, unknown>): unknown[] => names.map((name) => values[name] ?? null)

export function build(db: Database, query: SQL): Built {
  const { sql: text, params } = dialectOf(db).sqlToQuery(query)
  const given = params.map((param) => {
    if (!is(param, Placeholder)) throw new Error('a statement takes its values by name')
    return param.name
  })
  const names = [...new Set(given)]
  return { text: text.replaceAll(/\$(\d+)/g, (_, place) => `$${names.indexOf(given[Number(place) - 1] as string) + 1}`), names }
}

/** How many forms of one varying statement a connection keeps prepared. */
const formsMax = 50

/**
 * A statement whose text depends on what is asked, such as a list within a reach. The forms that come first are prepared like other
 * statements; later ones are planned each time, so that no connection collects plans without end.
 */
export function varying<Row>(name: string): { run(db: Database, query: SQL): Promise<Row[]> } {
  const forms = new Map<string, string>()
  return {
    async run(db, query) {
      const { sql: text, params } = dialectOf(db).sqlToQuery(query)
      if (!forms.has(text) && forms.size < formsMax) forms.set(text, `${name}_${forms.size}`)
      return (await send(db, forms.get(text), text, params)) as Row[]
    },
  }
}

/** Runs a text as drizzle's own client would be asked to; without a name it is planned for this once. */
export async function send(db: Database, name: string | undefined, text: string, values: unknown[]): Promise<unknown[]> {
  const { client } = (db as unknown as Internals).session
  try {
    const { rows } = await ('exec' in client ? client.query(text, values) : client.query({ name, text, values }))
    return rows
  } catch (error) {
    throw new DrizzleQueryError(text, values, error as Error) // as every other statement fails
  }
}

/**
 * The same, outside of transactions, for rows that are of use one by one: each is handed over when it arrives, so that the first are worked
 * on while PostgreSQL makes the last (it sends some 8 KB at a time). When it fails, some may have been handed over before. `onRow` is called
 * from the socket and must not throw.
 */
export async function sendForEach(
  db: Database,
  name: string,
  text: string,
  values: unknown[],
  onRow: (row: unknown) => void,
): Promise<void> {
  const client = clientOf(db)
  if (!(client instanceof pg.Pool)) return (await send(db, name, text, values)).forEach(onRow)
  const query = new pg.Query({ name, text, values }).on('row', onRow)
  try {
    await client.query(query) // the pool's promise, whatever its types say
  } catch (error) {
    throw new DrizzleQueryError(text, values, error as Error)
  }
}

/** A placeholder with its type: `value('account', 'uuid')` is `$n::uuid`. */
export function value(name: string, type: string): SQL {
  return sql`${sql.placeholder(name)}::${sql.raw(type)}`
}
