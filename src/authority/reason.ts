/**
 * Why a decision is a deny: one reason, true, and the first true one in the order of `denyReasons`. Asked only after a deny.
 */
import { type DenyReason, denyReasons } from '../vocabulary.ts'
import { isAccountAction, isDelegable, isSelfAction, isStaffAction, staffHolds, stateAllows, topicClass } from './actions.ts'
import {
  allowsAction,
  allowsTopic,
  ceilingAllows,
  clientAllows,
  contactsOf,
  coversDomains,
  grantIsLive,
  grantorStands,
  grantsOf,
  isExhausted,
  isForContactsOnly,
  isHeld,
  isInTime,
  isSpent,
  limitAllows,
  reaches,
  roleAllows,
  roleIsEnough,
} from './conditions.ts'
import type { AccountFact, ContactFact, Facts, GrantFact, Question } from './facts.ts'

type Case = {
  facts: Facts
  question: Question
  now: number
  tokenAlone: boolean
  account: AccountFact | undefined
  /** The caller's own rows on the account. */
  contacts: ContactFact[]
  grants: GrantFact[]
  /** His grants on the account *and* the domain asked about: grant reasons speak of nothing else. */
  covering: GrantFact[]
  live: GrantFact[]
}

/**
 * The first true reason of a decision that is a deny. `no_active_grant` is true whenever nothing else is. `tokenAlone`: without the
 * token's ceiling it would be a permit.
 */
export function denyReason(facts: Facts, question: Question, now: number, tokenAlone: boolean): DenyReason {
  const account = facts.accounts.find((candidate) => candidate.id === question.account)
  const contacts = account === undefined ? [] : contactsOf(facts, account.id)
  const grants = account === undefined ? [] : grantsOf(facts, account.id).filter((grant) => isTie(grant, now))
  const covering = grants.filter((grant) => coversDomains(grant, question))
  const live = covering.filter((grant) => grantIsLive(grant, now))
  const instance: Case = { facts, question, now, tokenAlone, account, contacts, grants, covering, live }
  return denyReasons.find((reason) => holds[reason]?.(instance)) ?? 'no_active_grant'
}

/** How long after its end a grant still ties its grantee to the account, in milliseconds. */
export const tieAfterEnd = 90 * 86_400_000

/** A grant that is or was active, until 90 days after its end. Requests and invitations make no tie. */
export function isTie(grant: GrantFact, now: number): boolean {
  if (grant.approvedAt === null) return false
  const end = Math.min(grant.endedAt ?? Number.POSITIVE_INFINITY, grant.expiresAt)
  return now < end + tieAfterEnd
}

/**
 * Whether the caller has a tie to the account: only such a caller is ever told a reason. Staff have one to every account, a client that
 * speaks for itself to those of its realm.
 */
export function hasTie(facts: Facts, accountId: string, now: number): boolean {
  const { staff, user, client, accounts } = facts
  if (staff !== null) return true
  if (user === null) return client !== null && accounts.some(({ id, realm }) => id === accountId && realm === client.realm)
  return contactsOf(facts, accountId).length > 0 || grantsOf(facts, accountId).some((grant) => isTie(grant, now))
}

const holds: Partial<Record<DenyReason, (instance: Case) => boolean>> = {
  unverified_principal: ({ facts, question }) =>
    isAccountAction(question.action) && facts.staff === null && facts.user !== null && !facts.user.verified,

  client_not_allowed: ({ facts, question }) => !clientAllows(facts, question.action),

  token_ceiling: ({ facts, question, tokenAlone }) =>
    tokenAlone || !ceilingAllows(facts, question) || (facts.session?.kind !== 'person' && needsPerson(facts, question)),

  account_state: ({ question, account, contacts, grants, now }) => {
    if (account === undefined || (contacts.length === 0 && grants.length === 0) || !isAccountAction(question.action)) return false
    const forContacts = contacts.every((contact) => !stateAllows(account, contact.role, question.action, question.topic, now))
    return forContacts && (grants.length === 0 || account.state !== 'open')
  },

  action_not_in_role: ({ facts, question, contacts }) => {
    if (isSelfAction(question.action)) return facts.user === null
    if (facts.staff !== null) return !staffHolds(facts.staff.role, question.action)
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

  contacts_only: ({ question, contacts, grants }) => isForContactsOnly(question) && contacts.length === 0 && grants.length > 0,

  action_not_delegable: ({ question, contacts, grants }) => contacts.length === 0 && grants.length > 0 && !isDelegable(question.action),

  grant_exhausted: ({ question, covering, live, now }) =>
    covering.some((grant) => grant.status === 'exhausted' || isExhausted(grant, now)) || live.some((grant) => isSpent(grant, question)),

  grant_suspended: ({ covering, now }) =>
    covering.some(
      (grant) =>
        (grant.status === 'suspended' && now < grant.expiresAt) ||
        (grant.status === 'active' && isInTime(grant, now) && !grantorStands(grant)),
    ),

  grant_not_yet_valid: ({ covering, now }) => covering.some((grant) => grant.status === 'active' && now < grant.notBefore),

  grant_expired: ({ covering, now }) =>
    covering.some(({ status, expiresAt }) => status === 'expired' || (['active', 'suspended'].includes(status) && expiresAt <= now)),

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
    account !== undefined && contacts.some(({ limited }) => !limited) && question.domains.some((domain) => !isHeld(domain, account.id)),
}

/** What only a person's own sign-in carries: no panel's assertion, no token of a client. */
const needsPerson = ({ staff }: Facts, { action }: Question): boolean =>
  action === 'self.manage' || (staff !== null && isStaffAction(action))
