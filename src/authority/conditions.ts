/**
 * The single conditions of the rule, shared by the decision, its reason and the lists. Pure; instants in epoch milliseconds.
 */
import {
  isAccountAction,
  isAccountWide,
  isDelegable,
  isTicketAction,
  roleCovers,
  roleHolds,
  roleSpeaksAbout,
  topicClass,
} from './actions.ts'
import type { AccountFact, ContactFact, DomainFact, Facts, GrantFact, Question } from './facts.ts'

/** The user is active and his session lives. */
export function principalIsActive(facts: Facts, now: number): boolean {
  const { user, session } = facts
  return user !== null && session !== null && user.status === 'active' && session.endedAt === null && now < session.expiresAt
}

/** Role and topic, before limit and state; for `contact.manage` also the rank of those it is done to. */
export function roleAllows(contact: ContactFact, question: Question): boolean {
  if (!roleHolds(contact, question.action)) return false
  if (question.targets.some((target) => !roleCovers(contact.role, target.role))) return false
  return !isTicketAction(question.action) || (question.topic !== null && roleSpeaksAbout(contact.role, question.topic))
}

/** A limited contact acts on the domains of its limit only: nothing account-wide, and nothing that names no domain. */
export function limitAllows(contact: ContactFact, question: Question): boolean {
  if (!contact.limited) return true
  if (isAccountWide(question.action) || question.domains.length === 0) return false
  return question.domains.every((domain) => domain !== null && contact.domains.includes(domain.id))
}

/** Every named domain is the account's and not released. */
export function domainsAreHeld(question: Question, account: AccountFact): boolean {
  return question.domains.every((domain) => domain !== null && isOf(account, domain) && domain.releasedAt === null)
}

/** In force, in time, and the grantor still holds all of it: a grant is never worth more than its grantor. */
export function grantIsLive(grant: GrantFact, now: number): boolean {
  return grant.status === 'active' && grant.notBefore <= now && now < grant.expiresAt && grantorStands(grant)
}

/** The grantor is an active contact of an active, verified user who holds `grant.manage`, every action and every domain of the grant. */
export function grantorStands(grant: GrantFact): boolean {
  const { grantor } = grant
  if (grantor === null || grantor.accountId !== grant.accountId || grantor.userStatus !== 'active' || !grantor.userVerified) return false
  if (!roleHolds(grantor, 'grant.manage') || !grant.actions.every((action) => isAccountAction(action) && roleHolds(grantor, action)))
    return false
  return !grantor.limited || grant.domains.every((domain) => grantor.domains.includes(domain))
}

export function coversDomains(grant: GrantFact, question: Question): boolean {
  return question.domains.length > 0 && question.domains.every((domain) => domain !== null && grant.domains.includes(domain.id))
}

export function allowsTopic(grant: GrantFact, question: Question): boolean {
  if (question.topic === null) return !isTicketAction(question.action)
  return !topicClass(question.topic).confidential && (grant.topics === null || grant.topics.includes(question.topic))
}

export function allowsAction(grant: GrantFact, question: Question): boolean {
  return isDelegable(question.action) && grant.actions.includes(question.action)
}

/** Of existing tickets: those opened under the grant or one it supersedes; with reach `domain` also those opened after it began. */
export function reaches(grant: GrantFact, question: Question): boolean {
  if (question.action === 'ticket.create' || question.action === 'domain.read') return true
  const { ticket } = question
  if (ticket === null) return false
  const openedUnder = ticket.grantId !== null && (ticket.grantId === grant.id || grant.lineage.includes(ticket.grantId))
  return openedUnder || (grant.reach === 'domain' && ticket.createdAt > grant.notBefore)
}

/** Uses count tickets created, nothing else: a spent grant still serves those it made. */
export function isSpent(grant: GrantFact, question: Question): boolean {
  return question.action === 'ticket.create' && grant.maxUses !== null && grant.uses >= grant.maxUses
}

export const isOf = (account: AccountFact, domain: DomainFact): boolean => domain.accountId === account.id
