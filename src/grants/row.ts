/** A grant's row as it is stored: what acts on it read and write. */
import { and, eq, sql } from 'drizzle-orm'
import { finished } from '../authority/objects.ts'
import type { Database } from '../database/open.ts'
import { grantDomains, grants } from '../database/tables.ts'

export type GrantColumns = typeof grants.$inferSelect

/** `finished`: its uses are spent and every ticket of it is closed. */
export type StoredGrant = GrantColumns & { domainIds: string[]; finished: boolean }

/** The row as it is stored, with the ids of its domains, released ones too. Read it under the account's key. */
export async function readRow(tx: Database, accountId: string, id: string): Promise<StoredGrant> {
  const [row] = await tx
    .select({ grant: grants, finished: sql<boolean>`${finished('grants')}` })
    .from(grants)
    .where(and(eq(grants.accountId, accountId), eq(grants.id, id)))
  const links = await tx
    .select({ domainId: grantDomains.domainId })
    .from(grantDomains)
    .where(and(eq(grantDomains.accountId, accountId), eq(grantDomains.grantId, id)))
  const { grant, finished: isFinished } = row as { grant: GrantColumns; finished: boolean }
  return { ...grant, finished: isFinished, domainIds: links.map(({ domainId }) => domainId) }
}
