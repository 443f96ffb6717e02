/** An account gives a domain up: the row ends and keeps its history, the name is free, and what hung on the domain falls. */
import { and, eq, isNull, sql } from 'drizzle-orm'
import { eventOf } from '../authority/authorship.ts'
import { cascadeGrants } from '../authority/cascades.ts'
import { change } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import type { AccountFact, DomainFact } from '../authority/facts.ts'
import { domainNames, domains } from '../database/tables.ts'
import type { Standing } from '../http/types.ts'
import { append } from '../journal/append.ts'

/** Releases a domain. It only takes away: it needs no version, and one that is released already stays as it is. Throws the refusal. */
export function releaseDomain(context: Context, standing: Standing): Promise<void> {
  const { id: accountId } = standing.loaded.account as AccountFact
  const { id } = standing.loaded.domains[0] as DomainFact
  return change(context, standing.caller, standing.ask, { accounts: [accountId] }, async (tx, authority) => {
    const at = new Date(authority.at).toISOString()
    const released = await tx
      .update(domains)
      // Never before it began, even if the clock was put back.
      .set({ releasedAt: sql`greatest(${domains.createdAt}, ${at}::timestamptz)`, version: sql`${domains.version} + 1` })
      .where(and(eq(domains.accountId, accountId), eq(domains.id, id), isNull(domains.releasedAt)))
      .returning({ name: domains.name })
    if (released.length === 0) return
    await tx.delete(domainNames).where(and(eq(domainNames.accountId, accountId), eq(domainNames.domainId, id)))
    const event = { resourceType: 'domain', resourceId: id, domainId: id, changed: ['releasedAt'], value: released[0] as { name: string } }
    await append(tx, eventOf(authority, 'domain.released', event))
    await cascadeGrants(tx, context.jobs, authority, accountId)
  })
}
