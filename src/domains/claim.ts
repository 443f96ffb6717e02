/** An account says that a name is its own. What comes of it is the same for a name that is free, held by somebody else or unknown. */
import { and, eq, isNull } from 'drizzle-orm'
import { authorship, eventOf } from '../authority/authorship.ts'
import { change, changeOnce } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import type { AccountFact } from '../authority/facts.ts'
import { type NewDomain, readDomainNames } from '../authority/holdings.ts'
import type { Authority } from '../authority/judge.ts'
import { ifAltering } from '../authority/locks.ts'
import type { Answer } from '../database/idempotency.ts'
import type { Database } from '../database/open.ts'
import { domainClaims, domains } from '../database/tables.ts'
import { countAttempt } from '../database/throttle.ts'
import { etagOf } from '../http/preconditions.ts'
import type { Standing } from '../http/types.ts'
import { newId } from '../id.ts'
import { append } from '../journal/append.ts'
import { newSecret } from '../outbox/secret.ts'
import { invalid, Problem } from '../problem.ts'
import { isTxtName } from '../txt.ts'
import { endClaim, findPending, lapseOver } from './claim-life.ts'
import type { ClaimDomain, DomainClaim } from './claim-schema.ts'
import { challengeName, readClaim } from './claim-store.ts'

const claimDays = 14

/** Alike for every name: how often an account, and how often anybody, may ask for it. */
const limit = { free: 20, firstSeconds: 60, mostSeconds: 3_600, memorySeconds: 86_400 }

/**
 * Makes a claim, or answers with the one that is open already. Throws the refusal, what is wrong with the name, or the `conflict` of one
 * that the account itself holds, which its contact knows.
 */
export async function claimDomain(context: Context, standing: Standing, { name: stated }: ClaimDomain): Promise<Answer> {
  const [{ name }] = readDomainNames([{ text: stated, pointer: '#/name' }]) as [NewDomain]
  if (!isTxtName(challengeName(name))) {
    throw invalid({ pointer: '#/name', detail: `is too long for a record at ${challengeName('')}…`, code: 'maximum' })
  }
  const { id: accountId } = standing.loaded.account as AccountFact
  await countAttempt(context.db, context.clock.offset(), [
    { kind: 'domain_claim', target: accountId, limit },
    { kind: 'domain_claimed', target: name, limit },
  ])
  return changeOnce(context, standing.caller, standing.ask, { accounts: [accountId] }, standing.repeatable, async (tx, authority) => {
    await demandNotOwn(tx, accountId, name)
    await lapseOver(tx, authority.at, and(eq(domainClaims.accountId, accountId), eq(domainClaims.name, name)))
    const id = (await findPending(tx, accountId, { name }))?.id ?? (await insert(tx, authority, accountId, name))
    const claim = (await readClaim(tx, accountId, id, { staff: false, now: authority.at })) as DomainClaim
    return {
      status: 202,
      headers: { location: `/v1/accounts/${accountId}/domains/claims/${id}`, etag: etagOf(claim.version) },
      body: claim,
      made: { action: 'domain.manage', staffAction: 'staff.directory.read', account: accountId, ticket: null },
    }
  })
}

async function demandNotOwn(tx: Database, accountId: string, name: string): Promise<void> {
  const own = and(eq(domains.accountId, accountId), eq(domains.name, name), isNull(domains.releasedAt))
  const [held] = await tx.select({ id: domains.id }).from(domains).where(own)
  if (held !== undefined) throw new Problem('conflict', { detail: 'The account holds this domain already' })
}

async function insert(tx: Database, authority: Authority, accountId: string, name: string): Promise<string> {
  const id = newId()
  const createdAt = new Date(authority.at)
  const expiresAt = new Date(authority.at + claimDays * 86_400_000)
  await tx
    .insert(domainClaims)
    .values({ accountId, id, name, value: `mandate-claim=${newSecret().secret}`, ...authorship(authority), createdAt, expiresAt })
  await append(tx, eventOf(authority, 'domain.claimed', { resourceType: 'domain_claim', resourceId: id, value: { name } }))
  return id
}

/** Takes a claim back. It only takes away: one that has ended stays as it is. Throws the refusal. */
export async function withdrawClaim(context: Context, standing: Standing, id: string): Promise<void> {
  const { id: accountId } = standing.loaded.account as AccountFact
  await change(context, standing.caller, standing.ask, ifAltering({ accounts: [accountId] }), async (tx, authority) => {
    if ((await findPending(tx, accountId, { id })) === undefined) return false
    await endClaim(tx, authority.at, accountId, id, { status: 'withdrawn' })
    const about = { resourceType: 'domain_claim', resourceId: id, changed: ['status'] }
    await append(tx, eventOf(authority, 'domain.claim_withdrawn', about))
    return true
  })
}
