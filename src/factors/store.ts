/** Reading a person's second factors. */
import { and, asc, eq, isNotNull, isNull, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../database/open.ts'
import { addresses, secondFactors, users } from '../database/tables.ts'
import type { Factor } from './schema.ts'

export type FactorRow = typeof secondFactors.$inferSelect

/** A page of them, oldest first; also those that are only prepared. */
export async function listFactors(
  db: Database,
  userId: string,
  after: readonly [string, string] | undefined,
  limit: number,
): Promise<Factor[]> {
  const rows = await db
    .select()
    .from(secondFactors)
    .where(and(present(userId), after && later(after)))
    .orderBy(asc(secondFactors.createdAt), asc(secondFactors.id))
    .limit(limit)
  return rows.map(toFactor)
}

/** One of a user's factors, also one he has removed. */
export async function findFactor(db: Database, userId: string, id: string): Promise<FactorRow | undefined> {
  const [row] = await db
    .select()
    .from(secondFactors)
    .where(and(eq(secondFactors.id, id), eq(secondFactors.userId, userId)))
  return row
}

/** Those that are not removed. */
export const present = (userId: string): SQL | undefined => and(eq(secondFactors.userId, userId), isNull(secondFactors.removedAt))

/** What an app or authenticator shows of a user, to tell him from others: his first proven address, or without one his name. */
export async function labelOf(db: Database, userId: string): Promise<{ label: string; name: string }> {
  const [row] = await db
    .select({ address: addresses.address, name: users.name })
    .from(users)
    .leftJoin(addresses, and(eq(addresses.userId, users.id), isNotNull(addresses.provenAt)))
    .where(eq(users.id, userId))
    .orderBy(asc(addresses.provenAt), asc(addresses.id))
    .limit(1)
  const { address, name } = row as { address: string | null; name: string }
  return { label: address ?? name, name }
}

export function toFactor(row: FactorRow): Factor {
  return {
    id: row.id,
    kind: row.kind,
    name: row.name,
    createdAt: row.createdAt.toISOString(),
    confirmedAt: row.confirmedAt?.toISOString() ?? null,
    lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
  }
}

const later = ([at, id]: readonly [string, string]): SQL =>
  sql`(${secondFactors.createdAt}, ${secondFactors.id}) > (${at}::timestamptz, ${id}::uuid)`
