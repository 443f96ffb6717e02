/**
 * A developer asks an account for a grant. The answer is the same, from the same statements, for every account, code and domain there is
 * or is not: whether what was stated is right is found out later, by a job (`settle.ts`).
 */
import { and, eq, isNotNull, isNull, sql } from 'drizzle-orm'
import { eventOf } from '../authority/authorship.ts'
import { change, changeOnce } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import type { Facts } from '../authority/facts.ts'
import { type Authority, found } from '../authority/judge.ts'
import { personOf } from '../authority/load.ts'
import type { Answer } from '../database/idempotency.ts'
import type { Database } from '../database/open.ts'
import { grantRequests, grants } from '../database/tables.ts'
import { type Bucket, countAttempt, type Limit } from '../database/throttle.ts'
import { normaliseHostname } from '../hostname.ts'
import type { Standing } from '../http/types.ts'
import { newId } from '../id.ts'
import { append } from '../journal/append.ts'
import type { EventKind } from '../journal/kinds.ts'
import { hashOf } from '../outbox/secret.ts'
import { type FieldError, invalid, Problem } from '../problem.ts'
import { endAfter } from './period.ts'
import type { AskForGrant, GrantRequest } from './request-schema.ts'
import { endOf, type RequestColumns, readRequest, requestStatusAt, toRequest } from './request-store.ts'

const bySubmitter: Limit = { free: 20, firstSeconds: 60, mostSeconds: 3_600, memorySeconds: 86_400 }
/** Wide and short: whoever spends it for others must spend his own first, so that he cannot keep them from asking. */
const byStatedAccount: Limit = { free: 100, firstSeconds: 10, mostSeconds: 60, memorySeconds: 3_600 }

/** Counted alike for what exists and what does not. */
const bucketsOf = (userId: string, account: string): Bucket[] => [
  { kind: 'grant-request', target: userId, limit: bySubmitter },
  { kind: 'grant-request-account', target: account.trim().toLowerCase(), limit: byStatedAccount },
]

/** @throws Problem for what is wrong in shape, before anything is looked up; `quota_exceeded` */
export async function askForGrant(context: Context, { caller, ask, loaded, repeatable }: Standing, body: AskForGrant): Promise<Answer> {
  const { db, clock, config } = context
  demandPerson(loaded.facts)
  const domainNames = namesOf(body.domains)
  if (body.requestCode === undefined && body.supersedes === undefined) throw codeMissing()
  const expiresAt = endAfter(body.expiresAt, loaded.facts.now, config.grantDaysDefault, config.grantDaysMax)
  const userId = personOf(caller)
  await countAttempt(db, clock.offset(), bucketsOf(userId, body.account))
  return changeOnce(context, caller, ask, {}, repeatable, async (tx, authority) => {
    if (body.supersedes !== undefined) await demandOwn(tx, userId, body.supersedes)
    const stated = { account: body.account, domainNames, actions: body.actions, topics: body.topics ?? null, reach: body.reach ?? 'own' }
    const optional = { maxUses: body.maxUses ?? null, purpose: body.purpose ?? null, supersedes: body.supersedes ?? null }
    const codeHash = body.requestCode === undefined ? null : hashOf(body.requestCode)
    const row = {
      id: newId(),
      userId,
      codeHash,
      ...stated,
      ...optional,
      ...knownBy(authority),
      expiresAt,
      createdAt: new Date(authority.at),
    }
    const [made] = await tx.insert(grantRequests).values(row).returning()
    await note(context, tx, authority, 'grant_request.made', row.id, { account: body.account, domains: domainNames })
    return {
      status: 202,
      headers: { location: `/v1/grant-requests/${row.id}` },
      body: toRequest(made as RequestColumns, { now: authority.at, answerDays: config.invitationDays }),
      made: { action: 'self.read', staffAction: null, account: null, ticket: null },
    }
  })
}

/**
 * Takes a request back. What became of it makes no difference to the answer, unless it was approved.
 * @throws Problem `invalid_transition` for one that is approved or over
 */
export function cancelRequest(context: Context, { caller, ask }: Standing, id: string): Promise<GrantRequest> {
  const userId = personOf(caller)
  return change(context, caller, ask, {}, async (tx, authority) => {
    const moment = { now: authority.at, answerDays: context.config.invitationDays }
    const before = found(await readRequest(tx, userId, id))
    const waits = and(eq(grantRequests.id, id), isNull(grantRequests.approvedAt), isNull(grantRequests.cancelledAt))
    const inTime = endOf(before, moment.answerDays) > authority.at
    // The row decides against an approval at the same time: whichever takes it first.
    const taken = inTime
      ? await tx
          .update(grantRequests)
          .set({ cancelledAt: new Date(authority.at), ...knownBy(authority) })
          .where(waits)
          .returning()
      : []
    if (taken.length > 0) await note(context, tx, authority, 'grant_request.cancelled', id)
    const after = (await readRequest(tx, userId, id)) as RequestColumns
    const status = requestStatusAt(after, moment)
    if (status !== 'cancelled') {
      const detail = status === 'approved' ? 'It is approved; resign the grant instead' : 'It has ended'
      throw new Problem('invalid_transition', { detail, members: { from: status, to: 'cancelled', allowed: [] } })
    }
    return toRequest(after, moment)
  })
}

/** How the developer was verified: the events that the job makes of what he did say so, too. */
function knownBy({ sessionId, clientId, verification, verificationLevel, verifiedAt }: Authority) {
  return { sessionId, clientId, verification, verificationLevel, verifiedAt: new Date(verifiedAt) }
}

/** The event, which is the provider's own, and the job that looks at what was stated. */
async function note({ jobs }: Context, tx: Database, authority: Authority, kind: EventKind, id: string, value?: Record<string, unknown>) {
  const about = { resourceType: 'grant_request', resourceId: id, ...(value === undefined ? {} : { value }) }
  await append(tx, eventOf(authority, kind, about))
  await jobs.enqueue(tx, 'grant-requests', { request: id })
}

function demandPerson({ user, staff }: Facts): void {
  if (staff !== null) throw new Problem('conflict', { detail: 'Staff are never contacts or developers of an account' })
  if (user?.verified === true) return
  const detail = 'Prove a mail address first, so that those who decide see who asks'
  throw new Problem('not_authorised', { detail, members: { next: [{ rel: 'addresses', href: '/v1/me/addresses', detail }] } })
}

function namesOf(stated: readonly string[]): string[] {
  const errors: FieldError[] = []
  const names = stated.map((text, index) => {
    const normal = normaliseHostname(text)
    if ('name' in normal) return normal.name
    errors.push({ pointer: `#/domains/${index}`, detail: normal.error, code: 'format' })
    return ''
  })
  if (errors.length > 0) throw invalid(...errors)
  return [...new Set(names)]
}

function codeMissing(): Problem {
  return invalid({ pointer: '#/requestCode', detail: 'is required: ask a contact of the account for it', code: 'required' })
}

/** A grant that is or was his: what is another's and what does not exist are one answer. */
async function demandOwn(tx: Database, userId: string, grant: string): Promise<void> {
  const own = and(eq(grants.id, grant), eq(grants.granteeUserId, userId), isNotNull(grants.approvedAt))
  const [row] = await tx
    .select({ id: sql<string>`${grants.id}` })
    .from(grants)
    .where(own)
  if (row === undefined) throw invalid({ pointer: '#/supersedes', detail: 'must be a grant of yours', code: 'not_yours' })
}
