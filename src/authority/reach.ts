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
import { grantIsLive, principalIsActive } from './conditions.ts'
import type { AccountFact, ContactFact, Facts, GrantFact } from './facts.ts'

/** Rows of an account that satisfy all members. `domains` with `withoutDomain` says whether rows that name no domain belong too. */
export type Clause = {
  account: string | 'all'
  domains: readonly string[] | 'all'
  withoutDomain: boolean
  topics: readonly string[] | 'all'
  contactsOnly: boolean
  openedUnder: readonly string[] | 'any'
  /** Epoch ms; rows must be later than this. */
  openedAfter: number | null
}

const everything: Omit<Clause, 'account'> = {
  domains: 'all',
  withoutDomain: true,
  topics: 'all',
  contactsOnly: true,
  openedUnder: 'any',
  openedAfter: null,
}

/** The clauses under which the principal may do the action at this instant (epoch ms); none is nothing at all. */
export function reach(facts: Facts, action: Action, now: number): Clause[] {
  if (!principalIsActive(facts, now)) return []
  if (isStaffAction(action)) return staffReach(facts, action)
  if (facts.user?.verified !== true || facts.staff !== null) return []
  return facts.accounts.flatMap((account) => [
    ...facts.contacts
      .filter((contact) => contact.accountId === account.id)
      .flatMap((contact) => contactReach(contact, account, action, now)),
    ...facts.grants
      .filter((grant) => grant.accountId === account.id && grant.granteeUserId === facts.user?.id)
      .flatMap((grant) => grantReach(grant, account, action, now)),
  ])
}

function staffReach({ staff, session }: Facts, action: Action): Clause[] {
  const holds = staff !== null && session?.kind === 'person' && staffHolds(staff.role, action)
  return holds ? [{ account: 'all', ...everything }] : []
}

function contactReach(contact: ContactFact, account: AccountFact, action: Action, now: number): Clause[] {
  if (!roleHolds(contact, action) || (contact.limited && (isAccountWide(action) || contact.domains.length === 0))) return []
  const topics = topicsInState(contact, account, action, now)
  if (topics.length === 0) return []
  const limit = contact.limited ? { domains: contact.domains, withoutDomain: false } : {}
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
  const clause: Clause = { ...everything, account: account.id, domains: grant.domains, withoutDomain: false }
  if (!isTicketAction(action)) return [clause]
  const own: Clause = { ...clause, topics: topicsOfGrant(grant.topics), contactsOnly: false, openedUnder: [grant.id, ...grant.lineage] }
  if (own.topics.length === 0) return []
  return grant.reach === 'own' ? [own] : [own, { ...own, openedUnder: 'any', openedAfter: grant.notBefore }]
}

/** The columns a list has; one that is absent cannot be asked about, and a clause that needs it lets nothing through. */
export type ReachColumns = {
  accountId: SQL
  domainId?: SQL
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
  if (clause.domains !== 'all') parts.push(withinDomains(clause, columns.domainId))
  if (clause.topics !== 'all') parts.push(isAny(columns.topic, clause.topics, 'text'))
  if (!clause.contactsOnly) parts.push(columns.contactsOnly === undefined ? sql`false` : sql`not ${columns.contactsOnly}`)
  if (clause.openedUnder !== 'any') parts.push(isAny(columns.grantId, clause.openedUnder, 'uuid'))
  if (clause.openedAfter !== null) {
    const after = new Date(clause.openedAfter).toISOString()
    parts.push(columns.createdAt === undefined ? sql`false` : sql`${columns.createdAt} > ${after}::timestamptz`)
  }
  return parts.length === 0 ? sql`true` : sql`(${sql.join(parts, sql` and `)})`
}

function withinDomains(clause: Clause, column: SQL | undefined): SQL {
  const listed = isAny(column, clause.domains as readonly string[], 'uuid')
  return clause.withoutDomain && column !== undefined ? sql`(${column} is null or ${listed})` : listed
}

function isAny(column: SQL | undefined, values: readonly string[], type: 'text' | 'uuid'): SQL {
  if (column === undefined) return sql`false`
  return sql`${column} = any(${sql.param([...values])}::${sql.raw(type)}[])`
}
