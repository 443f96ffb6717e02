/**
 * The rule: may this principal do this action, for this account, on this domain, now? Pure and total; default is deny.
 * docs/authority.md tells it in words. Lists ask the same rule through `reach.ts`.
 */
import { isAccountAction, isSelfAction, isStaffAction, staffHolds, stateAllows } from './actions.ts'
import {
  allowsAction,
  allowsTopic,
  coversDomains,
  domainsAreHeld,
  grantIsLive,
  isOf,
  isSpent,
  limitAllows,
  principalIsActive,
  reaches,
  roleAllows,
} from './conditions.ts'
import type { AccountFact, ContactFact, Decision, Facts, GrantFact, Question, Via } from './facts.ts'
import { denyReason } from './reason.ts'

/** Decides one question from facts at one instant (epoch ms). */
export function decide(facts: Facts, question: Question, now: number): Decision {
  if (!principalIsActive(facts, now)) return { permit: false, reason: 'principal_inactive' }
  const via = bestVia(facts, question, now)
  return via === undefined ? { permit: false, reason: denyReason(facts, question, now) } : { permit: true, via }
}

function bestVia(facts: Facts, question: Question, now: number): Via | undefined {
  const { action } = question
  if (isSelfAction(action)) return viaSelf(facts, question)
  if (isStaffAction(action)) return viaStaff(facts, question)
  if (!isAccountAction(action)) return undefined
  const account = facts.accounts.find((candidate) => candidate.id === question.account)
  if (account === undefined || facts.user?.verified !== true || facts.staff !== null) return undefined
  return viaContact(facts, question, account, now) ?? viaGrant(facts, question, account, now)
}

function viaSelf(facts: Facts, question: Question): Via | undefined {
  if (question.action === 'self.manage' && facts.session?.kind !== 'person') return undefined
  return facts.user === null ? undefined : { capacity: 'self', id: facts.user.id }
}

function viaStaff({ staff, session }: Facts, question: Question): Via | undefined {
  if (staff === null || session?.kind !== 'person' || !staffHolds(staff.role, question.action)) return undefined
  return { capacity: 'staff', id: staff.id, staff }
}

function viaContact(facts: Facts, question: Question, account: AccountFact, now: number): Via | undefined {
  const contact = facts.contacts.filter((candidate) => contactJustifies(candidate, question, account, now)).sort(byId)[0]
  return contact === undefined ? undefined : { capacity: 'contact', id: contact.id, contact }
}

function contactJustifies(contact: ContactFact, question: Question, account: AccountFact, now: number): boolean {
  return (
    contact.accountId === account.id &&
    roleAllows(contact, question) &&
    limitAllows(contact, question) &&
    stateAllows(account, contact.role, question.action, question.topic, now) &&
    (domainsAreHeld(question, account) || keepsHistory(contact, question, account))
  )
}

/** The account keeps its history: its unlimited contacts still read and answer tickets on a domain it held when they were opened. */
function keepsHistory(contact: ContactFact, question: Question, account: AccountFact): boolean {
  if (contact.limited || question.ticket === null) return false
  return question.domains.every((domain) => domain !== null && isOf(account, domain))
}

function viaGrant(facts: Facts, question: Question, account: AccountFact, now: number): Via | undefined {
  if (account.state !== 'open' || question.domains.length !== 1 || !domainsAreHeld(question, account)) return undefined
  const grant = facts.grants.filter((candidate) => grantJustifies(candidate, facts, question, account, now)).sort(byWorth)[0]
  return grant === undefined ? undefined : { capacity: 'grant', id: grant.id, grant, expiresAt: grant.expiresAt }
}

function grantJustifies(grant: GrantFact, facts: Facts, question: Question, account: AccountFact, now: number): boolean {
  return (
    grant.granteeUserId === facts.user?.id &&
    grant.accountId === account.id &&
    grantIsLive(grant, now) &&
    coversDomains(grant, question) &&
    allowsTopic(grant, question) &&
    allowsAction(grant, question) &&
    !question.contactsOnly &&
    reaches(grant, question) &&
    !isSpent(grant, question)
  )
}

const byId = (a: { id: string }, b: { id: string }): number => (a.id < b.id ? -1 : 1)

/** Without a count of uses first, then the one that lasts longest, then the id. */
function byWorth(a: GrantFact, b: GrantFact): number {
  const counted = Number(a.maxUses !== null) - Number(b.maxUses !== null)
  return counted || b.expiresAt - a.expiresAt || byId(a, b)
}
