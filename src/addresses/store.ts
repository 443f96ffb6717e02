/** Reading a person's addresses. */
import { and, asc, eq, isNotNull, isNull, ne, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../database/open.ts'
import { addresses } from '../database/tables.ts'
import type { MyAddress } from './schema.ts'

export type AddressRow = typeof addresses.$inferSelect

/** A page of them, oldest first. */
export async function listAddresses(
  db: Database,
  userId: string,
  after: readonly [string, string] | undefined,
  limit: number,
): Promise<MyAddress[]> {
  const rows = await db
    .select()
    .from(addresses)
    .where(and(eq(addresses.userId, userId), isNull(addresses.removedAt), after && later(after)))
    .orderBy(asc(addresses.createdAt), asc(addresses.id))
    .limit(limit)
  return rows.map(toAddress)
}

/** One of a user's addresses, also one that he has removed. */
export async function findAddress(db: Database, userId: string, id: string): Promise<AddressRow | undefined> {
  const [row] = await db
    .select()
    .from(addresses)
    .where(and(eq(addresses.id, id), eq(addresses.userId, userId)))
  return row
}

/** Whether the user has proven another address than this one. */
export async function hasOtherProven(db: Database, userId: string, id: string): Promise<boolean> {
  return (await db.$count(addresses, and(eq(addresses.userId, userId), isNotNull(addresses.provenAt), ne(addresses.id, id)))) > 0
}

export function toAddress({ id, address, createdAt, provenAt }: AddressRow): MyAddress {
  return { id, address, createdAt: createdAt.toISOString(), provenAt: provenAt?.toISOString() ?? null }
}

const later = ([at, id]: readonly [string, string]): SQL =>
  sql`(${addresses.createdAt}, ${addresses.id}) > (${at}::timestamptz, ${id}::uuid)`
