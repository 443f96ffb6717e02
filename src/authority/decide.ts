/**
 * The rule: may this principal do this action, for this account, on this domain, now? Pure and total; default is deny.
 * docs/authority.md tells it in words. Lists ask the same rule through `reach.ts`.
 */
import { isAccountAction, isSelfAction, isStaffAction, staffHolds, stateAllows } from './actions.ts'
import {
  allowsAction,
  allowsTopic,
  ceilingAllows,
  clientAllows,
  contactsOf,
  coversDomains,
  grantIsLive,
  grantsOf,
  isForContactsOnly,
  isForTicketsAccount,
  isHeld,
  isSpent,
  limitAllows,
  principalIsActive,
  reaches,
  roleAllows,
} from './conditions.ts'
import type { AccountFact, Action, ContactFact, Decision, DomainFact, Facts, GrantFact, Question, Via } from './facts.ts'
import { denyReason } from './reason.ts'

/** What can be missing of a contact or a grant, in the order it is looked for. */
export const contactFailures = ['ticket_of_other_account', 'role', 'limit', 'account_state', 'domain'] as const
export const grantFailures = ['account_state', 'contacts_only', 'token', 'not_live', 'domain', 'topic', 'action', 'reach', 'uses'] as const
export type ContactFailure = (typeof contactFailures)[number]
export type GrantFailure = (typeof grantFailures)[number]

/** Decides one question from facts at one instant (epoch ms). */
export function decide(facts: Facts, question: Question, now: number): Decision {
  try {
    return judged(facts, question, now)
  } catch {
    return { permit: false, reason: 'no_active_grant' } // facts that are not what their types say justify nothing
  }
}

function judged(facts: Facts, question: Question, now: number): Decision {
  if (!principalIsActive(facts, now)) return { permit: false, reason: 'principal_inactive' }
  const inside = clientAllows(facts, question.action) && ceilingAllows(facts, question)
  const via = inside ? bestVia(facts, question, now) : undefined
  if (via !== undefined) return { permit: true, via }
  const tokenAlone = facts.ceiling !== null && decide({ ...facts, ceiling: null }, question, now).permit
  return { permit: false, reason: denyReason(facts, question, now, tokenAlone) }
}

function bestVia(facts: Facts, question: Question, now: number): Via | undefined {
  const { action } = question
  if (isSelfAction(action)) return viaSelf(facts, question)
  if (isStaffAction(action)) return viaStaff(facts, question) ?? viaClient(facts, question)
  if (!isAccountAction(action)) return undefined
  const account = facts.accounts.find((candidate) => candidate.id === question.account)
  if (account === undefined || facts.user?.verified !== true) return undefined
  return viaContact(facts, question, account, now) ?? viaGrant(facts, question, account, now)
}

function viaSelf(facts: Facts, question: Question): Via | undefined {
  if (question.action === 'self.manage' && (facts.session?.kind !== 'person' || facts.ceiling !== null)) return undefined
  return facts.user === null ? undefined : { capacity: 'self', id: facts.user.id }
}

/** In a personal session: neither what a panel asserts nor a narrowed token is one. */
function viaStaff({ staff, session, ceiling }: Facts, question: Question): Via | undefined {
  if (staff === null || session?.kind !== 'person' || ceiling !== null || !staffHolds(staff.role, question.action)) return undefined
  return { capacity: 'staff', id: staff.id, staff }
}

/** A service with a token of its own provisions the accounts of its realm, and new ones. */
function viaClient({ user, client, accounts, ceiling }: Facts, { action, account: id }: Question): Via | undefined {
  if (user !== null || client === null || action !== 'staff.provision' || ceiling?.grant !== undefined) return undefined
  const account = accounts.find((candidate) => candidate.id === id)
  const itsOwn = id === null || account?.realm === client.realm
  return itsOwn ? { capacity: 'client', id: client.id, client } : undefined
}

function viaContact(facts: Facts, question: Question, account: AccountFact, now: number): Via | undefined {
  if (facts.ceiling?.grant !== undefined) return undefined
  const contact = contactsOf(facts, account.id)
    .filter((candidate) => contactFailure(candidate, question, account, now) === undefined)
    .sort(byId)[0]
  return contact === undefined ? undefined : { capacity: 'contact', id: contact.id, contact }
}

/** The first condition that keeps a contact of the caller from justifying; undefined when none does. */
export function contactFailure(contact: ContactFact, question: Question, account: AccountFact, now: number): ContactFailure | undefined {
  if (!isForTicketsAccount(question)) return 'ticket_of_other_account'
  if (!roleAllows(contact, question)) return 'role'
  if (!limitAllows(contact, question)) return 'limit'
  if (!stateAllows(account, contact.role, question.action, question.topic, now)) return 'account_state'
  return question.domains.every((domain) => isHeld(domain, account.id) || isHistory(domain, question, account)) ? undefined : 'domain'
}

const onHistory: readonly Action[] = ['ticket.read', 'ticket.reply', 'ticket.close']

/**
 * The account keeps its history: a ticket's own domain was the account's when it was opened, since a ticket gets no other and a domain row
 * never changes account. What a limited contact had of it has left his limit with its release.
 */
function isHistory(domain: DomainFact | null, { action, ticket }: Question, account: AccountFact): boolean {
  return domain !== null && domain.accountId === account.id && domain.id === ticket?.domainId && onHistory.includes(action)
}

function viaGrant(facts: Facts, question: Question, account: AccountFact, now: number): Via | undefined {
  const grant = grantsOf(facts, account.id)
    .filter((candidate) => grantFailure(candidate, facts.ceiling, question, account, now) === undefined)
    .sort(byWorth)[0]
  return grant === undefined ? undefined : { capacity: 'grant', id: grant.id, grant, expiresAt: grant.expiresAt }
}

/** The first condition that keeps a grant of the caller from justifying; undefined when none does. */
export function grantFailure(
  grant: GrantFact,
  ceiling: Facts['ceiling'],
  question: Question,
  account: AccountFact,
  now: number,
): GrantFailure | undefined {
  if (account.state !== 'open') return 'account_state'
  if (isForContactsOnly(question)) return 'contacts_only'
  if (ceiling?.grant !== undefined && ceiling.grant !== grant.id) return 'token'
  if (!grantIsLive(grant, now)) return 'not_live'
  if (!coversDomains(grant, question)) return 'domain'
  if (!allowsTopic(grant, question)) return 'topic'
  if (!allowsAction(grant, question)) return 'action'
  if (!reaches(grant, question)) return 'reach'
  return isSpent(grant, question) ? 'uses' : undefined
}

const byId = (a: { id: string }, b: { id: string }): number => (a.id < b.id ? -1 : 1)

/** Without a count of uses first, then the one that lasts longest, then the id. */
function byWorth(a: GrantFact, b: GrantFact): number {
  const counted = Number(a.maxUses !== null) - Number(b.maxUses !== null)
  return counted || b.expiresAt - a.expiresAt || byId(a, b)
}
