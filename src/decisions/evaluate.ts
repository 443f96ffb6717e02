/**
 * Answers evaluations with the one rule, from facts loaded once per subject, however many questions there are. Properties a request
 * brings along are never facts: nothing in it widens a decision.
 */
import type { Context } from '../authority/context.ts'
import { decide } from '../authority/decide.ts'
import { type DomainFact, type Facts, type Question, question, questionAboutTicket } from '../authority/facts.ts'
import { type Caller, type LoadedForMany, loadForMany, type NamedByMany } from '../authority/load.ts'
import { hasTie } from '../authority/reason.ts'
import { accountRef, domainRef, isUuid } from '../http/access.ts'
import type { Action } from '../vocabulary.ts'
import type { Evaluation } from './read.ts'

export type Result = { decision: boolean; context?: Record<string, unknown> }

/** Answers in the order asked. */
export async function evaluate(context: Context, caller: Caller, evaluations: readonly Evaluation[]): Promise<Result[]> {
  const bySubject = Map.groupBy(evaluations, ({ subject }) =>
    subject.type === 'user' && isUuid(subject.id) ? subject.id.toLowerCase() : '',
  )
  bySubject.delete('')
  const own = await loadOwn(context, caller, bySubject, evaluations)
  const results = new Map<Evaluation, Result>()
  for (const [subject, asked] of bySubject) {
    const loaded = subject === caller.userId ? own : await loadOther(context, caller, subject, asked)
    for (const evaluation of asked) results.set(evaluation, answer(evaluation, loaded, loaded === own ? null : own.facts))
  }
  return evaluations.map((evaluation) => results.get(evaluation) ?? { decision: false })
}

/** The caller's own facts, about everything that is asked about anybody: they also say about whom he may ask. */
function loadOwn(
  context: Context,
  caller: Caller,
  bySubject: Map<string, Evaluation[]>,
  evaluations: readonly Evaluation[],
): Promise<LoadedForMany> {
  const alone = bySubject.size === 1 && caller.userId !== null && bySubject.has(caller.userId)
  return loadForMany(context.db, context.clock.offset(), caller, namedBy(alone ? [...bySubject.values()].flat() : evaluations))
}

/** Somebody else is judged as if he were signed in himself, without a client or a narrowed token. */
async function loadOther(context: Context, caller: Caller, userId: string, asked: readonly Evaluation[]): Promise<LoadedForMany> {
  const subject = { ...caller, userId, clientId: null, ceiling: null }
  const loaded = await loadForMany(context.db, context.clock.offset(), subject, namedBy(asked))
  const { now } = loaded.facts
  const session = {
    id: userId,
    kind: 'person' as const,
    method: 'password' as const,
    authenticatedAt: now,
    expiresAt: now + 1,
    endedAt: null,
  }
  return { ...loaded, facts: { ...loaded.facts, session, client: null } }
}

function namedBy(evaluations: readonly Evaluation[]): NamedByMany {
  const accounts = evaluations.flatMap((evaluation) => accountOf(evaluation) ?? [])
  const domains = evaluations.flatMap(({ resource }) => (resource.type === 'domain' ? (domainRef(resource.id) ?? []) : []))
  return {
    accountIds: unique(accounts.flatMap((ref) => ('id' in ref ? ref.id : []))),
    accountNumbers: unique(accounts.flatMap((ref) => ('number' in ref ? ref.number : []))),
    domainIds: unique(domains.flatMap((ref) => ('id' in ref ? ref.id : []))),
    domainNames: unique(domains.flatMap((ref) => ('name' in ref ? ref.name : []))),
    ticketIds: unique(evaluations.flatMap(({ resource }) => (resource.type === 'ticket' && isUuid(resource.id) ? resource.id : []))),
  }
}

const unique = (values: readonly string[]): string[] => [...new Set(values)]

/** The account an evaluation states: as its resource, or in `context.account`. */
function accountOf({ resource, context }: Evaluation): { id: string } | { number: string } | undefined {
  if (resource.type === 'account') return accountRef(resource.id)
  const stated = context['account']
  return typeof stated === 'string' && stated !== '' ? accountRef(stated) : undefined
}

function answer(evaluation: Evaluation, loaded: LoadedForMany, asker: Facts | null): Result {
  const asked = questionOf(evaluation, loaded)
  if (asked === null) return { decision: false }
  const { facts } = loaded
  if (asker !== null && !mayAskAbout(asker, facts, asked)) return { decision: false }
  const decision = decide(facts, asked, facts.now)
  const account = facts.accounts.find(({ id }) => id === asked.account)
  const tied = account !== undefined && hasTie(facts, account.id, facts.now)
  const revision = tied ? { revision: account.revision } : {}
  if (decision.permit) return { decision: true, context: { via: { capacity: decision.via.capacity, id: decision.via.id }, ...revision } }
  return tied ? { decision: false, context: { reason: decision.reason, ...revision } } : { decision: false }
}

/** The question in our own words; null for something that is not there or that nothing here is called. */
function questionOf({ action, resource, context }: Evaluation, loaded: LoadedForMany): Question | null {
  const name = action.name as Action
  const account = accountIn(loaded.facts, accountOf({ resource, context } as Evaluation))
  const topic = typeof context['topic'] === 'string' ? context['topic'] : null
  const contactsOnly = context['contactsOnly'] === true
  if (resource.type === 'account') return account === null ? null : question(name, account, { topic, contactsOnly })
  if (resource.type === 'domain')
    return account === null ? null : question(name, account, { domains: [domainIn(loaded, account, resource.id)], topic, contactsOnly })
  if (resource.type === 'user' || resource.type === 'provider') return question(name, null)
  const ticket = resource.type === 'ticket' ? loaded.tickets.find(({ id }) => id === resource.id.toLowerCase()) : undefined
  return ticket === undefined ? null : questionAboutTicket(name, ticket, loaded.domains.find(({ id }) => id === ticket.domainId) ?? null)
}

function accountIn(facts: Facts, ref: { id: string } | { number: string } | undefined): string | null {
  if (ref === undefined) return null
  const found = facts.accounts.find((account) => ('id' in ref ? account.id === ref.id.toLowerCase() : account.number === ref.number))
  return found?.id ?? null
}

function domainIn({ domains }: LoadedForMany, account: string, text: string): DomainFact | null {
  const ref = domainRef(text)
  const is = (domain: DomainFact): boolean =>
    ref !== undefined && ('id' in ref ? domain.id === ref.id.toLowerCase() : domain.name === ref.name)
  return domains.find((domain) => domain.accountId === account && is(domain)) ?? null
}

/** About others: contacts who may read the contacts of the account, staff, and clients about the accounts of their realm. */
function mayAskAbout(asker: Facts, about: Facts, asked: Question): boolean {
  const { now } = asker
  if (decide(asker, question('staff.directory.read', null), now).permit) return true
  if (asked.account === null || about.user === null) return false
  const account = asker.accounts.find(({ id }) => id === asked.account)
  if (asker.user === null) return asker.client?.status === 'active' && account?.realm === asker.client.realm
  return decide(asker, question('contact.read', asked.account), now).permit
}
