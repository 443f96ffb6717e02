/**
 * Looks at what a developer asked for, off the reply path: only the right code of an account that holds every stated domain makes a
 * `requested` grant, which permits nothing and makes no tie. Whatever was wrong, the account is not touched.
 */
import { and, eq, isNotNull, isNull, sql } from 'drizzle-orm'
import { changeByProof } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import type { Database } from '../database/open.ts'
import { addresses, grantDomains, grantRequests, grants, providerAccountId } from '../database/tables.ts'
import { newId } from '../id.ts'
import type { JobHandler } from '../jobs/jobs.ts'
import { append, type Verified } from '../journal/append.ts'
import { postNotice } from '../outbox/post.ts'
import { examine, type Found } from './examine.ts'
import type { RequestColumns } from './request-store.ts'
import { deciders } from './tell.ts'

/** The handler of the queue `grant-requests`; harmless to repeat. */
export function settleRequests(context: Context): JobHandler {
  return async ({ request }) => {
    const [row] = await context.db
      .select()
      .from(grantRequests)
      .where(eq(grantRequests.id, String(request)))
    if (row === undefined) return
    if (row.accountId !== null) return withdraw(context, row as Founded)
    if (row.settledAt === null) await settle(context, row)
  }
}

type Founded = RequestColumns & { accountId: string; grantId: string }

async function settle(context: Context, row: RequestColumns): Promise<void> {
  const { db } = context
  const found = row.cancelledAt === null ? await examine(db, row) : { fault: 'cancelled' }
  if ('fault' in found) return unfounded(context, row, found.fault)
  // The account's key is taken, and its revision raised, for nothing less.
  const fault = await changeByProof(context, { accounts: [found.accountId] }, async (tx, now) => {
    const waiting = and(eq(grantRequests.id, row.id), isNull(grantRequests.settledAt), isNull(grantRequests.cancelledAt))
    const [still] = await tx.select().from(grantRequests).where(waiting).for('update')
    if (still === undefined) return undefined
    // Looked at before the key was taken, the code may be another meanwhile, a domain released, the account closed.
    const stands = await examine(tx, still)
    if ('fault' in stands) return stands.fault
    await request(context, tx, now, still, stands)
    return undefined
  })
  if (fault !== undefined) await unfounded(context, row, fault)
}

/** Nothing is written on the account; the provider sees the attempt, and at what it failed. */
async function unfounded({ db, clock }: Context, row: RequestColumns, fault: string): Promise<void> {
  const [at, { id }] = [clock.now(), row]
  await db.transaction(async (tx) => {
    const unseen = and(eq(grantRequests.id, id), isNull(grantRequests.settledAt))
    const seen = await tx
      .update(grantRequests)
      .set({ settledAt: new Date(at), codeHash: null })
      .where(unseen)
      .returning({ id: grantRequests.id })
    if (seen.length === 0) return
    const about = { resourceType: 'grant_request', resourceId: id, decision: 'deny', reason: fault } as const
    await append(tx, { accountId: providerAccountId, kind: 'grant_request.unfounded', at, ...doneBy(row), ...about })
  })
}

async function request(context: Context, tx: Database, now: number, row: RequestColumns, { accountId, domainIds }: Found): Promise<void> {
  const grantId = newId()
  const { userId, actions, topics, reach, maxUses, purpose, expiresAt, supersedes, createdAt } = row
  const terms = { actions, topics, reach, maxUses, purpose, notBefore: createdAt, expiresAt, supersedes }
  const person = { granteeUserId: userId, granteeAddress: await addressOf(tx, userId), createdBy: userId }
  const values = { accountId, id: grantId, status: 'requested' as const, ...person, ...terms, createdAt }
  await tx.insert(grants).values(values)
  await tx.insert(grantDomains).values(domainIds.map((domainId) => ({ accountId, grantId, domainId })))
  await tx
    .update(grantRequests)
    .set({ settledAt: new Date(now), codeHash: null, accountId, grantId })
    .where(eq(grantRequests.id, row.id))
  const domainId = domainIds.length === 1 ? (domainIds[0] as string) : null
  const about = { resourceType: 'grant', resourceId: grantId, domainId, changed: ['status'], value: { request: row.id } }
  await append(tx, { accountId, kind: 'grant.requested', at: now, ...doneBy(row), capacity: 'self', viaId: userId, ...about })
  for (const recipientUserId of await deciders({ context, tx, grant: { accountId, id: grantId } })) {
    await postNotice(context.jobs, tx, { kind: 'grant_requested', accountId, subjectId: grantId, recipientUserId })
  }
}

/** The developer, as he was known when he asked or took it back. */
function doneBy({ userId, sessionId, clientId, verification, verificationLevel, verifiedAt }: RequestColumns): Verified & Doer {
  const doer = { actorUserId: userId, sessionId, clientId }
  if (verification === null || verificationLevel === null || verifiedAt === null) return doer
  return { ...doer, verification, verificationLevel, verifiedAt: verifiedAt.getTime() }
}

type Doer = { actorUserId: string; sessionId: string | null; clientId: string | null }

/** The address he proved first; empty for one whom a control panel vouches for. */
async function addressOf(tx: Database, userId: string): Promise<string> {
  const [row] = await tx
    .select({ address: addresses.address })
    .from(addresses)
    .where(and(eq(addresses.userId, userId), isNotNull(addresses.provenAt)))
    .orderBy(addresses.provenAt, addresses.id)
    .limit(1)
  return row?.address ?? ''
}

/** Takes the grant back with its request, which its developer has cancelled. */
async function withdraw(context: Context, row: Founded): Promise<void> {
  const { accountId, grantId, cancelledAt, userId } = row
  if (cancelledAt === null) return
  await changeByProof(context, { accounts: [accountId] }, async (tx, now) => {
    const waiting = and(eq(grants.accountId, accountId), eq(grants.id, grantId), eq(grants.status, 'requested'))
    const ended = { status: 'cancelled', endedAt: new Date(now), endedBy: userId, version: sql`${grants.version} + 1` } as const
    const [grant] = await tx.update(grants).set(ended).where(waiting).returning()
    if (grant === undefined) return
    const about = { resourceType: 'grant', resourceId: grantId, changed: ['status'] }
    await append(tx, { accountId, kind: 'grant.cancelled', at: now, ...doneBy(row), capacity: 'self', viaId: userId, ...about })
    for (const recipientUserId of await deciders({ context, tx, grant })) {
      await postNotice(context.jobs, tx, { kind: 'grant_cancelled', accountId, subjectId: grantId, recipientUserId })
    }
  })
}
