/**
 * The single conditions of the rule, shared by the decision, its reason and the lists. Pure; instants in epoch milliseconds.
 */
import { isAccountWide, isDelegable, isTicketAction, roleCovers, roleHolds, roleSpeaksAbout, topicClass } from './actions.ts'
import type { Action, ContactFact, DomainFact, Facts, GrantFact, Question, SessionFact } from './facts.ts'

/** The session lives, the user is active – or there is none and a client speaks for itself – and so is the client, if one is there. */
export function principalIsActive({ user, session, client }: Facts, now: number): boolean {
  if (session === null || session.endedAt !== null || !isLess(now, session.expiresAt)) return false
  if (client !== null && client.status !== 'active') return false
  return user === null ? client !== null && session.kind === 'client' : user.status === 'active'
}

/** The session of an active principal. @throws Error where there is none: whoever may do something has one */
export function sessionOf({ session }: Pick<Facts, 'session'>): SessionFact {
  if (session === null) throw new Error('nobody is signed in')
  return session
}

/** A client carries only what it is registered for. */
export function clientAllows({ client }: Facts, action: string): boolean {
  return client === null || client.scopes.includes(action)
}

/** Whether the question lies under the token's ceiling, before the row that justifies is known. */
export function ceilingAllows({ ceiling }: Facts, question: Question): boolean {
  if (ceiling === null) return true
  if (!ceiling.actions.includes(question.action)) return false
  if (question.action === 'self.read') return true
  if (question.account !== ceiling.account) return false
  if (Array.isArray(ceiling.domains) && ceiling.domains.length === 0) return true
  return question.domains.length > 0 && question.domains.every((domain) => domain !== null && ceiling.domains.includes(domain.id))
}

/** The caller's own contacts on an account. Staff have none: the same person as a customer is another user. */
export function contactsOf({ contacts, user, staff }: Facts, accountId: string): ContactFact[] {
  return contacts.filter((contact) => staff === null && contact.accountId === accountId && contact.userId === user?.id)
}

/** The grants on an account that were given to the caller. Staff have none. */
export function grantsOf({ grants, user, staff }: Facts, accountId: string): GrantFact[] {
  return grants.filter((grant) => staff === null && grant.accountId === accountId && grant.granteeUserId === user?.id)
}

/** The role holds the action; for `contact.manage` also over those it is done to. Before topic, limit and state. */
function roleHoldsAsked(contact: ContactFact, { action, targets }: Question): boolean {
  if (!roleHolds(contact, action)) return false
  return action !== 'contact.manage' || targets.every((target) => roleCovers(contact.role, target.role))
}

/** Role and topic, but for a technical contact's bar from confidential topics, which is a reason of its own. */
export function roleIsEnough(contact: ContactFact, question: Question): boolean {
  if (contact.role !== 'billing' || question.topic === null) return roleHoldsAsked(contact, question)
  return roleAllows(contact, question)
}

/** Role and topic, before limit and state. */
export function roleAllows(contact: ContactFact, question: Question): boolean {
  if (!roleHoldsAsked(contact, question)) return false
  return !isTicketAction(question.action) || (typeof question.topic === 'string' && roleSpeaksAbout(contact.role, question.topic))
}

/** A limited contact acts on the domains of its limit only: nothing account-wide, and nothing that names no domain. */
export function limitAllows(contact: ContactFact, question: Question): boolean {
  if (contact.limited === false) return true
  if (isAccountWide(question.action) || question.domains.length === 0) return false
  return question.domains.every((domain) => isHeld(domain, contact.accountId) && contact.domains.includes(domain.id))
}

/** The domain is the account's and not released. */
export function isHeld(domain: DomainFact | null, accountId: string): domain is DomainFact {
  return domain !== null && domain.accountId === accountId && domain.releasedAt === null
}

/** An act on an existing ticket is one for that ticket's account. */
export function isForTicketsAccount({ ticket, account }: Question): boolean {
  return ticket === null || ticket.accountId === account
}

/** A contact kept it from grantees, or is about to. */
export function isForContactsOnly({ contactsOnly, ticket }: Question): boolean {
  return contactsOnly !== false || (ticket !== null && ticket.contactsOnly !== false)
}

/** In force, in time, not finished, and the grantor still holds all of it: a grant is never worth more than its grantor. */
export function grantIsLive(grant: GrantFact, now: number): boolean {
  return grant.status === 'active' && isInTime(grant, now) && grant.finished === false && grantorStands(grant)
}

/** Of a grant in force: over because its uses are spent, recorded or not; until then a spent one serves the tickets it made. */
export function isExhausted(grant: GrantFact, now: number): boolean {
  const spent = grant.maxUses !== null && grant.uses >= grant.maxUses
  return ['active', 'suspended'].includes(grant.status) && (grant.finished || (spent && grant.expiresAt <= now))
}

/** From `notBefore` on, and until just before `expiresAt`. */
export function isInTime({ notBefore, expiresAt }: GrantFact, now: number): boolean {
  return (notBefore === now || isLess(notBefore, now)) && isLess(now, expiresAt)
}

/**
 * The grantor is an active contact of an active, verified user who holds `grant.manage`, every action and every domain of the grant, and
 * it was he who gave it.
 */
export function grantorStands(grant: GrantFact): boolean {
  const { grantor } = grant
  if (grantor === null || grantor.accountId !== grant.accountId || grantor.userStatus !== 'active' || grantor.userVerified !== true)
    return false
  if (grantor.compromised !== false) return false
  // A role holds nothing but actions on accounts, whatever a grant claims to contain.
  if (!roleHolds(grantor, 'grant.manage') || !grant.actions.every((action) => roleHolds(grantor, action as Action))) return false
  return grantor.limited === false || grant.domains.every((domain) => grantor.domains.includes(domain))
}

export function coversDomains(grant: GrantFact, question: Question): boolean {
  if (question.domains.length === 0) return false
  return question.domains.every((domain) => isHeld(domain, grant.accountId) && grant.domains.includes(domain.id))
}

export function allowsTopic(grant: GrantFact, question: Question): boolean {
  if (typeof question.topic !== 'string') return question.topic === null && !isTicketAction(question.action)
  return !topicClass(question.topic).confidential && (grant.topics === null || grant.topics.includes(question.topic))
}

export function allowsAction(grant: GrantFact, question: Question): boolean {
  return isDelegable(question.action) && grant.actions.includes(question.action)
}

/** Of existing tickets: those opened under the grant or one it supersedes; with reach `domain` also those opened after it began. */
export function reaches(grant: GrantFact, question: Question): boolean {
  if (!isForTicketsAccount(question)) return false
  if (question.action === 'ticket.create' || question.action === 'domain.read') return true
  const { ticket } = question
  if (ticket === null) return false
  const openedUnder = ticket.grantId !== null && (ticket.grantId === grant.id || grant.lineage.includes(ticket.grantId))
  return openedUnder || (grant.reach === 'domain' && isLess(grant.notBefore, ticket.createdAt))
}

/** Uses count tickets created, nothing else: a spent grant still serves those it made. */
export function isSpent(grant: GrantFact, question: Question): boolean {
  return question.action === 'ticket.create' && grant.maxUses !== null && !isLess(grant.uses, grant.maxUses)
}

/** What is no number is less than nothing. */
export function isLess(a: number, b: number): boolean {
  return typeof a === 'number' && typeof b === 'number' && a < b
}
