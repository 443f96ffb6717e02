/**
 * The rule once more: docs/authority.md as naive set comprehensions, one sentence of the page after the other. Written from the page and
 * not from `src/authority`, with which it shares nothing but the shapes of facts; slow and plain on purpose. `decide` is held to it.
 */
import type { Ceiling, ContactFact, DomainFact, Facts, GrantFact, Question, Via } from '../../src/authority/facts.ts'
import { type ContactRole, type DenyReason, denyReasons, type StaffRole, topics } from '../../src/vocabulary.ts'

const day = 86_400_000

// ---- Actions

/** "Delegable: `ticket.create` `ticket.read` `ticket.reply` `ticket.close` `domain.read`." */
const delegable = ['ticket.create', 'ticket.read', 'ticket.reply', 'ticket.close', 'domain.read']

/** "Contacts only, never delegable, by no call and no import: …" */
const contactsAlone = ['account.read', 'account.update', 'contact.read', 'contact.manage', 'domain.manage', 'grant.read']
contactsAlone.push('grant.manage', 'submission.decide', 'support_code.create', 'request_code.manage', 'webhook.manage', 'audit.read')

const ofContacts = [...delegable, ...contactsAlone]
const ofTickets = ['ticket.create', 'ticket.read', 'ticket.reply', 'ticket.close']

/** "Staff: …" */
const ofStaff = ['staff.directory.read', 'staff.ticket.work', 'staff.ticket.open', 'staff.user.manage', 'staff.provision']
ofStaff.push('staff.submission.decide', 'staff.grant.end', 'staff.audit.read', 'staff.client.manage', 'staff.webhook.manage')
ofStaff.push('staff.settings.manage')

/** "Self: `self.read` and `self.manage`" */
const ofSelf = ['self.read', 'self.manage']

/**
 * "owner: every contact action · manager: all but `account.update` and making, changing or removing owners · technical: `ticket.*` on
 * non-confidential topics, `domain.read`, `contact.read`, `grant.read`, `support_code.create` · billing: `ticket.*` on billing topics,
 * `account.read`"
 */
const mayAsContact: Record<ContactRole, string[]> = {
  owner: ofContacts,
  manager: ofContacts.filter((action) => action !== 'account.update'),
  technical: [...ofTickets, 'domain.read', 'contact.read', 'grant.read', 'support_code.create'],
  billing: [...ofTickets, 'account.read'],
}

/** "support: `staff.directory.read`, `staff.ticket.work`, `staff.ticket.open`, `staff.submission.decide` · admin: all `staff.*`" */
const mayAsStaff: Record<StaffRole, string[]> = {
  support: ['staff.directory.read', 'staff.ticket.work', 'staff.ticket.open', 'staff.submission.decide'],
  admin: ofStaff,
}

/** "(owner > manager > technical, billing)" */
const above: Record<ContactRole, ContactRole[]> = {
  owner: [],
  manager: ['owner'],
  technical: ['owner', 'manager'],
  billing: ['owner', 'manager'],
}

/** "every ticket under a *confidential* topic"; one that nobody knows is taken for the most closed kind. */
export const isConfidential = (topic: string): boolean =>
  !Object.keys(topics).includes(topic) || topics[topic as keyof typeof topics].confidential
export const isBilling = (topic: string): boolean => Object.entries(topics).some(([key, { billing }]) => key === topic && billing)

// ---- The rule: permit ⇔ active(u) ∧ live(session) ∧ … ∧ ( contact ∨ grant ∨ staff ∨ client ∨ self )

/** All rows that justify what is asked; no row is no permit. */
export function permits(facts: Facts, question: Question, now: number): Via[] {
  if (!isActive(facts) || !isLiveSession(facts, now) || !isInScope(facts, question)) return []
  return [
    ...facts.contacts.filter((contact) => contactJustifies(contact, facts, question, now)).map(viaContact),
    ...facts.grants.filter((grant) => grantJustifies(grant, facts, question, now)).map(viaGrant),
    ...staffVia(facts, question),
    ...clientVia(facts, question),
    ...selfVia(facts, question),
  ].filter((via) => isUnderCeiling(facts, question, via))
}

const viaContact = (contact: ContactFact): Via => ({ capacity: 'contact', id: contact.id, contact })
const viaGrant = (grant: GrantFact): Via => ({ capacity: 'grant', id: grant.id, grant, expiresAt: grant.expiresAt })

/** "When several rows justify, `via` is: contact, grant without maxUses, grant with; then latest expiry, then id." */
export function isBetter(one: Via, other: Via): boolean {
  const kind = (via: Via) => (via.capacity !== 'grant' ? 0 : via.grant.maxUses === null ? 1 : 2)
  const end = (via: Via) => (via.capacity === 'grant' ? via.expiresAt : 0)
  if (kind(one) !== kind(other)) return kind(one) < kind(other)
  if (end(one) !== end(other)) return end(one) > end(other)
  return one.id < other.id
}

/** "active(u), or no user and a client's own token", and "no client ∨ active(client)" */
function isActive({ user, client, session }: Facts): boolean {
  const clientIsActive = client === null || client.status === 'active'
  return clientIsActive && (user === null ? client !== null && session?.kind === 'client' : user.status === 'active')
}
const isLiveSession = ({ session }: Facts, now: number): boolean => session !== null && session.endedAt === null && now < session.expiresAt

/** "no client ∨ … x ∈ scope(client)" */
const isInScope = ({ client }: Facts, { action }: Question): boolean => client === null || client.scopes.some((scope) => scope === action)

/**
 * "(a, d, x, via) ∈ ceiling(token) – d = none only if the ceiling names no domains". Who someone is himself is of no account. What only a
 * person's own sign-in carries – `self.manage` and everything of staff – no narrowed token carries.
 */
function isUnderCeiling({ ceiling }: Facts, question: Question, via: Via): boolean {
  if (ceiling === null) return true
  if (!isNamedBy(ceiling, question) || question.action === 'self.manage' || via.capacity === 'staff') return false
  return question.action === 'self.read' || ceiling.grant === undefined || (via.capacity === 'grant' && via.id === ceiling.grant)
}

function isNamedBy(ceiling: Ceiling, { action, account, domains }: Question): boolean {
  if (!ceiling.actions.includes(action)) return false
  if (action === 'self.read') return true
  const inside = domains.filter((domain) => domain !== null && ceiling.domains.includes(domain.id))
  const onDomain = ceiling.domains.length === 0 || (domains.length > 0 && inside.length === domains.length)
  return account === ceiling.account && onDomain
}

const isVerified = ({ user }: Facts): boolean => user?.verified === true

/** "staff … never a contact or grantee (the same human has two users)": rows that say otherwise are none. */
const contactsOf = (facts: Facts, account: string | null): ContactFact[] =>
  facts.contacts.filter(({ userId, accountId }) => facts.staff === null && userId === facts.user?.id && accountId === account)
const grantsOf = (facts: Facts, account: string | null): GrantFact[] =>
  facts.grants.filter(({ granteeUserId, accountId }) => facts.staff === null && granteeUserId === facts.user?.id && accountId === account)

const accountsCalled = (facts: Facts, account: string | null) => facts.accounts.filter(({ id }) => id === account)

/** An act on a ticket is for the account of the ticket. */
const isOfTicketsAccount = ({ ticket, account }: Question): boolean => ticket === null || ticket.accountId === account

/** "d is a's and not released" */
const isHeld = (domain: DomainFact | null, account: string | null): boolean =>
  domain !== null && domain.accountId === account && domain.releasedAt === null

// contact: "verified(u) ∧ state(a) allows x ∧ domainOk ∧ an active contact of u on a whose role, limit and topic allow x"

function contactJustifies(contact: ContactFact, facts: Facts, question: Question, now: number): boolean {
  return (
    isVerified(facts) &&
    contactsOf(facts, question.account).includes(contact) &&
    isOfTicketsAccount(question) &&
    stateAllows(contact, facts, question, now) &&
    question.domains.every((domain) => isHeld(domain, question.account) || isHistory(contact, domain, question)) &&
    roleAllows(contact, question) &&
    topicAllows(contact, question) &&
    limitAllows(contact, question)
  )
}

/**
 * "for read, reply, close of an existing ticket by an unlimited contact: d was a's when the ticket was opened": the ticket's own row of
 * this account says so, since a ticket gets no other domain than one that is held, and a domain row never changes account.
 */
function isHistory(contact: ContactFact, domain: DomainFact | null, { action, ticket, account }: Question): boolean {
  const touches = ['ticket.read', 'ticket.reply', 'ticket.close'].includes(action)
  return touches && ticket !== null && !contact.limited && domain !== null && domain.accountId === account && domain.id === ticket.domainId
}

function roleAllows(contact: ContactFact, { action, targets }: Question): boolean {
  // "holds `grant.manage`, `contact.manage`, `submission.decide` only after an owner's yes"
  const awaitsYes = !contact.confirmed && ['grant.manage', 'contact.manage', 'submission.decide'].includes(action)
  // "No one creates, changes or lifts more than he holds himself"
  const overreaches = action === 'contact.manage' && targets.some(({ role }) => above[contact.role].includes(role))
  return mayAsContact[contact.role].includes(action) && !awaitsYes && !overreaches
}

/** A ticket has a topic; one that is not stated cannot be judged. */
function topicAllows(contact: ContactFact, { action, topic }: Question): boolean {
  if (!ofTickets.includes(action)) return true
  if (topic === null) return false
  if (contact.role === 'technical') return !isConfidential(topic)
  if (contact.role === 'billing') return isBilling(topic)
  return true
}

/**
 * "A limited contact decides only inside the limit: no-domain tickets and account-level actions (`account.*`, `contact.*`,
 * `request_code.manage`, `webhook.manage`) are denied to him; `grant.*`, `submission.decide`, `support_code.create`, `audit.read`,
 * `domain.*` need their domains inside it."
 */
function limitAllows(contact: ContactFact, { action, domains }: Question): boolean {
  if (!contact.limited) return true
  const ofTheAccount = ['account.read', 'account.update', 'contact.read', 'contact.manage', 'request_code.manage', 'webhook.manage']
  const inside = domains.filter((domain) => isHeld(domain, contact.accountId) && contact.domains.includes(domain?.id as string))
  return !ofTheAccount.includes(action) && domains.length > 0 && inside.length === domains.length
}

/**
 * "an account without owner is `new` and permits nothing but provisioning"; "*Restricted*: contacts keep everything"; "*Closed*: owners
 * keep `account.read ticket.read audit.read` and `ticket.create` on billing and ownership topics for 90 days"
 */
function stateAllows(contact: ContactFact, facts: Facts, { account, action, topic }: Question, now: number): boolean {
  return accountsCalled(facts, account).some(({ state, accessUntil }) => {
    if (state === 'open' || state === 'restricted') return true
    if (state !== 'closed' || contact.role !== 'owner' || accessUntil === null || accessUntil <= now) return false
    if (action === 'ticket.create') return topic !== null && (isBilling(topic) || topic === 'ownership')
    return ['account.read', 'ticket.read', 'audit.read'].includes(action)
  })
}

// grant: "verified(u) ∧ state(a) = open ∧ domainOk ∧ d ≠ none ∧ ∃ g justifies"

function grantJustifies(grant: GrantFact, facts: Facts, question: Question, now: number): boolean {
  return (
    isVerified(facts) &&
    grantsOf(facts, question.account).includes(grant) &&
    isOfTicketsAccount(question) &&
    accountsCalled(facts, question.account).some(({ state }) => state === 'open') &&
    isLive(grant, now) &&
    covers(grant, question) &&
    grantsAction(grant, question) &&
    grantsTopic(grant, question) &&
    !isContactsOnly(question) &&
    !isSpent(grant, question) &&
    reachesTicket(grant, question)
  )
}

/**
 * "live(g,t) ⇔ g.status = active ∧ g.notBefore ≤ t < g.expiresAt ∧ the grantor is, at t, an active contact (active user) of g.account
 * holding grant.manage, every action and every unreleased domain of g". A contact needs verified(u), the grantor too: "A grant is never
 * worth more than its grantor".
 */
export function isLive(grant: GrantFact, now: number): boolean {
  return grant.status === 'active' && grant.notBefore <= now && now < grant.expiresAt && !grant.finished && grantorHoldsAll(grant)
}

/**
 * "A spent grant still serves read, reply and close of its tickets until it expires or they close (then `exhausted`)": at whichever comes
 * first it is exhausted, and with the sweeper stopped it is not less so (T5).
 */
function isExhausted(grant: GrantFact, now: number): boolean {
  const inForce = grant.status === 'active' || grant.status === 'suspended'
  const hasSpentAll = grant.maxUses !== null && !(grant.uses < grant.maxUses)
  return grant.status === 'exhausted' || (inForce && grant.finished) || (inForce && hasSpentAll && !(now < grant.expiresAt))
}

function grantorHoldsAll({ grantor, accountId, actions, domains }: GrantFact): boolean {
  if (grantor === null || grantor.accountId !== accountId || grantor.userStatus !== 'active' || !grantor.userVerified) return false
  // "When a user was suspended as compromised, what he granted since a stated instant stays suspended until an owner adopts it."
  if (grantor.compromised) return false
  const holds = (action: string) => mayAsContact[grantor.role].includes(action) && (grantor.confirmed || !needsYes.includes(action))
  const domainsHeld = domains.filter((domain) => !grantor.limited || grantor.domains.includes(domain))
  return holds('grant.manage') && actions.every(holds) && domainsHeld.length === domains.length
}
const needsYes = ['grant.manage', 'contact.manage', 'submission.decide']

/** "d ≠ none", "d ∈ g.domains", and domainOk's first line: with several, each of them. */
const covers = (grant: GrantFact, { domains }: Question): boolean =>
  domains.length > 0 && domains.every((domain) => isHeld(domain, grant.accountId) && grant.domains.includes(domain?.id as string))

/** "x ∈ g.actions", and never one that is not delegable, "by no call and no import" */
const grantsAction = (grant: GrantFact, { action }: Question): boolean => delegable.includes(action) && grant.actions.includes(action)

/** "topic not confidential ∧ (g.topics = all ∨ topic ∈ g.topics)": of what has a topic, which every ticket has. */
function grantsTopic(grant: GrantFact, { action, topic }: Question): boolean {
  if (topic === null) return !ofTickets.includes(action)
  return !isConfidential(topic) && (grant.topics === null || grant.topics.includes(topic))
}

/** "¬ticket.contactsOnly" */
const isContactsOnly = ({ contactsOnly, ticket }: Question): boolean => contactsOnly || ticket?.contactsOnly === true

/** "x ≠ ticket.create ∨ g.maxUses = none ∨ g.uses < g.maxUses" */
const isSpent = (grant: GrantFact, { action }: Question): boolean =>
  !(action !== 'ticket.create' || grant.maxUses === null || grant.uses < grant.maxUses)

/**
 * "x ∈ {ticket.create, domain.read} ∨ the ticket was opened under g or a grant that g supersedes, directly or through a chain ∨
 * (g.reach = domain ∧ the ticket was opened after g.notBefore)"
 */
function reachesTicket(grant: GrantFact, { action, ticket }: Question): boolean {
  if (action === 'ticket.create' || action === 'domain.read') return true
  if (ticket === null) return false
  const under = [grant.id, ...grant.lineage].some((id) => id === ticket.grantId)
  return under || (grant.reach === 'domain' && ticket.createdAt > grant.notBefore)
}

/** staff: "u has an active staff role holding the route's staffAction, in a personal session; domain, topic and account state do not limit" */
function staffVia({ staff, session }: Facts, { action }: Question): Via[] {
  if (staff === null || session?.kind !== 'person' || !mayAsStaff[staff.role].includes(action)) return []
  return [{ capacity: 'staff', id: staff.id, staff }]
}

/** self: "x ∈ self.*"; "`self.manage` needs a personal sign-in; no panel assertion, exchanged token … ever carries it" */
function selfVia({ user, session }: Facts, { action }: Question): Via[] {
  if (user === null || !ofSelf.includes(action) || (action === 'self.manage' && session?.kind !== 'person')) return []
  return [{ capacity: 'self', id: user.id }]
}

/** client: "no user; x = staff.provision and a is of the client's realm, or is being created in it" */
function clientVia({ user, client, accounts }: Facts, { action, account }: Question): Via[] {
  const ofRealm = account === null || accounts.some(({ id, realm }) => id === account && realm === client?.realm)
  return user === null && client !== null && action === 'staff.provision' && ofRealm ? [{ capacity: 'client', id: client.id, client }] : []
}

// ---- Ties and reasons

/**
 * "an active contact; or a grant that is or was active, until 90 days after its end. Requests, invitations … make none". "Staff have a tie
 * to every account, a client to its realm's": the client that speaks for itself.
 */
export function tied(facts: Facts, account: string, now: number): boolean {
  const { staff, user, client, accounts } = facts
  const ofRealm = user === null && client !== null && accounts.some(({ id, realm }) => id === account && realm === client.realm)
  return staff !== null || ofRealm || contactsOf(facts, account).length > 0 || tieGrants(facts, account, now).length > 0
}

const tieGrants = (facts: Facts, account: string | null, now: number): GrantFact[] =>
  grantsOf(facts, account).filter(({ approvedAt, endedAt, expiresAt }) => {
    const end = endedAt === null ? expiresAt : Math.min(endedAt, expiresAt)
    return approvedAt !== null && now < end + 90 * day
  })

/** Every reason that is true of a deny, in the list's order. A reason is true when a clause that the caller needed failed as it says. */
export function trueReasons(facts: Facts, question: Question, now: number): DenyReason[] {
  const { action, topic, domains } = question
  const account = accountsCalled(facts, question.account).length === 0 ? null : question.account
  const contacts = account === null ? [] : contactsOf(facts, account)
  const grants = account === null ? [] : tieGrants(facts, account, now)
  const onlyGrantee = contacts.length === 0 && grants.length > 0
  const isStaff = facts.staff !== null
  const isOpen = accountsCalled(facts, account).some(({ state }) => state === 'open')
  // "Grant reasons speak only of the caller's own grants on an account and domain."
  const own = grants.filter((grant) => covers(grant, question))
  const live = own.filter((grant) => isLive(grant, now))
  const onTopic = live.filter((grant) => grantsTopic(grant, question))
  const able = onTopic.filter((grant) => grantsAction(grant, question))
  const inTime = (grant: GrantFact) => grant.notBefore <= now && now < grant.expiresAt
  const rightRole = contacts.filter((contact) => roleAllows(contact, question) && topicAllows(contact, question))
  const confidential = topic !== null && isConfidential(topic)

  const truth: Record<DenyReason, boolean> = {
    principal_inactive: !isActive(facts) || !isLiveSession(facts, now),
    unverified_principal: facts.user !== null && !isVerified(facts) && !isStaff && ofContacts.includes(action),
    client_not_allowed: !isInScope(facts, question),
    // The token says less than the question, or than the row that would justify it, or is not what only a person's own sign-in is.
    token_ceiling:
      (facts.ceiling !== null && !isNamedBy(facts.ceiling, question)) ||
      (facts.ceiling !== null && permits({ ...facts, ceiling: null }, question, now).length > 0) ||
      (facts.session?.kind !== 'person' && (action === 'self.manage' || (isStaff && ofStaff.includes(action)))),
    // None of his rows is worth anything in this state of the account.
    account_state:
      contacts.length + grants.length > 0 &&
      ofContacts.includes(action) &&
      !contacts.some((contact) => stateAllows(contact, facts, question, now)) &&
      !(grants.length > 0 && isOpen),
    // That a technical contact does not speak about confidential topics is a reason of its own.
    action_not_in_role: isStaff
      ? !ofSelf.includes(action) && !mayAsStaff[facts.staff?.role as StaffRole].includes(action)
      : ofStaff.includes(action) ||
        (ofSelf.includes(action) && facts.user === null) ||
        (contacts.length > 0 &&
          !contacts.some(
            (contact) => roleAllows(contact, question) && (contact.role !== 'billing' || topic === null || topicAllows(contact, question)),
          )),
    // "to a limited contact `domain_not_in_role`"
    domain_not_in_role: rightRole.length > 0 && !rightRole.some((contact) => limitAllows(contact, question)),
    topic_confidential: confidential && contacts.length + grants.length > 0 && rightRole.length === 0,
    contacts_only: isContactsOnly(question) && onlyGrantee,
    action_not_delegable: onlyGrantee && !delegable.includes(action),
    grant_exhausted: own.some((grant) => isExhausted(grant, now)) || live.some((grant) => isSpent(grant, question)),
    // By its own causes, or because its grantor does not hold it now; when its time is over, that is what it is.
    grant_suspended: own.some(
      (grant) =>
        (grant.status === 'suspended' && now < grant.expiresAt) || (grant.status === 'active' && inTime(grant) && !grantorHoldsAll(grant)),
    ),
    grant_not_yet_valid: own.some((grant) => grant.status === 'active' && now < grant.notBefore),
    grant_expired: own.some(
      ({ status, expiresAt }) => status === 'expired' || (['active', 'suspended'].includes(status) && expiresAt <= now),
    ),
    grant_revoked: own.some(({ status }) => status === 'revoked' || status === 'resigned'),
    topic_not_in_grant: live.length > 0 && onTopic.length === 0,
    action_not_in_grant: onTopic.length > 0 && able.length === 0,
    ticket_not_in_reach: able.length > 0 && !able.some((grant) => isOfTicketsAccount(question) && reachesTicket(grant, question)),
    // "To a grantee every domain outside his grants is `domain_not_in_grant`, held by the account or not"
    domain_not_in_grant: onlyGrantee && own.length === 0,
    // "`domain_not_in_account` is for unlimited contacts"
    domain_not_in_account: contacts.some(({ limited }) => !limited) && domains.some((domain) => !isHeld(domain, account)),
    no_active_grant: live.length === 0,
  }
  return denyReasons.filter((reason) => truth[reason])
}
