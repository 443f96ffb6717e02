/** Reading clients, and their form on the wire. */
import { desc, eq, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../database/open.ts'
import { clients } from '../database/tables.ts'
import type { Client } from './schema.ts'

export async function readClient(db: Database, id: string): Promise<Client | undefined> {
  const [row] = await db.select().from(clients).where(eq(clients.id, id))
  return row && toClient(row)
}

/** Newest first, after the position of a cursor. */
export async function listClients(db: Database, after: readonly [string, string] | undefined, limit: number): Promise<Client[]> {
  const rows = await db
    .select()
    .from(clients)
    .where(after && older(after))
    .orderBy(desc(clients.createdAt), desc(clients.id))
    .limit(limit)
  return rows.map(toClient)
}

const older = ([at, id]: readonly [string, string]): SQL => sql`(${clients.createdAt}, ${clients.id}) < (${at}::timestamptz, ${id}::uuid)`

function toClient(row: typeof clients.$inferSelect): Client {
  return {
    id: row.id,
    name: row.name,
    realm: row.realm,
    status: row.status,
    scopes: row.scopes as Client['scopes'],
    mayStepUp: row.mayStepUp,
    keys: row.keys as Client['keys'],
    keysUrl: row.keysUrl,
    hasSecret: row.secretHash !== null,
    formerSecretEndsAt: row.formerSecretEndsAt?.toISOString() ?? null,
    createdAt: row.createdAt.toISOString(),
    disabledAt: row.disabledAt?.toISOString() ?? null,
    version: row.version,
  }
}
