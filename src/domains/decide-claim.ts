/** Staff decide about a claim: the one way by which a name that somebody holds moves. */
import { and, eq } from 'drizzle-orm'
import { eventOf } from '../authority/authorship.ts'
import { notifyOwners } from '../authority/cascades.ts'
import { changeOnce } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import type { AccountFact } from '../authority/facts.ts'
import { type Authority, notFound } from '../authority/judge.ts'
import type { Answer } from '../database/idempotency.ts'
import type { Database } from '../database/open.ts'
import { domainClaims } from '../database/tables.ts'
import { etagOf, stale } from '../http/preconditions.ts'
import type { Standing } from '../http/types.ts'
import { append } from '../journal/append.ts'
import { Problem } from '../problem.ts'
import { type ClaimRow, endClaim, findPending } from './claim-life.ts'
import type { Because, DomainClaim } from './claim-schema.ts'
import { readClaim } from './claim-store.ts'
import { type Holder, holderOf, moveName, otherAccount, overruling } from './move.ts'

/**
 * The name becomes a domain of the claimant, proven or not; an account that holds it gives it up with all that hung on it. Throws the
 * refusal, `precondition_failed`, or `invalid_transition` for a claim that has ended.
 */
export async function confirmClaim(context: Context, standing: Standing, id: string, { reason }: Because): Promise<Answer> {
  const { id: accountId } = standing.loaded.account as AccountFact
  // A claim of another account is none: who holds its name is not looked for, and nobody is asked about.
  const own = and(eq(domainClaims.accountId, accountId), eq(domainClaims.id, id))
  const [claim] = await context.db.select({ name: domainClaims.name }).from(domainClaims).where(own)
  const holder = claim && (await holderOf(context.db, claim.name))
  const isOwn = holder?.accountId === accountId
  if (holder !== undefined && !isOwn) await otherAccount(context, standing, { id: holder.accountId })
  const keys = [...new Set([accountId, holder?.accountId ?? accountId])]
  return decided(context, { ...standing, ask: overruling(standing) }, id, keys, 'accepted', async (tx, authority, found) => {
    if (isOwn) throw new Problem('conflict', { detail: 'The account holds this domain already: refuse the claim' })
    const domainId = await moveName(context.jobs, tx, authority, holder as Holder | undefined, accountId, found.name, reason)
    await endClaim(tx, authority.at, accountId, id, { status: 'accepted', domainId })
  })
}

/** It stays no domain. The owners are told. Throws the refusal, `precondition_failed`, or `invalid_transition` for a claim that has ended. */
export function refuseClaim(context: Context, standing: Standing, id: string, { reason }: Because): Promise<Answer> {
  const { id: accountId } = standing.loaded.account as AccountFact
  return decided(context, standing, id, [accountId], 'refused', async (tx, authority) => {
    await endClaim(tx, authority.at, accountId, id, { status: 'refused' })
    const about = { resourceType: 'domain_claim', resourceId: id, changed: ['status'], value: { reason } }
    await append(tx, eventOf(authority, 'domain.claim_refused', about))
    await notifyOwners(tx, context.jobs, accountId, 'domain_claim_refused', id)
  })
}

function decided(
  context: Context,
  standing: Standing,
  id: string,
  keys: readonly string[],
  to: 'accepted' | 'refused',
  work: (tx: Database, authority: Authority, claim: DomainClaim) => Promise<void>,
): Promise<Answer> {
  const { id: accountId } = standing.loaded.account as AccountFact
  return changeOnce(context, standing.caller, standing.ask, { accounts: keys }, standing.repeatable, async (tx, authority) => {
    const view = { staff: true, now: authority.at }
    await findPending(tx, accountId, { id })
    const claim = await readClaim(tx, accountId, id, view)
    if (claim === undefined) throw notFound()
    if (standing.expectedVersion !== null && standing.expectedVersion !== claim.version) throw stale(claim.version)
    if (claim.status !== 'pending') throw hasEnded(claim.status, to)
    await work(tx, authority, claim)
    const body = (await readClaim(tx, accountId, id, view)) as DomainClaim
    const made = { action: 'staff.provision', staffAction: 'staff.directory.read', account: accountId, ticket: null }
    return { status: 200, headers: { etag: etagOf(body.version) }, body, made }
  })
}

function hasEnded(from: ClaimRow['status'], to: string): Problem {
  const detail = `This claim is ${from}: the account can make another one`
  return new Problem('invalid_transition', { detail, members: { from, to, allowed: [] } })
}
