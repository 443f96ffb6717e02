/**
 * What each row of a person gives him now, for showing it to others. It states no rule of its own: what acts on something that exists is
 * asked of `reach`, what makes something new of `decide`.
 */
import { type AccountAction, accountActions, topicKeys } from '../vocabulary.ts'
import { isTicketAction } from './actions.ts'
import { decide } from './decide.ts'
import { type ContactFact, type DomainFact, type Facts, type GrantFact, question } from './facts.ts'
import { type Clause, reach } from './reach.ts'

/** Actions with the same topics; null for what is about no topic. */
export type Power = { topics: string[] | null; actions: AccountAction[] }

/** A contact or grant that gives its person anything now. `domains` are ids. */
export type Speaking = { domains: 'all' | readonly string[]; powers: Power[] } & (
  | { capacity: 'contact'; row: ContactFact }
  | { capacity: 'grant'; row: GrantFact }
)

/** The rows by which somebody may do anything for an account, and what; at an instant in epoch ms. */
export function portray(facts: Facts, accountId: string, now: number): Speaking[] {
  const contacts = facts.contacts.map((row) => ({
    capacity: 'contact' as const,
    row,
    domains: row.limited ? row.domains : ('all' as const),
    alone: { ...facts, contacts: [row], grants: [] },
  }))
  const grants = facts.grants.map((row) => ({
    capacity: 'grant' as const,
    row,
    domains: row.domains,
    alone: { ...facts, contacts: [], grants: [row] },
  }))
  return [...contacts, ...grants]
    .filter(({ row }) => row.accountId === accountId)
    .map(({ alone, ...shown }) => ({ ...shown, powers: powersOf(alone, accountId, shown.domains, now) }))
    .filter(({ powers }) => powers.length > 0)
}

function powersOf(alone: Facts, accountId: string, domains: Speaking['domains'], now: number): Power[] {
  const groups = new Map<string, Power>()
  for (const action of accountActions) {
    const clauses = reach(alone, action, now)
    if (clauses.length === 0) continue
    const topics = isTicketAction(action) ? topicsOf(alone, accountId, action, clauses, domains, now) : null
    if (topics?.length === 0) continue
    const key = JSON.stringify(topics)
    const group = groups.get(key) ?? { topics, actions: [] }
    groups.set(key, { topics, actions: [...group.actions, action] })
  }
  return [...groups.values()]
}

function topicsOf(
  alone: Facts,
  accountId: string,
  action: AccountAction,
  clauses: readonly Clause[],
  domains: Speaking['domains'],
  now: number,
): string[] {
  const topics = topicKeys.filter((topic) => clauses.some((clause) => clause.topics === 'all' || clause.topics.includes(topic)))
  if (action !== 'ticket.create') return topics
  const about: DomainFact[] = domains === 'all' ? [] : domains.slice(0, 1).map((id) => ({ id, accountId, name: '', releasedAt: null }))
  return topics.filter((topic) => decide(alone, question(action, accountId, { domains: about, topic }), now).permit)
}
