/**
 * Why a decision is a deny: one reason, true, and the first true one in the order of `denyReasons`. Asked only after a deny.
 */
import { type DenyReason, denyReasons, terminalGrantStatuses } from '../vocabulary.ts'
import {
  isAccountAction,
  isDelegable,
  isSelfAction,
  isStaffAction,
  isTicketAction,
  roleCovers,
  roleHolds,
  staffHolds,
  stateAllows,
  topicClass,
} from './actions.ts'
import { allowsAction, allowsTopic, coversDomains, grantIsLive, isSpent, limitAllows, reaches, roleAllows } from './conditions.ts'
import type { AccountFact, ContactFact, Facts, GrantFact, Question } from './facts.ts'

type Case = {
  facts: Facts
  question: Question
  now: number
  account: AccountFact | undefined
  /** The caller's own rows on the account. */
  contacts: ContactFact[]
  grants: GrantFact[]
  /** His grants on the account *and* the domain asked about: grant reasons speak of nothing else. */
  covering: GrantFact[]
  live: GrantFact[]
}

/** The first true reason of a decision that is a deny. `no_active_grant` is true whenever nothing else is. */
export function denyReason(facts: Facts, question: Question, now: number): DenyReason {
  const account = facts.accounts.find((candidate) => candidate.id === question.account)
  const contacts = facts.contacts.filter((contact) => contact.accountId === account?.id)
  const grants = facts.grants.filter(
    (grant) => grant.accountId === account?.id && grant.granteeUserId === facts.user?.id && isTie(grant, now),
  )
  const covering = grants.filter((grant) => coversDomains(grant, question))
  const live = covering.filter((grant) => grantIsLive(grant, now))
  const instance: Case = { facts, question, now, account, contacts, grants, covering, live }
  return denyReasons.find((reason) => holds[reason]?.(instance)) ?? 'no_active_grant'
}

/** How long after its end a grant still ties its grantee to the account, in milliseconds. */
const tieAfterEnd = 90 * 86_400_000

/** A grant that is or was active, until 90 days after its end. Requests and invitations make no tie. */
export function isTie(grant: GrantFact, now: number): boolean {
  if (grant.approvedAt === null) return false
  const end = Math.min(grant.endedAt ?? Number.POSITIVE_INFINITY, grant.expiresAt)
  return now < end + tieAfterEnd
}

/** Whether the caller has a tie to the account: only such a caller is ever told a reason. Staff have one to every account. */
export function hasTie(facts: Facts, accountId: string, now: number): boolean {
  if (facts.staff !== null) return true
  return (
    facts.contacts.some((contact) => contact.accountId === accountId) ||
    facts.grants.some((grant) => grant.accountId === accountId && grant.granteeUserId === facts.user?.id && isTie(grant, now))
  )
}

const hasTerminal = (grant: GrantFact): boolean => (terminalGrantStatuses as readonly string[]).includes(grant.status)

const holds: Partial<Record<DenyReason, (instance: Case) => boolean>> = {
  unverified_principal: ({ facts, question }) => isAccountAction(question.action) && facts.staff === null && facts.user?.verified !== true,

  account_state: ({ question, account, contacts, grants, now }) => {
    if (account === undefined || (contacts.length === 0 && grants.length === 0) || !isAccountAction(question.action)) return false
    const forContacts = contacts.every((contact) => !stateAllows(account, contact.role, question.action, question.topic, now))
    return forContacts && (grants.length === 0 || account.state !== 'open')
  },

  action_not_in_role: ({ facts, question, contacts }) => {
    if (isSelfAction(question.action)) return true
    if (facts.staff !== null)
      return !isStaffAction(question.action) || !staffHolds(facts.staff.role, question.action) || facts.session?.kind !== 'person'
    if (isStaffAction(question.action)) return true
    return contacts.length > 0 && !contacts.some((contact) => roleIsEnough(contact, question))
  },

  domain_not_in_role: ({ question, contacts }) => {
    const able = contacts.filter((contact) => roleAllows(contact, question))
    return able.length > 0 && !able.some((contact) => limitAllows(contact, question))
  },

  topic_confidential: ({ question, contacts, grants }) => {
    if (question.topic === null || !topicClass(question.topic).confidential) return false
    return contacts.length > 0 ? !contacts.some((contact) => roleAllows(contact, question)) : grants.length > 0
  },

  contacts_only: ({ question, contacts, grants }) => question.contactsOnly && contacts.length === 0 && grants.length > 0,

  action_not_delegable: ({ question, contacts, grants }) => contacts.length === 0 && grants.length > 0 && !isDelegable(question.action),

  grant_exhausted: ({ question, covering, live }) =>
    covering.some((grant) => grant.status === 'exhausted') || live.some((grant) => isSpent(grant, question)),

  grant_suspended: ({ covering, now }) =>
    covering.some(
      (grant) => grant.status === 'suspended' || (grant.status === 'active' && isInTime(grant, now) && !grantIsLive(grant, now)),
    ),

  grant_not_yet_valid: ({ covering, now }) => covering.some((grant) => grant.status === 'active' && now < grant.notBefore),

  grant_expired: ({ covering, now }) =>
    covering.some((grant) => grant.status === 'expired' || (!hasTerminal(grant) && grant.expiresAt <= now)),

  grant_revoked: ({ covering }) => covering.some((grant) => grant.status === 'revoked' || grant.status === 'resigned'),

  topic_not_in_grant: ({ question, live }) => live.length > 0 && !live.some((grant) => allowsTopic(grant, question)),

  action_not_in_grant: ({ question, live }) => {
    const able = live.filter((grant) => allowsTopic(grant, question))
    return able.length > 0 && !able.some((grant) => allowsAction(grant, question))
  },

  ticket_not_in_reach: ({ question, live }) => {
    const able = live.filter((grant) => allowsTopic(grant, question) && allowsAction(grant, question))
    return able.length > 0 && !able.some((grant) => reaches(grant, question))
  },

  domain_not_in_grant: ({ contacts, grants, covering }) => contacts.length === 0 && grants.length > 0 && covering.length === 0,

  domain_not_in_account: ({ question, account, contacts }) =>
    contacts.length > 0 &&
    question.domains.some((domain) => domain === null || domain.accountId !== account?.id || domain.releasedAt !== null),
}

const isInTime = (grant: GrantFact, now: number): boolean => grant.notBefore <= now && now < grant.expiresAt

/** The role holds the action for this kind of topic; a technical contact's bar from confidential ones is a reason of its own. */
function roleIsEnough(contact: ContactFact, question: Question): boolean {
  if (!roleHolds(contact, question.action) || question.targets.some((target) => !roleCovers(contact.role, target.role))) return false
  if (contact.role !== 'billing' || !isTicketAction(question.action) || question.topic === null) return true
  return topicClass(question.topic).billing
}
