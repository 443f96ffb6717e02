/**
 * The facts a decision reads, and the question it answers. Plain values, instants as epoch milliseconds, no I/O: what loads them is
 * `load.ts`, what judges them is `decide.ts`.
 */
import type {
  AccountState,
  Action,
  Capacity,
  ClientStatus,
  ContactRole,
  DenyReason,
  GrantStatus,
  Reach,
  SessionKind,
  StaffRole,
  UserStatus,
  VerificationLevel,
  VerificationMethod,
} from '../vocabulary.ts'

export type SessionFact = {
  id: string
  kind: SessionKind
  method: VerificationMethod
  level: VerificationLevel
  authenticatedAt: number
  expiresAt: number
  endedAt: number | null
}

/** `verified`: an address was proven to us, or the client of his realm asserts him. `revision` is what a guarded write compares. */
export type UserFact = {
  id: string
  name: string
  status: UserStatus
  verified: boolean
  /** Whether he has one that counts: then a fresh sign-in is one in which it was shown. */
  secondFactor?: boolean
  revision: number
}

export type StaffFact = { id: string; role: StaffRole }

/** The service a request came through, or came from. It takes away what it is not registered for and adds nothing to its user's. */
export type ClientFact = {
  id: string
  status: ClientStatus
  scopes: readonly string[]
  realm: string
  mayStepUp: boolean
  revision: number
}

/**
 * What a narrowed token is good for at most (RFC 9396, type `helpdesk_authority`): a ceiling over what its user may, never a right.
 * No domains named: no limit to domains. `grant`: only what this grant justifies.
 */
export type Ceiling = { account: string; domains: readonly string[]; actions: readonly string[]; grant?: string }

/** `realm`: whose client provisioned it; null when staff did. */
export type AccountFact = {
  realm: string | null
  id: string
  number: string
  name: string
  state: AccountState
  /** Of a closed one: until when its owners keep what closing leaves them. Epoch ms. */
  accessUntil: number | null
  revision: number
  version: number
}

export type DomainFact = { id: string; accountId: string; name: string; releasedAt: number | null }

/** An active contact. `domains` are the unreleased domains of its limit and mean nothing when it is not `limited`. */
export type ContactFact = {
  id: string
  accountId: string
  userId: string
  role: ContactRole
  limited: boolean
  domains: readonly string[]
  confirmed: boolean
}

/** The contact who stands for a grant, as it is now; null when that contact is no longer active. */
export type GrantorFact = ContactFact & {
  userStatus: UserStatus
  userVerified: boolean
  userRevision: number
  /** Somebody else had this user in his hands when the grant was given. */
  compromised: boolean
}

/** A grant given to the caller; `domains` are the unreleased ones. `finished`: its uses are spent and every ticket of it is closed. */
export type GrantFact = {
  id: string
  accountId: string
  granteeUserId: string
  status: GrantStatus
  actions: readonly string[]
  topics: readonly string[] | null
  domains: readonly string[]
  reach: Reach
  maxUses: number | null
  uses: number
  finished: boolean
  notBefore: number
  expiresAt: number
  endedAt: number | null
  approvedAt: number | null
  lineage: readonly string[]
  grantor: GrantorFact | null
}

/** What of a ticket decides who may touch it; `grantId` is the grant it was opened under. */
export type TicketFact = {
  id: string
  accountId: string
  domainId: string | null
  topic: string
  contactsOnly: boolean
  grantId: string | null
  createdAt: number
  revision: number
}

export type Facts = {
  now: number
  session: SessionFact | null
  user: UserFact | null
  staff: StaffFact | null
  client: ClientFact | null
  ceiling: Ceiling | null
  /** Every account the caller has a row on, or the one asked about; an account without a row of the caller is here too when asked. */
  accounts: readonly AccountFact[]
  contacts: readonly ContactFact[]
  grants: readonly GrantFact[]
}

/** What a contact is to become, for `contact.manage`: nobody makes, changes or removes one who holds more than he does himself. */
export type ContactTarget = { role: ContactRole }

export type Question = {
  action: Action
  /** Null: not about an account. */
  account: string | null
  /** The domains it is about; null stands for a stated name that is no domain of the account; empty for none. */
  domains: readonly (DomainFact | null)[]
  topic: string | null
  contactsOnly: boolean
  /** The existing ticket it is about; null for a new one and for everything else. */
  ticket: TicketFact | null
  targets: readonly ContactTarget[]
}

/** The row that justifies a permit. `expiresAt` is when it stops to do so by itself, in epoch ms. */
export type Via =
  | { capacity: 'contact'; id: string; contact: ContactFact }
  | { capacity: 'grant'; id: string; grant: GrantFact; expiresAt: number }
  | { capacity: 'staff'; id: string; staff: StaffFact }
  | { capacity: 'client'; id: string; client: ClientFact }
  | { capacity: 'self'; id: string }

export type Decision = { permit: true; via: Via } | { permit: false; reason: DenyReason }

export type { Action, Capacity }

/** A question about the account as such; the usual start for the others. */
export function question(action: Action, account: string | null, rest: Partial<Omit<Question, 'action' | 'account'>> = {}): Question {
  return { action, account, domains: [], topic: null, contactsOnly: false, ticket: null, targets: [], ...rest }
}

/** A question about an existing ticket and the domain it hangs on. */
export function questionAboutTicket(action: Action, ticket: TicketFact, domain: DomainFact | null): Question {
  const domains = ticket.domainId === null ? [] : [domain]
  return question(action, ticket.accountId, { domains, topic: ticket.topic, contactsOnly: ticket.contactsOnly, ticket })
}
