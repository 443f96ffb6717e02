/**
 * What the closing of an account ends, within the same transaction and under its key: grants, invitations, what is held for it, its request
 * code, what was made to be told to support, claims, domains and tickets.
 * Every kind of row in one statement, however many there are. It only takes away, and reopening brings nothing of it back.
 */
import { and, eq, inArray, isNull, or, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../database/open.ts'
import { contacts, domainClaims, domainNames, domains, grants, singleUseTokens, tickets } from '../database/tables.ts'
import type { Jobs } from '../jobs/jobs.ts'
import { appendAll } from '../journal/append.ts'
import { appendEach } from '../journal/append-each.ts'
import { type TicketStatus, ticketStatuses, ticketTransitions } from '../vocabulary.ts'
import { eventOf } from './authorship.ts'
import { cause, endCodes } from './closing-codes.ts'
import { closeSubmissions } from './held.ts'
import type { Authority } from './judge.ts'

/** Ends everything an account has given, asked for, holds or waits for. Whose grant ends is told, and so is who gave it. */
export async function endAllOf(jobs: Jobs, tx: Database, authority: Authority, accountId: string): Promise<void> {
  await endGrants(jobs, tx, authority, accountId)
  await endInvitations(tx, authority, accountId)
  await closeSubmissions(tx, authority, { id: accountId })
  await endCodes(tx, authority, accountId)
  await endClaims(tx, authority, accountId)
  await releaseDomains(tx, authority, accountId)
  await resolveTickets(tx, authority, accountId)
}

/** Those that have run out already are left to whoever records that. */
async function endGrants(jobs: Jobs, tx: Database, authority: Authority, accountId: string): Promise<void> {
  const at = new Date(authority.at)
  const inForce = and(inArray(grants.status, ['active', 'suspended']), sql`${grants.expiresAt} > ${at.toISOString()}::timestamptz`)
  const ended = await tx
    .update(grants)
    .set({
      status: sql`case when ${grants.status} in ('active', 'suspended') then 'revoked' else 'cancelled' end`,
      suspensionCauses: [],
      endedAt: at,
      endedBy: authority.actorUserId,
      version: sql`${grants.version} + 1`,
    })
    .where(and(eq(grants.accountId, accountId), or(inForce, inArray(grants.status, ['requested', 'invited']))))
    .returning({
      id: grants.id,
      status: sql<'revoked' | 'cancelled'>`${grants.status}`,
      domainId: onlyDomain,
      // Of a request that nobody approved its developer is told nothing: he would learn that his code was right.
      grantee: sql<string | null>`case when ${grants.approvedAt} is not null then ${grants.granteeUserId} end`,
      grantor: sql<
        string | null
      >`(select gc.user_id from contacts gc where gc.account_id = ${grants.accountId} and gc.id = ${grants.grantorContactId})`,
    })
  const about = { accountId, resourceType: 'grant', changed: ['status'], value: { cause } }
  await appendAll(
    tx,
    ended.map(({ id, status, domainId }) => eventOf(authority, `grant.${status}`, { ...about, resourceId: id, domainId })),
  )
  for (const { id, status, grantee, grantor } of ended) {
    const notice = { letter: 'notice', kind: `grant_${status}`, account: accountId, subject: id }
    for (const recipient of [grantee, grantor]) if (recipient !== null) await jobs.enqueue(tx, 'mail', { ...notice, recipient })
  }
}

/** An event names a domain only where it is about one alone. */
const onlyDomain: SQL<string | null> = sql`(select min(l.domain_id::text)::uuid from grant_domains l
  where l.account_id = ${grants.accountId} and l.grant_id = ${grants.id} having count(*) = 1)`

/** What was offered by mail, as well: a letter that lies in somebody's mailbox is of no use any more. */
async function endInvitations(tx: Database, authority: Authority, accountId: string): Promise<void> {
  const at = new Date(authority.at)
  const ended = await tx
    .update(contacts)
    .set({ status: 'ended', endedAt: at, version: sql`${contacts.version} + 1` })
    .where(and(eq(contacts.accountId, accountId), eq(contacts.status, 'invited')))
    .returning({ id: contacts.id, role: contacts.role })
  await tx
    .update(singleUseTokens)
    .set({ usedAt: at })
    .where(and(eq(singleUseTokens.accountId, accountId), isNull(singleUseTokens.usedAt)))
  const about = { accountId, resourceType: 'contact', changed: ['status'] }
  await appendAll(
    tx,
    ended.map(({ id, role }) => eventOf(authority, 'contact.ended', { ...about, resourceId: id, value: { role, cause } })),
  )
}

async function endClaims(tx: Database, authority: Authority, accountId: string): Promise<void> {
  const ended = await tx
    .update(domainClaims)
    .set({ status: 'withdrawn', endedAt: new Date(authority.at), version: sql`${domainClaims.version} + 1` })
    .where(and(eq(domainClaims.accountId, accountId), eq(domainClaims.status, 'pending')))
    .returning({ id: domainClaims.id })
  const about = { accountId, resourceType: 'domain_claim', changed: ['status'], value: { cause } }
  await appendAll(
    tx,
    ended.map(({ id }) => eventOf(authority, 'domain.claim_withdrawn', { ...about, resourceId: id })),
  )
}

async function releaseDomains(tx: Database, authority: Authority, accountId: string): Promise<void> {
  const at = new Date(authority.at).toISOString()
  const released = await tx
    .update(domains)
    .set({ releasedAt: sql`greatest(${domains.createdAt}, ${at}::timestamptz)`, version: sql`${domains.version} + 1` })
    .where(and(eq(domains.accountId, accountId), isNull(domains.releasedAt)))
    .returning({ id: domains.id, name: domains.name })
  await tx.delete(domainNames).where(eq(domainNames.accountId, accountId))
  const about = { accountId, resourceType: 'domain', changed: ['releasedAt'] }
  await appendAll(
    tx,
    released.map(({ id, name }) =>
      eventOf(authority, 'domain.released', { ...about, resourceId: id, domainId: id, value: { name, cause } }),
    ),
  )
}

const unresolved: readonly TicketStatus[] = ticketStatuses.filter((status) => ticketTransitions[status].includes('resolved'))

/** In one statement with their events: an account may have tens of thousands. */
async function resolveTickets(tx: Database, authority: Authority, accountId: string): Promise<void> {
  const at = new Date(authority.at).toISOString()
  await appendEach(
    tx,
    eventOf(authority, 'ticket.closed', { accountId, resourceType: 'ticket', changed: ['status', 'resolvedAt'] }),
    sql`update ${tickets} t set status = 'resolved', resolved_at = coalesce(t.resolved_at, ${at}::timestamptz), version = t.version + 1
      where t.account_id = ${accountId} and t.status = any(${sql.param([...unresolved])}::text[]) returning t.id, t.domain_id`,
  )
}
