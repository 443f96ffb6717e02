/** Reading signing keys, and their form on the wire. */
import { desc, isNull, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../database/open.ts'
import { signingKeys } from '../database/tables.ts'
import type { KeyRow } from '../http/key-store.ts'
import type { Key } from './schema.ts'

const { kid, algorithm, createdAt, removedAt } = signingKeys
const newestFirst = [desc(createdAt), desc(kid)]

/** Every key there is or was, newest first. */
export async function listKeys(db: Database, after: readonly [string, string] | undefined, limit: number): Promise<Key[]> {
  const signing = db
    .select({ kid })
    .from(signingKeys)
    .where(isNull(removedAt))
    .orderBy(...newestFirst)
    .limit(1)
  const rows = await db
    .select({ kid, algorithm, createdAt, removedAt, signs: sql<boolean>`${kid} = ${signing}` })
    .from(signingKeys)
    .where(after && older(after))
    .orderBy(...newestFirst)
    .limit(limit)
  return rows.map((row) => toKey(row, row.signs))
}

const older = ([at, id]: readonly [string, string]): SQL => sql`(${createdAt}, ${kid}) < (${at}::timestamptz, ${id})`

export function toKey(row: Pick<KeyRow, 'kid' | 'algorithm' | 'createdAt' | 'removedAt'>, signs: boolean): Key {
  return {
    id: row.kid,
    algorithm: row.algorithm as Key['algorithm'],
    signs,
    createdAt: row.createdAt.toISOString(),
    removedAt: row.removedAt?.toISOString() ?? null,
  }
}
