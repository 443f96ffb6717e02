/** What becomes of a claim: accepted, ended, or lapsed. It leaves `pending` once; the caller holds the account's key. */
import { and, asc, eq, inArray, lte, type SQL, sql } from 'drizzle-orm'
import { eventByTime, eventOf } from '../authority/authorship.ts'
import { holdFreeDomain } from '../authority/holdings.ts'
import type { Authority } from '../authority/judge.ts'
import type { Database } from '../database/open.ts'
import { domainClaims } from '../database/tables.ts'
import { newId } from '../id.ts'
import { append } from '../journal/append.ts'
import type { ClaimStatus } from '../vocabulary.ts'

export type ClaimRow = typeof domainClaims.$inferSelect

/** The claim, by id or by name, if it has not ended; it does not lapse meanwhile, which takes no account's key. */
export async function findPending(tx: Database, accountId: string, by: { id: string } | { name: string }): Promise<ClaimRow | undefined> {
  const which = 'id' in by ? eq(domainClaims.id, by.id) : eq(domainClaims.name, by.name)
  const [found] = await tx
    .select()
    .from(domainClaims)
    .where(and(eq(domainClaims.accountId, accountId), which, eq(domainClaims.status, 'pending')))
    .for('update')
  return found
}

type End = { status: Exclude<ClaimStatus, 'pending' | 'accepted'> } | { status: 'accepted'; domainId: string }

export async function endClaim(tx: Database, at: number, accountId: string, id: string, end: End): Promise<void> {
  await tx
    .update(domainClaims)
    .set({ ...end, endedAt: new Date(at), version: sql`${domainClaims.version} + 1` })
    .where(and(eq(domainClaims.accountId, accountId), eq(domainClaims.id, id)))
}

/**
 * The record was seen: if nobody holds the name, the claim becomes a domain. A record never moves a name that somebody holds: then the
 * claim waits, and only staff are told.
 */
export async function settle(tx: Database, authority: Authority, { accountId, id, name, seenAt }: ClaimRow): Promise<void> {
  const domainId = newId()
  if (await holdFreeDomain(tx, authority, accountId, { id: domainId, name })) {
    return endClaim(tx, authority.at, accountId, id, { status: 'accepted', domainId })
  }
  const at = new Date(authority.at)
  await tx
    .update(domainClaims)
    .set({ checkedAt: at, seenAt: at })
    .where(and(eq(domainClaims.accountId, accountId), eq(domainClaims.id, id)))
  if (seenAt !== null) return
  await append(
    tx,
    eventOf(authority, 'domain.claim_proven', { accountId, resourceType: 'domain_claim', resourceId: id, changed: ['seenAt'] }),
  )
}

/** That the record was looked for and not seen. */
export async function noteChecked(db: Database, at: number, { accountId, id }: Pick<ClaimRow, 'accountId' | 'id'>): Promise<void> {
  await db
    .update(domainClaims)
    .set({ checkedAt: new Date(at) })
    .where(and(eq(domainClaims.accountId, accountId), eq(domainClaims.id, id), eq(domainClaims.status, 'pending')))
}

const batch = 500

/** Records the end of claims whose time is over, the oldest first, and says how many there were. They carry no authority: no key is needed. */
export async function lapseOver(tx: Database, now: number, which?: SQL): Promise<number> {
  const at = new Date(now)
  const over = tx
    .select({ id: domainClaims.id })
    .from(domainClaims)
    .where(and(eq(domainClaims.status, 'pending'), lte(domainClaims.expiresAt, at), which))
    .orderBy(asc(domainClaims.expiresAt))
    .limit(batch)
    .for('update', { skipLocked: true })
  const ended = await tx
    .update(domainClaims)
    .set({ status: 'lapsed', endedAt: at, version: sql`${domainClaims.version} + 1` })
    .where(and(inArray(domainClaims.id, over), eq(domainClaims.status, 'pending')))
    .returning({ accountId: domainClaims.accountId, id: domainClaims.id })
  const about = { resourceType: 'domain_claim', changed: ['status'] }
  await append(tx, ...ended.map(({ accountId, id }) => eventByTime(accountId, now, 'domain.claim_lapsed', { ...about, resourceId: id })))
  return ended.length
}
