/**
 * The rule for lists: everything a principal may do an action on, as a few clauses, and the one place where they become SQL.
 * A property test holds `reach` equal to `decide` on every row.
 */
import { type SQL, sql } from 'drizzle-orm'
import { type Action, topicKeys } from '../vocabulary.ts'
import {
  isAccountWide,
  isDelegable,
  isStaffAction,
  isTicketAction,
  roleHolds,
  staffHolds,
  stateAllows,
  topicsOfGrant,
  topicsOfRole,
} from './actions.ts'
import { clientAllows, contactsOf, grantIsLive, grantsOf, principalIsActive } from './conditions.ts'
import type { AccountFact, Ceiling, ContactFact, Facts, GrantFact } from './facts.ts'

/** Rows of an account that satisfy all members. Rows that name no domain belong where `domains` is `all`, and to no list. */
export type Clause = {
  account: string | 'all'
  domains: readonly string[] | 'all'
  topics: readonly string[] | 'all'
  contactsOnly: boolean
  openedUnder: readonly string[] | 'any'
  /** Epoch ms; rows must be later than this. */
  openedAfter: number | null
}

const everything: Omit<Clause, 'account'> = {
  domains: 'all',
  topics: 'all',
  contactsOnly: true,
  openedUnder: 'any',
  openedAfter: null,
}

/** The clauses under which the principal may do the action at this instant (epoch ms); none is nothing at all. */
export function reach(facts: Facts, action: Action, now: number): Clause[] {
  const { ceiling } = facts
  if (!principalIsActive(facts, now) || !clientAllows(facts, action)) return []
  if (ceiling !== null && !ceiling.actions.includes(action)) return []
  if (isStaffAction(action)) return ceiling === null ? staffReach(facts, action) : []
  if (facts.user?.verified !== true) return []
  const clauses = facts.accounts.flatMap((account) => [
    ...contactsOf(facts, account.id)
      .filter(() => ceiling?.grant === undefined)
      .flatMap((contact) => contactReach(contact, account, action, now)),
    ...grantsOf(facts, account.id)
      .filter((grant) => ceiling?.grant === undefined || ceiling.grant === grant.id)
      .flatMap((grant) => grantReach(grant, account, action, now)),
  ])
  return ceiling === null ? clauses : clauses.flatMap((clause) => below(ceiling, clause))
}

/** What of a clause lies under a token's ceiling. */
function below(ceiling: Ceiling, clause: Clause): Clause[] {
  if (clause.account !== ceiling.account) return []
  if (ceiling.domains.length === 0) return [clause]
  const domains = clause.domains === 'all' ? ceiling.domains : clause.domains.filter((domain) => ceiling.domains.includes(domain))
  return domains.length === 0 ? [] : [{ ...clause, domains }]
}

function staffReach({ staff, session }: Facts, action: Action): Clause[] {
  const holds = staff !== null && session?.kind === 'person' && staffHolds(staff.role, action)
  return holds ? [{ account: 'all', ...everything }] : []
}

function contactReach(contact: ContactFact, account: AccountFact, action: Action, now: number): Clause[] {
  if (!roleHolds(contact, action) || (contact.limited && (isAccountWide(action) || contact.domains.length === 0))) return []
  const topics = topicsInState(contact, account, action, now)
  if (topics.length === 0) return []
  const limit = contact.limited ? { domains: contact.domains } : {}
  return [{ account: account.id, ...everything, topics, ...limit }]
}

/** What the role may speak about that the account's state leaves open. */
function topicsInState(contact: ContactFact, account: AccountFact, action: Action, now: number): readonly string[] | 'all' {
  const allows = (topic: string | null): boolean => stateAllows(account, contact.role, action, topic, now)
  if (!isTicketAction(action)) return allows(null) ? 'all' : []
  const spoken = topicsOfRole(contact.role)
  if (spoken === 'all' && allows(null)) return 'all'
  return (spoken === 'all' ? topicKeys : spoken).filter(allows)
}

function grantReach(grant: GrantFact, account: AccountFact, action: Action, now: number): Clause[] {
  if (account.state !== 'open' || !isDelegable(action) || !grant.actions.includes(action) || !grantIsLive(grant, now)) return []
  if (grant.domains.length === 0) return []
  const clause: Clause = { ...everything, account: account.id, domains: grant.domains }
  if (!isTicketAction(action)) return [clause]
  const own: Clause = { ...clause, topics: topicsOfGrant(grant.topics), contactsOnly: false, openedUnder: [grant.id, ...grant.lineage] }
  if (own.topics.length === 0) return []
  return grant.reach === 'own' ? [own] : [own, { ...own, openedUnder: 'any', openedAfter: grant.notBefore }]
}

/** The columns a list has; one that is absent cannot be asked about, and a clause that needs it lets nothing through. */
export type ReachColumns = {
  accountId: SQL
  domainId?: SQL
  /** For rows that are about several domains: whether one of them lies outside a list, and whether there is any at all. */
  domainSet?: { outside: (domains: SQL) => SQL; some: SQL }
  topic?: SQL
  contactsOnly?: SQL
  grantId?: SQL
  createdAt?: SQL
}

/** The predicate that a row lies within the clauses: `false` for none. Every value is a parameter. */
export function predicate(clauses: readonly Clause[], columns: ReachColumns): SQL {
  if (clauses.length === 0) return sql`false`
  return sql`(${sql.join(
    clauses.map((clause) => within(clause, columns)),
    sql` or `,
  )})`
}

function within(clause: Clause, columns: ReachColumns): SQL {
  const parts: SQL[] = []
  if (clause.account !== 'all') parts.push(sql`${columns.accountId} = ${clause.account}::uuid`)
  if (clause.domains !== 'all') parts.push(withinDomains(clause.domains, columns))
  if (clause.topics !== 'all') parts.push(isAny(columns.topic, clause.topics, 'text'))
  if (!clause.contactsOnly) parts.push(columns.contactsOnly === undefined ? sql`false` : sql`not ${columns.contactsOnly}`)
  if (clause.openedUnder !== 'any') parts.push(isAny(columns.grantId, clause.openedUnder, 'uuid'))
  if (clause.openedAfter !== null) {
    const after = new Date(clause.openedAfter).toISOString()
    parts.push(columns.createdAt === undefined ? sql`false` : sql`${columns.createdAt} > ${after}::timestamptz`)
  }
  return parts.length === 0 ? sql`true` : sql`(${sql.join(parts, sql` and `)})`
}

function withinDomains(domains: readonly string[], { domainId, domainSet }: ReachColumns): SQL {
  if (domainSet === undefined) return isAny(domainId, domains, 'uuid')
  return sql`(${domainSet.some} and not ${domainSet.outside(sql`${sql.param([...domains])}::uuid[]`)})`
}

function isAny(column: SQL | undefined, values: readonly string[], type: 'text' | 'uuid'): SQL {
  if (column === undefined) return sql`false`
  return sql`${column} = any(${sql.param([...values])}::${sql.raw(type)}[])`
}
