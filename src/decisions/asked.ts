/** What a request names, in our own words. An account is only the one it states: never inferred from a domain. */
import { type DomainFact, type Facts, type Question, question, questionAboutTicket } from '../authority/facts.ts'
import type { LoadedForMany, NamedByMany } from '../authority/load.ts'
import { accountRef, domainRef, isUuid } from '../http/access.ts'
import { type Action, actions } from '../vocabulary.ts'
import type { Evaluation } from './read.ts'

/** Everything the evaluations name, for the facts. */
export function namedBy(evaluations: readonly Evaluation[]): NamedByMany {
  const [accountIds, accountNumbers, domainIds, domainNames] = [new Set<string>(), new Set<string>(), new Set<string>(), new Set<string>()]
  const ticketIds = new Set<string>()
  for (const evaluation of evaluations) {
    const { resource } = evaluation
    const account = accountOf(evaluation)
    if (account !== undefined) 'id' in account ? accountIds.add(account.id) : accountNumbers.add(account.number)
    const domain = resource.type === 'domain' ? domainRef(resource.id) : undefined
    if (domain !== undefined) 'id' in domain ? domainIds.add(domain.id) : domainNames.add(domain.name)
    if (resource.type === 'ticket' && isUuid(resource.id)) ticketIds.add(resource.id)
  }
  return {
    accountIds: [...accountIds],
    accountNumbers: [...accountNumbers],
    domainIds: [...domainIds],
    domainNames: [...domainNames],
    ticketIds: [...ticketIds],
  }
}

type AccountRef = { id: string } | { number: string }

/** The account an evaluation states: as its resource, or in `context.account`. */
function accountOf({ resource, context }: Pick<Evaluation, 'resource' | 'context'>): AccountRef | undefined {
  if (resource.type === 'account') return accountRef(resource.id)
  const stated = context['account']
  return typeof stated === 'string' && stated !== '' ? accountRef(stated) : undefined
}

/** Whether the request states an account in its context, and which that is; `null` is one that is not among the facts. */
export function statedAccount(facts: Facts, { context }: Pick<Evaluation, 'context'>): string | null | undefined {
  const ref = accountOf({ resource: { type: '', id: '', properties: {} }, context })
  return ref === undefined ? undefined : accountIn(facts, ref)
}

/** What of the context is part of the question itself. */
export const statedTerms = ({ context }: Pick<Evaluation, 'context'>) => ({
  topic: typeof context['topic'] === 'string' ? context['topic'] : null,
  contactsOnly: context['contactsOnly'] === true,
})

/** The action as a word of ours; undefined for one that nothing here is called. */
export const actionIn = ({ action: { name } }: Pick<Evaluation, 'action'>): Action | undefined => actions.find((action) => action === name)

/** The question; null for an action or a thing that is not there. */
export function questionOf(evaluation: Evaluation, loaded: LoadedForMany): Question | null {
  const { resource } = evaluation
  const action = actionIn(evaluation)
  if (action === undefined) return null
  const account = accountIn(loaded.facts, accountOf(evaluation))
  if (resource.type === 'account') return account === null ? null : question(action, account, statedTerms(evaluation))
  if (resource.type === 'domain') {
    const domains = account === null ? [] : [domainIn(loaded, account, resource.id)]
    return account === null ? null : question(action, account, { domains, ...statedTerms(evaluation) })
  }
  if (resource.type === 'user' || resource.type === 'provider') return question(action, null)
  const ticket = resource.type === 'ticket' ? loaded.tickets.find(({ id }) => id === resource.id.toLowerCase()) : undefined
  if (ticket === undefined) return null
  return questionOnTicket(action, ticket, loaded.domains.find(({ id }) => id === ticket.domainId) ?? null)
}

/** Nothing is created on a ticket that exists. */
export function questionOnTicket(action: Action, ...about: [LoadedForMany['tickets'][number], DomainFact | null]): Question | null {
  return action === 'ticket.create' ? null : questionAboutTicket(action, ...about)
}

function accountIn(facts: Facts, ref: AccountRef | undefined): string | null {
  if (ref === undefined) return null
  const found = facts.accounts.find((account) => ('id' in ref ? account.id === ref.id.toLowerCase() : account.number === ref.number))
  return found?.id ?? null
}

function domainIn({ domains }: LoadedForMany, account: string, text: string): DomainFact | null {
  const ref = domainRef(text)
  // A row that was released may be there for a ticket; its name is that of what is held now.
  const is = (domain: DomainFact): boolean =>
    ref !== undefined && ('id' in ref ? domain.id === ref.id.toLowerCase() : domain.name === ref.name && domain.releasedAt === null)
  return domains.find((domain) => domain.accountId === account && is(domain)) ?? null
}
