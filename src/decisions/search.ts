/** Searches: every answer is a decision of the one rule, asked of each candidate; a page ends when it is full or there is no more. */
import { isStaffAction } from '../authority/actions.ts'
import type { Context } from '../authority/context.ts'
import { decide } from '../authority/decide.ts'
import { type Facts, type Question, question } from '../authority/facts.ts'
import { type Caller, type LoadedForMany, loadForMany } from '../authority/load.ts'
import { beforeAll, loadSubjects } from '../authority/load-subjects.ts'
import { toUnicode } from '../hostname.ts'
import { actions } from '../vocabulary.ts'
import { actionIn, namedBy, questionOf, questionOnTicket, statedAccount, statedTerms } from './asked.ts'
import { type After, accountCandidates, type Candidate, domainCandidates, ticketCandidates } from './candidates.ts'
import { loadOther, mayAskAbout, subjectOf } from './evaluate.ts'
import type { FoundEntity } from './point.ts'
import type { Search } from './read.ts'

export type Page<T> = { results: T[]; after: After }

/** How many candidates one statement brings, and how many statements one request may cost: a page may be short, but ends in time. */
const chunk = 1_000
const chunksMax = 20

/** Who may do the action on the resource, as far as the caller may know: of users without a row nobody needs to be asked. */
export async function searchSubjects(context: Context, caller: Caller, search: Search, after: After): Promise<Page<FoundEntity>> {
  const own = await loadForMany(context.db, context.clock.offset(), caller, namedBy([search]))
  if (search.subject.type !== 'user') return nothing
  const asked = questionOf(search, own)
  // Whoever may ask about nobody else is answered about himself: nobody is looked through, as for what does not exist.
  if (asked === null || !mayAskAbout(own.facts, { user: somebody, accounts: own.facts.accounts }, asked)) return alone(caller, own, asked)
  const named = { account: asked.account, staff: isStaffAction(asked.action) }
  const next = (position: After, limit: number) =>
    loadSubjects(context.db, context.clock.offset(), { ...named, after: position?.[0] ?? beforeAll, limit })
  return collect(search.limit, after, next, (about) => {
    const id = about.user?.id as string
    const { permit } = decide(id === caller.userId ? own.facts : about, asked, about.now)
    return { position: [id, ''], found: permit ? [{ type: 'user', id, properties: { name: about.user?.name } }] : [] }
  })
}

const somebody = { id: '', name: '', status: 'active', verified: true, revision: 0 } as const

function alone({ userId: id }: Caller, { facts }: LoadedForMany, asked: Question | null): Page<FoundEntity> {
  if (id === null || asked === null || !decide(facts, asked, facts.now).permit) return nothing
  return { results: [{ type: 'user', id, properties: { name: facts.user?.name } }], after: undefined }
}

/** Where the subject may do the action: domains, accounts or tickets, each with its own account unless the request states one. */
export async function searchResources(context: Context, caller: Caller, search: Search, after: After): Promise<Page<FoundEntity>> {
  const subject = subjectOf(search)
  const action = actionIn(search)
  const candidates = { account: accountCandidates, domain: domainCandidates, ticket: ticketCandidates }[search.resource.type]
  if (subject === undefined || action === undefined || candidates === undefined) return nothing
  const { about, asker } = await factsOf(context, caller, subject, search)
  // One that is not there is nobody's: it is looked through like one that is, so that the answer takes as long.
  const stated = statedAccount(about, search)
  const account = stated === null ? beforeAll : stated
  const next = (position: After, limit: number) => candidates(context.db, { facts: about, action, account }, position, limit)
  return collect(search.limit, after, next, (candidate) => {
    const asked = questionOn(candidate, search, action)
    const facts = { ...about, accounts: [candidate.account] }
    const may = asked !== null && (asker === null || mayAskAbout(asker, facts, asked)) && decide(facts, asked, facts.now).permit
    return { position: candidate.position, found: may ? [entityOf(candidate)] : [] }
  })
}

/** What the subject may do on the resource. */
export async function searchActions(context: Context, caller: Caller, search: Search): Promise<Page<{ name: string }>> {
  const subject = subjectOf(search)
  if (subject === undefined) return nothing
  const { loaded, asker } = await factsOf(context, caller, subject, search)
  const permitted = actions.filter((name) => {
    const asked = questionOf({ ...search, action: { name, properties: {} } }, loaded)
    const { facts } = loaded
    return asked !== null && (asker === null || mayAskAbout(asker, facts, asked)) && decide(facts, asked, facts.now).permit
  })
  return { results: permitted.map((name) => ({ name })), after: undefined }
}

const nothing = { results: [], after: undefined }

/** The facts about the subject; `asker` are those of the caller when he asks about somebody else. */
async function factsOf(
  context: Context,
  caller: Caller,
  subject: string,
  search: Search,
): Promise<{ loaded: LoadedForMany; about: Facts; asker: Facts | null }> {
  const own = await loadForMany(context.db, context.clock.offset(), caller, namedBy([search]))
  if (subject === caller.userId) return { loaded: own, about: own.facts, asker: null }
  const loaded = await loadOther(context, caller, subject, [search])
  return { loaded, about: loaded.facts, asker: own.facts }
}

function questionOn({ account, domain, ticket }: Candidate, search: Search, action: Question['action']): Question | null {
  if (ticket !== null) return questionOnTicket(action, ticket, domain)
  return question(action, account.id, { domains: domain === null ? [] : [domain], ...statedTerms(search) })
}

function entityOf({ account, domain, ticket }: Candidate): FoundEntity {
  const properties = { account: account.number }
  if (ticket !== null) return { type: 'ticket', id: ticket.id, properties }
  if (domain !== null)
    return { type: 'domain', id: domain.id, properties: { ...properties, name: domain.name, unicode: toUnicode(domain.name) } }
  return { type: 'account', id: account.id, properties: { ...properties, name: account.name } }
}

type Seen<T> = { position: readonly [string, string]; found: T[] }

/** Goes through the candidates until the page is full; `after` is then the last one that was looked at. */
async function collect<C, T>(
  limit: number,
  start: After,
  next: (after: After, limit: number) => Promise<C[]>,
  look: (candidate: C) => Seen<T>,
): Promise<Page<T>> {
  const results: T[] = []
  let after = start
  for (let chunks = 0; chunks < chunksMax; chunks++) {
    const candidates = await next(after, chunk)
    for (const candidate of candidates) {
      const { position, found } = look(candidate)
      results.push(...found)
      after = position
      if (results.length === limit && candidate !== candidates.at(-1)) return { results, after }
    }
    if (candidates.length < chunk) return { results, after: undefined }
    if (results.length === limit) break
  }
  return { results, after }
}
