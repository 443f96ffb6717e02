import { type AnyColumn, type SQL, sql } from 'drizzle-orm'
import { customType, timestamp, uuid } from 'drizzle-orm/pg-core'

/**
 * Instants have milliseconds, in the database as in JavaScript: with PostgreSQL's microseconds a value read and written back would
 * differ from itself, and a page or a grant would begin in the gap.
 */
export const instant = () => timestamp({ withTimezone: true, precision: 3, mode: 'date' })

/** A UUIDv7 made by the program, so that a row's id is known before it is written. */
export const id = () => uuid()

export const bytes = customType<{ data: Buffer; driverData: Buffer | Uint8Array }>({
  dataType: () => 'bytea',
  fromDriver: (value) => Buffer.from(value),
})

/**
 * Newest first, as the indexes for it are made: their nulls come last, and PostgreSQL sorts anew for any other order, be there nulls or not.
 */
export const newestFirst = (...columns: (AnyColumn | SQL)[]): SQL[] => columns.map((column) => sql`${column} desc nulls last`)

/** The id of the transaction that wrote a row, which PostgreSQL itself fills in; as text, since it has 64 bits. */
export const transactionId = customType<{ data: string; driverData: string }>({ dataType: () => 'xid8' })

/** `column in ('a', 'b')` for a check constraint, from a closed word list of `vocabulary.ts`. */
export function oneOf(column: unknown, words: readonly string[]): SQL {
  return sql`${column} in (${sql.raw(words.map((word) => `'${word}'`).join(', '))})`
}

/** `column <@ array['a', 'b']`: every element is of the list. */
export function allOf(column: unknown, words: readonly string[]): SQL {
  return sql`${column} <@ array[${sql.raw(words.map((word) => `'${word}'`).join(', '))}]::text[]`
}

/** `not column && array['a', 'b']`: no element is of the list. */
export function noneOf(column: unknown, words: readonly string[]): SQL {
  return sql`not ${column} && array[${sql.raw(words.map((word) => `'${word}'`).join(', '))}]::text[]`
}
