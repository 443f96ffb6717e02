/**
 * Somebody without authority sends something: it is held. What is done and written is the same whether the account and the domain exist
 * or not, for nothing is looked up but the submitter's own authority.
 */
import { createHash } from 'node:crypto'
import { eventOf } from '../authority/authorship.ts'
import { changeOnce } from '../authority/change.ts'
import { clientAllows } from '../authority/conditions.ts'
import type { Context } from '../authority/context.ts'
import { decide } from '../authority/decide.ts'
import { question } from '../authority/facts.ts'
import { type Ask, type Authority, actorOf, next } from '../authority/judge.ts'
import { type Loaded, personOf } from '../authority/load.ts'
import type { Answer } from '../database/idempotency.ts'
import type { Database } from '../database/open.ts'
import { providerAccountId, submissions } from '../database/tables.ts'
import { type Bucket, countAttempt, type Limit } from '../database/throttle.ts'
import { demandDetails } from '../evidence/check.ts'
import { normaliseHostname } from '../hostname.ts'
import { accountRef, isUuid } from '../http/access.ts'
import type { Standing } from '../http/types.ts'
import { newId } from '../id.ts'
import { append } from '../journal/append.ts'
import { invalid, Problem } from '../problem.ts'
import { heldDomain, type Place, placeOf } from '../tickets/place.ts'
import type { Channel } from '../vocabulary.ts'
import { toOwn } from './own.ts'
import type { CreateSubmission } from './schema.ts'

/** From its arrival until it has ended, in milliseconds; a check of the table says the same. */
const lifeMs = 14 * 86_400_000

/** By each submitter, and by him on each name he states. Nothing counts per account alone: that would let a stranger jam the real developer. */
const bySubmitter: Limit = { free: 20, firstSeconds: 60, mostSeconds: 3_600, memorySeconds: 86_400 }
const onName: Limit = { free: 5, firstSeconds: 600, mostSeconds: 21_600, memorySeconds: 86_400 }

/** Holds a submission. @throws Problem `conflict` for who may open the ticket himself, or what is wrong with it */
export async function submit(context: Context, standing: Standing, body: CreateSubmission, channel: Channel): Promise<Answer> {
  const { caller, loaded, repeatable } = standing
  const domain = domainOf(body)
  demandDetails(body.topic, body.details ?? {}, { domain, now: loaded.facts.now })
  demandWhole(loaded)
  const account = isUuid(body.account) ? body.account.toLowerCase() : body.account
  const place = placeOf(domain)
  await countAttempt(context.db, context.clock.offset(), bucketsOf(personOf(caller), account))
  const ask: Ask = { ...standing.ask, named: { account: accountRef(account), ...place.named } }
  return changeOnce(context, caller, ask, {}, repeatable, async (tx, authority, about) => {
    refuseAuthorised(about, place, body)
    return hold(tx, authority, { ...body, account, domain }, channel)
  })
}

function domainOf({ domain }: CreateSubmission): string {
  const normal = normaliseHostname(domain)
  if ('error' in normal) throw invalid({ pointer: '#/domain', detail: normal.error, code: 'format' })
  return normal.name
}

/** A submission may become a ticket: what may open none for its user submits none for him either. */
function demandWhole({ facts }: Loaded): void {
  if (facts.ceiling === null && clientAllows(facts, 'ticket.create')) return
  throw new Problem('not_authorised', { detail: 'A narrowed token submits nothing: sign in', members: { next } })
}

function bucketsOf(userId: string, account: string): Bucket[] {
  return [
    { kind: 'submission', target: userId, limit: bySubmitter },
    { kind: 'submission-name', target: JSON.stringify([userId, account]), limit: onName },
  ]
}

/** Whoever has authority is told to use it: a ticket can hold what a submission cannot, and nobody has to wait for himself. */
function refuseAuthorised(about: Loaded, place: Place, { topic }: CreateSubmission): void {
  const { facts, account } = about
  const action = facts.staff === null ? 'ticket.create' : 'staff.ticket.open'
  const asked = question(action, account?.id ?? null, { domains: [heldDomain(about, place)], topic })
  if (!decide(facts, asked, facts.now).permit) return
  const detail = 'You have the authority for this yourself: open the ticket'
  throw new Problem('conflict', { detail, members: { next: [{ rel: 'ticket', href: '/v1/tickets', detail }] } })
}

async function hold(tx: Database, authority: Authority, body: CreateSubmission, channel: Channel): Promise<Answer> {
  const { account, domain, topic, subject, message, details = {} } = body
  const content = { subject, message, details }
  const row = {
    id: newId(),
    submitterUserId: actorOf(authority),
    statedAccount: account,
    statedDomain: domain,
    topic,
    channel,
    content,
    sessionId: authority.sessionId,
    clientId: authority.clientId,
    verification: authority.verification,
    verificationLevel: authority.verificationLevel,
    verifiedAt: new Date(authority.verifiedAt),
    arrivedAt: new Date(authority.at),
    endsAt: new Date(authority.at + lifeMs),
  }
  const contentDigest = createHash('sha256')
    .update(JSON.stringify([row.id, subject, message, details]))
    .digest()
  await tx.insert(submissions).values({ ...row, contentDigest })
  await append(
    tx,
    eventOf(authority, 'submission.held', {
      accountId: providerAccountId,
      resourceType: 'submission',
      resourceId: row.id,
      value: { account, domain },
    }),
  )
  return {
    status: 202,
    headers: { location: `/v1/submissions/${row.id}` },
    body: toOwn({ ...row, account, domain, verdict: null }, authority.at),
    made: { action: 'self.read', staffAction: null, account: null, ticket: null },
  }
}
