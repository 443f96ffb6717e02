/**
 * Rows that come out as JSON, the columns of one type together in one array: of an array PostgreSQL finds out once how its elements are
 * written, of a row once for every value, which is most of what a page of rows costs there.
 */
import { getTableColumns, type SQL, sql } from 'drizzle-orm'
import type { PgTable } from 'drizzle-orm/pg-core'
import { toSnake } from './rows.ts'

type Instants<T> = T extends Date ? string : T

/** A row as it is read: its instants are text, in the form in which they go on the wire. */
export type GroupedRow<T extends PgTable, K extends keyof T['$inferSelect']> = {
  [Key in K]: Instants<T['$inferSelect'][Key]>
}

export type RowGroups<Row> = {
  /** One row of `from`: a JSON array of its groups. */
  one(from: string): SQL
  /** Every row of `from`, in its order: for each group a list with the rows' arrays. No column may be JSON. */
  all(from: string): SQL
  readOne(groups: readonly (readonly unknown[])[]): Row
  readAll(groups: readonly (readonly (readonly unknown[])[])[]): Row[]
}

/** What stands together in an array, and as which type. */
const casts = { string: 'text', number: 'bigint', boolean: 'boolean', date: 'timestamptz', json: 'jsonb' } as const
type Kind = keyof typeof casts

type Group = { kind: Kind; keys: string[] }

/** The named columns of a table; numbers are whole ones. */
export function rowGroups<T extends PgTable, K extends keyof T['$inferSelect'] & string>(
  table: T,
  keys: readonly K[],
): RowGroups<GroupedRow<T, K>> {
  type Row = GroupedRow<T, K>
  const columns = getTableColumns(table)
  const byKind = Map.groupBy(keys, (key) => columns[key]?.dataType as Kind)
  const groups: Group[] = [...byKind].map(([kind, keys]) => ({ kind, keys }))
  const arrays = (from: string): string[] =>
    groups.map(({ kind, keys }) => `array[${keys.map((key) => `${from}.${toSnake(key)}::${casts[kind]}`).join(', ')}]`)
  const read = (arrayOf: (group: number) => readonly unknown[]): Row => {
    const row: Record<string, unknown> = {}
    groups.forEach(({ kind, keys }, group) => {
      const values = arrayOf(group)
      for (let place = 0; place < keys.length; place++) {
        const value = values[place]
        row[keys[place] as string] = kind === 'date' && value !== null ? toWire(value as string) : value
      }
    })
    return row as Row
  }
  return {
    one: (from) => sql.raw(`json_build_array(${arrays(from).join(', ')})`),
    all: (from) =>
      sql.raw(
        `json_build_array(${arrays(from)
          .map((array) => `array(select ${array} from ${from})`)
          .join(', ')})`,
      ),
    readOne: (of) => read((group) => of[group] as unknown[]),
    readAll: (of) => (of[0] as unknown[]).map((_, index) => read((group) => (of[group] as unknown[][])[index] as unknown[])),
  }
}

/** An instant of PostgreSQL's JSON in UTC with milliseconds. Where the session is in UTC, only the end is written otherwise. */
function toWire(text: string): string {
  return text.length === utcLength && text.endsWith('+00:00') ? `${text.slice(0, -'+00:00'.length)}Z` : new Date(text).toISOString()
}

const utcLength = '2026-11-22T14:34:26.799+00:00'.length
