/**
 * From facts to an answer: an authority to act in, or the problem the caller is told. Everything that refuses for reasons of
 * authority refuses here, so that "unknown" and "not yours" cannot come to differ.
 */
import type { JournalEvent } from '../journal/append.ts'
import { Problem } from '../problem.ts'
import type { Action, Capacity, DenyReason, VerificationLevel, VerificationMethod } from '../vocabulary.ts'
import { type Asks, asked } from './asked.ts'
import { principalIsActive, sessionOf } from './conditions.ts'
import { decide } from './decide.ts'
import type { Question, Via } from './facts.ts'
import type { Caller, Loaded, Named } from './load.ts'
import { hasTie } from './reason.ts'
import { verificationOf } from './verification.ts'

/** What a request asks to do. */
export type Ask = Asks & {
  named: Named
  /** Whether the caller may see what the *path* names; if not, it does not exist for him. Absent: the body names it. */
  seen?: ((loaded: Loaded) => boolean) | undefined
  /** Needs a sign-in not older than the configured step-up age. */
  stepUp?: boolean | undefined
}

/** Who acts, for which account, in what capacity, by which row: stored on everything that is written. */
export type Authority = {
  /** Epoch ms of the decision, by the database's clock. */
  at: number
  accountId: string | null
  /** Null when a client acts by itself. */
  actorUserId: string | null
  clientId: string | null
  capacity: Capacity
  via: Via
  sessionId: string
  verification: VerificationMethod
  verificationLevel: VerificationLevel
  /** Epoch ms. */
  verifiedAt: number
  action: Action
  requestId: string
}

/** The person who acts, where only a person can: a client holds nothing but provisioning. */
export function actorOf(authority: Pick<Authority, 'actorUserId'>): string {
  if (authority.actorUserId === null) throw new Error("a client acts in no person's place")
  return authority.actorUserId
}

/** `stranger`: he has no tie to the account he stated, which need not exist; what he tries is only counted. */
export type Verdict = { authority: Authority } | { refused: Problem; event: JournalEvent | null; stranger?: boolean }

/** Judges what is asked from the facts. */
export function judge(ask: Ask, loaded: Loaded, caller: Caller, stepUpSeconds: number): Verdict {
  const { facts } = loaded
  if (!principalIsActive(facts, facts.now)) return { refused: unauthenticated(), event: null }
  const { action, question } = asked(ask, loaded)
  if (question === null) return { refused: notFound(), event: null, stranger: isStranger(ask, loaded) }
  const decision = decide(facts, question, facts.now)
  const hidden = ask.seen?.(loaded) === false
  if (hidden || !decision.permit) {
    const verdict = refusal(loaded, caller, question, decision.permit ? null : decision.reason, hidden)
    return { ...verdict, stranger: isStranger(ask, loaded) }
  }
  const isProven = isFresh(loaded, caller, stepUpSeconds) && hasShownFactor(loaded, action)
  if (ask.stepUp === true && !isProven) return { refused: stepUpRequired(stepUpSeconds), event: null }
  return { authority: authorityOf(loaded, caller, action, question.account, decision.via) }
}

export function unauthenticated(): Problem {
  return new Problem('unauthenticated', {
    detail: 'Send a valid access token: Authorization: Bearer …',
    headers: { 'www-authenticate': 'Bearer' },
  })
}

/** RFC 9470. */
function stepUpRequired(seconds: number): Problem {
  return new Problem('step_up_required', {
    detail:
      'Confirm your password, and your second factor if you have one, at POST /v1/sessions/step-up and repeat the request with the new token',
    members: { maxAge: seconds },
    headers: { 'www-authenticate': `Bearer error="insufficient_user_authentication", max_age="${seconds}"` },
  })
}

function isFresh({ facts }: Loaded, caller: Caller, seconds: number): boolean {
  const authenticatedAt = Math.min(caller.authenticatedAt, sessionOf(facts).authenticatedAt)
  return facts.now - authenticatedAt <= seconds * 1000
}

/** Whoever has a second factor must have shown it. Acts on his own sign-in ask that themselves, and say which factors would do. */
function hasShownFactor({ facts: { user, session } }: Loaded, action: Action): boolean {
  return action === 'self.manage' || user?.secondFactor !== true || session?.level === 'two_factors'
}

/** What to do next is the same for everyone who is refused an action, so that it betrays nothing. */
export const next = [
  { rel: 'submission', href: '/v1/submissions', detail: 'Submit it: the account decides whether it becomes a ticket, and nothing is lost' },
  { rel: 'grant-request', href: '/v1/grant-requests', detail: 'Ask the account for permission, with its request code' },
  { rel: 'owner', detail: 'Ask an owner of the account to add you as a contact, or to grant you permission for the domain' },
  { rel: 'authority', href: '/v1/me/authority', detail: 'What you may do, for which accounts and domains' },
]

/** What cannot be seen does not exist; a reason is told only to a caller with a tie, and his refusals are recorded. */
function refusal(loaded: Loaded, caller: Caller, question: Question, reason: DenyReason | null, hidden: boolean) {
  const tied = question.account !== null && hasTie(loaded.facts, question.account, loaded.facts.now)
  const told = tied ? { reason } : {}
  const refused = hidden
    ? notFound()
    : new Problem('not_authorised', { detail: 'You have no authority for this', members: { ...told, next } })
  return { refused, event: tied ? refusalEvent(loaded, caller, question, reason) : null }
}

function isStranger({ named }: Ask, { facts, account }: Loaded): boolean {
  if (named.account === undefined || facts.staff !== null) return false
  return account === null || !hasTie(facts, account.id, facts.now)
}

/** The one answer for everything the caller may not see: unknown and not-yours are the same bytes. */
export function notFound(): Problem {
  return new Problem('not_found', { detail: 'There is no such thing, or it is not yours to see' })
}

/** The row that was asked for. @throws Problem `not_found` where there is none, or none any more */
export function found<Row>(row: Row | undefined): Row {
  if (row === undefined) throw notFound()
  return row
}

function refusalEvent(loaded: Loaded, caller: Caller, question: Question, reason: DenyReason | null): JournalEvent {
  const { facts } = loaded
  return {
    accountId: question.account as string,
    kind: 'access.refused',
    at: facts.now,
    actorUserId: caller.userId,
    clientId: facts.client?.id ?? null,
    capacity: facts.staff === null ? null : 'staff',
    sessionId: caller.sessionId,
    ...verificationOf(facts),
    action: question.action,
    decision: 'deny',
    reason,
    resourceType: question.ticket === null ? 'account' : 'ticket',
    resourceId: question.ticket?.id ?? question.account,
    domainId: question.domains[0]?.id ?? null,
    requestId: caller.requestId,
  }
}

function authorityOf({ facts }: Loaded, caller: Caller, action: Action, accountId: string | null, via: Via): Authority {
  return {
    at: facts.now,
    accountId,
    actorUserId: caller.userId,
    clientId: facts.client?.id ?? null,
    capacity: via.capacity,
    via,
    sessionId: sessionOf(facts).id,
    ...verificationOf(facts),
    action,
    requestId: caller.requestId,
  }
}
