/**
 * Answers evaluations with the one rule, from facts loaded once per subject, however many questions there are. Properties a request
 * brings along are never facts: nothing in it widens a decision.
 */
import { isAccountAction, isDelegable } from '../authority/actions.ts'
import { principalIsActive } from '../authority/conditions.ts'
import type { Context } from '../authority/context.ts'
import { decide } from '../authority/decide.ts'
import { type Facts, type Question, question } from '../authority/facts.ts'
import { unauthenticated } from '../authority/judge.ts'
import { type Caller, type LoadedForMany, loadForMany } from '../authority/load.ts'
import { asSignedIn } from '../authority/own-session.ts'
import { hasTie } from '../authority/reason.ts'
import { isUuid } from '../http/access.ts'
import { namedBy, questionOf } from './asked.ts'
import type { Result } from './point.ts'
import type { Evaluation } from './read.ts'

/** Answers in the order asked, if the caller is signed in: his facts are read here, with those he asks about. */
export async function evaluate(context: Context, caller: Caller, evaluations: readonly Evaluation[]): Promise<Result[]> {
  const bySubject = Map.groupBy(evaluations, (evaluation) => subjectOf(evaluation) ?? '')
  bySubject.delete('')
  const aboutCaller = bySubject.size === 1 && caller.userId !== null ? bySubject.get(caller.userId) : undefined
  const named = namedBy(aboutCaller ?? evaluations)
  const own = await loadForMany(context.db, context.clock.offset(), caller, { ...named, onlyThere: true })
  if (!principalIsActive(own.facts, own.facts.now)) throw unauthenticated()
  const results = new Map<Evaluation, Result>()
  for (const [subject, asked] of bySubject) {
    const loaded = subject === caller.userId ? own : await loadOther(context, caller, subject, asked)
    for (const evaluation of asked) results.set(evaluation, answer(evaluation, loaded, loaded === own ? null : own.facts))
  }
  return evaluations.map((evaluation) => results.get(evaluation) ?? denied(evaluation))
}

/** The user a request is about; undefined for what is no user of ours. */
export function subjectOf({ subject }: Pick<Evaluation, 'subject'>): string | undefined {
  return subject.type === 'user' && isUuid(subject.id) ? subject.id.toLowerCase() : undefined
}

/** Somebody else is judged as if he were signed in himself, without a client or a narrowed token. */
export async function loadOther(context: Context, caller: Caller, userId: string, asked: readonly Evaluation[]): Promise<LoadedForMany> {
  const subject = { ...caller, userId, clientId: null, ceiling: null }
  const loaded = await loadForMany(context.db, context.clock.offset(), subject, namedBy(asked))
  return { ...loaded, facts: asSignedIn(loaded.facts) }
}

function answer(evaluation: Evaluation, loaded: LoadedForMany, asker: Facts | null): Result {
  const asked = questionOf(evaluation, loaded)
  const { facts } = loaded
  if (asked === null || (asker !== null && !mayAskAbout(asker, facts, asked))) return denied(evaluation)
  const decision = decide(facts, asked, facts.now)
  const account = facts.accounts.find(({ id }) => id === asked.account)
  const tied = account !== undefined && hasTie(facts, account.id, facts.now)
  const revision = tied ? { revision: account.revision } : {}
  if (decision.permit) return { decision: true, context: { via: { capacity: decision.via.capacity, id: decision.via.id }, ...revision } }
  return denied(evaluation, tied ? { reason: decision.reason, ...revision } : {})
}

/** Where to ask for it depends on the action alone, so that it says nothing of what exists. */
function denied({ action }: Evaluation, told: Record<string, unknown> = {}): Result {
  const context = { ...told, ...(isDelegable(action.name) && { access_request: accessRequest }) }
  return Object.keys(context).length === 0 ? { decision: false } : { decision: false, context }
}

const accessRequest = [
  { rel: 'submission', method: 'POST', href: '/v1/submissions' },
  { rel: 'grant-request', method: 'POST', href: '/v1/grant-requests' },
]

/**
 * About others: contacts who may read the contacts of the account, staff, and clients about the accounts of their realm. What somebody may
 * beside an account, for himself or for the provider, is only for staff to ask: it would tell who there is, and who is staff.
 */
export function mayAskAbout(asker: Facts, about: Pick<Facts, 'user' | 'accounts'>, asked: Question): boolean {
  const { now } = asker
  if (decide(asker, question('staff.directory.read', null), now).permit) return true
  if (asked.account === null || about.user === null || !isAccountAction(asked.action)) return false
  const account = about.accounts.find(({ id }) => id === asked.account)
  if (asker.user === null) return asker.client?.status === 'active' && account?.realm === asker.client.realm
  return decide(asker, question('contact.read', asked.account), now).permit
}
