/** An account gives a domain up: the row ends and keeps its history, the name is free, and what hung on the domain falls. */
import { and, eq, isNull, sql } from 'drizzle-orm'
import type { Database } from '../database/open.ts'
import { domainNames, domains } from '../database/tables.ts'
import type { Jobs } from '../jobs/jobs.ts'
import { append } from '../journal/append.ts'
import { eventOf } from './authorship.ts'
import { cascadeGrants, notifyOwners } from './cascades.ts'
import type { Authority } from './judge.ts'

/**
 * Releases a domain, in the caller's transaction and under the account's key; one that is released already stays as it is. Where staff do
 * it, or there is a reason, the owners are told. Says whether it was released now.
 */
export async function giveUpDomain(
  jobs: Jobs,
  tx: Database,
  authority: Authority,
  accountId: string,
  id: string,
  reason?: string,
): Promise<boolean> {
  const at = new Date(authority.at).toISOString()
  const released = await tx
    .update(domains)
    // Never before it began, even if the clock was put back.
    .set({ releasedAt: sql`greatest(${domains.createdAt}, ${at}::timestamptz)`, version: sql`${domains.version} + 1` })
    .where(and(eq(domains.accountId, accountId), eq(domains.id, id), isNull(domains.releasedAt)))
    .returning({ name: domains.name })
  if (released.length === 0) return false
  await tx.delete(domainNames).where(and(eq(domainNames.accountId, accountId), eq(domainNames.domainId, id)))
  const about = { accountId, resourceType: 'domain', resourceId: id, domainId: id, changed: ['releasedAt'] }
  const value = { ...(released[0] as { name: string }), ...(reason !== undefined && { reason }) }
  await append(tx, eventOf(authority, 'domain.released', { ...about, value }))
  if (authority.capacity === 'staff' || reason !== undefined) await notifyOwners(tx, jobs, accountId, 'domain_released_by_staff', id)
  await cascadeGrants(tx, jobs, authority, accountId)
  return true
}
