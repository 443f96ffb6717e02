/**
 * Everything the caller may do, and by which row: what a program shows its user before he tries. It states no rule of its own. What
 * acts on something that exists is asked of `reach`, row by row; what makes something new is asked of `decide`.
 */
import { isAccountWide, isTicketAction } from '../authority/actions.ts'
import { grantIsLive } from '../authority/conditions.ts'
import { decide } from '../authority/decide.ts'
import { type AccountFact, type DomainFact, type Facts, question } from '../authority/facts.ts'
import { type Clause, reach } from '../authority/reach.ts'
import { toUnicode } from '../hostname.ts'
import { type AccountAction, accountActions, selfActions, staffActions, topicKeys } from '../vocabulary.ts'
import type { Held, MyAccount, MyAuthority } from './schema.ts'

/** One contact or live grant of the caller, and the facts as if he had nothing else. */
type Row = MyAccount['by'][number] & { accountId: string; facts: Facts }

/** The rows that give the caller anything: his contacts, and his grants that are live now. */
export function rowsOf(facts: Facts, now: number): Row[] {
  const contacts = facts.contacts.map((contact) => ({
    capacity: 'contact' as const,
    id: contact.id,
    role: contact.role,
    reach: null,
    expiresAt: null,
    accountId: contact.accountId,
    facts: { ...facts, contacts: [contact], grants: [] },
  }))
  const live = facts.grants.filter((grant) => grantIsLive(grant, now))
  const grants = live.map((grant) => ({
    capacity: 'grant' as const,
    id: grant.id,
    role: null,
    reach: grant.reach,
    expiresAt: new Date(grant.expiresAt).toISOString(),
    accountId: grant.accountId,
    facts: { ...facts, contacts: [], grants: [grant] },
  }))
  return [...contacts, ...grants]
}

/** All clauses in which the rows give any action, for finding the domains they are about. */
export function clausesOf(rows: readonly Row[], now: number): Clause[] {
  return rows.flatMap(({ facts }) => accountActions.flatMap((action) => reach(facts, action, now)))
}

/** The whole picture. `domains` are those the clauses let through; accounts and domains come in the order of their names. */
export function authorityOf(facts: Facts, rows: readonly Row[], domains: readonly DomainFact[], now: number): MyAuthority {
  const may = (action: Parameters<typeof question>[0]): boolean => decide(facts, question(action, null), now).permit
  const accounts = facts.accounts.filter(({ id }) => rows.some((row) => row.accountId === id))
  return {
    at: new Date(now).toISOString(),
    self: selfActions.filter(may),
    staff: facts.staff && { ...facts.staff, actions: staffActions.filter(may) },
    accounts: accounts.sort((a, b) => compare(a.number, b.number)).map((account) => accountOf(account, rows, domains, now)),
  }
}

const compare = (a: string, b: string): number => (a < b ? -1 : 1)

function accountOf(account: AccountFact, allRows: readonly Row[], allDomains: readonly DomainFact[], now: number): MyAccount {
  const rows = allRows.filter(({ accountId }) => accountId === account.id)
  const domains = allDomains.filter(({ accountId }) => accountId === account.id)
  const reached = rows.map((row) => ({
    row,
    actions: accountActions.map((action) => ({ action, clauses: reach(row.facts, action, now) })),
  }))
  const held = (domain: DomainFact | null): Held[] =>
    reached.flatMap(({ row, actions }) => {
      const given = actions.filter(({ action, clauses }) => clauses.some((clause) => covers(clause, action, domain)))
      return grouped(
        row.id,
        given.map(({ action, clauses }) => ({ action, topics: topicsOf(row, action, clauses, domain, now) })),
      )
    })
  return {
    id: account.id,
    number: account.number,
    name: account.name,
    state: account.state,
    by: rows.map(({ facts: _facts, accountId: _accountId, ...row }) => row),
    authority: held(null),
    domains: domains.map((domain) => ({ id: domain.id, name: domain.name, unicode: toUnicode(domain.name), authority: held(domain) })),
  }
}

/** What is about the account as a whole is said once, not again for every domain. */
function covers(clause: Clause, action: AccountAction, domain: DomainFact | null): boolean {
  if (domain === null) return clause.domains === 'all'
  return !isAccountWide(action) && (clause.domains === 'all' || clause.domains.includes(domain.id))
}

/** The topics an action is permitted on; null for one that is about no topic. */
function topicsOf(row: Row, action: AccountAction, clauses: readonly Clause[], domain: DomainFact | null, now: number): string[] | null {
  if (!isTicketAction(action)) return null
  const topics = topicKeys.filter((topic) => clauses.some((clause) => clause.topics === 'all' || clause.topics.includes(topic)))
  if (action !== 'ticket.create') return topics
  const domains = domain === null ? [] : [domain]
  return topics.filter((topic) => decide(row.facts, question(action, row.accountId, { domains, topic }), now).permit)
}

/** Actions with the same topics stand together; one without any topic left is no action. */
function grouped(by: string, given: readonly { action: AccountAction; topics: string[] | null }[]): Held[] {
  const groups = new Map<string, Held>()
  for (const { action, topics } of given.filter(({ topics }) => topics?.length !== 0)) {
    const key = JSON.stringify(topics)
    const group = groups.get(key) ?? { by, topics, actions: [] }
    groups.set(key, { ...group, actions: [...group.actions, action] })
  }
  return [...groups.values()]
}
