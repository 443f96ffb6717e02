/**
 * The account agrees: to this ticket, or for longer. Verdict, grant, ticket, first message, use, events and letters are one commit under
 * the account's key, so that nothing is ever half accepted.
 */

import { refuse } from '../authority/authorise.ts'
import { eventOf } from '../authority/authorship.ts'
import { changeOnce } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import { question } from '../authority/facts.ts'
import { type Authority, judge, type Verdict } from '../authority/judge.ts'
import type { Loaded, SubmissionRow } from '../authority/load.ts'
import type { Config } from '../config.ts'
import type { Answer } from '../database/idempotency.ts'
import type { Database } from '../database/open.ts'
import { stale } from '../http/preconditions.ts'
import type { Standing } from '../http/types.ts'
import { append } from '../journal/append.ts'
import { postNotice } from '../outbox/post.ts'
import { invalid, Problem } from '../problem.ts'
import { openConsented } from '../tickets/open.ts'
import type { Ticket } from '../tickets/schema.ts'
import type { TopicKey } from '../vocabulary.ts'
import type { ApproveSubmission } from './act-schema.ts'
import { after, answerOf, concludeFirst, type Held, namedIn } from './decide.ts'
import { giveConsent } from './give.ts'
import type { Content } from './plain.ts'

/** Approves. @throws Problem `validation_error` for terms no grant can have, `conflict` for what is decided, over, the approver's own, or cannot become a ticket now */
export function approve(context: Context, standing: Standing, body: ApproveSubmission): Promise<Answer> {
  demandTerms(context.config, body)
  const { accountId, submission } = namedIn(standing)
  const keys = { accounts: [accountId], witnesses: [submission.submitterUserId] }
  const acting = changeOnce(context, standing.caller, standing.ask, keys, standing.repeatable, async (tx, authority, loaded) => {
    const now = namedIn({ loaded }).submission
    const held = await concludeFirst(tx, now, 'approved', authority)
    if (standing.expectedVersion !== null && standing.expectedVersion !== now.version) throw stale(now.version)
    if (now.submitterUserId === authority.actorUserId) throw ownWords()
    if (body.consent === 'standing') demandGrants(context, standing, loaded, now)
    return accept(context, tx, authority, now, held, body)
  })
  return acting.catch((error: unknown) => {
    if (!(error instanceof NoGrants)) throw error
    return refuse(context, standing.caller, standing.ask, error.verdict)
  })
}

async function accept(
  context: Context,
  tx: Database,
  authority: Authority,
  before: SubmissionRow,
  held: Held,
  body: ApproveSubmission,
): Promise<Answer> {
  const accountId = authority.accountId as string
  const grant = await giveConsent(context.config, tx, authority, { submission: before, topic: held.topic }, body)
  const opened = await openConsented(context, tx, {
    accountId,
    grantId: grant,
    filing: filingOf(accountId, held),
    submitter: {
      userId: held.submitterUserId,
      sessionId: held.sessionId,
      clientId: held.clientId,
      verification: held.verification,
      verificationLevel: held.verificationLevel,
      verifiedAt: held.verifiedAt.getTime(),
      requestId: authority.requestId,
    },
  })
  const ticket = (opened.body as Ticket).id
  const value = { consent: body.consent, submitter: held.submitterUserId, grant, ticket }
  const about = { resourceType: 'submission', resourceId: held.id, domainId: before.domain.id, changed: ['verdict'] }
  await append(tx, eventOf(authority, 'submission.approved', { ...about, value }))
  await postNotice(context.jobs, tx, { kind: 'submission_accepted', accountId, subjectId: held.id, recipientUserId: held.submitterUserId })
  return answerOf(accountId, after(before, held), authority.at, { grant, ticket })
}

/** What is to become the ticket. The key is one that no header can hold, so that nobody takes it before. */
export function filingOf(accountId: string, held: Held) {
  const { subject, message, details } = held.content as Content
  return {
    body: { account: accountId, domain: held.statedDomain, topic: held.topic as TopicKey, subject, message, details },
    channel: held.channel,
    arrivedAt: held.arrivedAt.getTime(),
    repeatable: { principalId: held.submitterUserId, key: `submission ${held.id}`, fingerprint: held.contentDigest },
  }
}

function demandTerms({ grantDaysMax }: Config, { consent, grant }: ApproveSubmission): void {
  if (grant === undefined) return
  if (consent === 'this_ticket') throw invalid({ pointer: '#/grant', detail: 'goes with standing consent', code: 'not_standing' })
  if (grant.actions?.includes('ticket.create') === false) {
    throw invalid({ pointer: '#/grant/actions', detail: 'must hold ticket.create: the grant opens this ticket', code: 'create' })
  }
  if (grant.days !== undefined && grant.days > grantDaysMax) {
    const detail = `must be at most ${grantDaysMax}; a longer need is a new grant then`
    throw invalid({ pointer: '#/grant/days', detail, code: 'maximum' })
  }
}

/** Carries a refusal out of the transaction that ends with it, to be recorded like every other. */
class NoGrants extends Error {
  readonly verdict: Refusal

  constructor(verdict: Refusal) {
    super('who decides about submissions may not give grants')
    this.verdict = verdict
  }
}

type Refusal = Extract<Verdict, { refused: unknown }>

/** Standing consent is a grant like any other, and wants what it wants. */
function demandGrants({ config }: Context, { caller }: Standing, loaded: Loaded, { domain }: SubmissionRow): void {
  const about = () => question('grant.manage', domain.accountId, { domains: [domain] })
  const verdict = judge({ action: 'grant.manage', named: {}, about }, loaded, caller, config.stepUpSeconds)
  if ('refused' in verdict) throw new NoGrants(verdict)
}

/** Nobody gives himself authority: another contact decides, or he uses what he has. */
function ownWords(): Problem {
  return new Problem('conflict', { detail: 'You submitted this yourself: another contact decides about it, or you open the ticket' })
}
