/**
 * The closed word lists of the product. Tables, schemas and rules all take their words from here, so a word exists once.
 */

/** What a grant may carry. Nothing outside this list can ever be delegated (docs/authority.md, Actions). */
export const delegableActions = ['ticket.create', 'ticket.read', 'ticket.reply', 'ticket.close', 'domain.read'] as const

/** What only a contact of the account may do. */
export const contactOnlyActions = [
  'account.read',
  'account.update',
  'contact.read',
  'contact.manage',
  'domain.manage',
  'grant.read',
  'grant.manage',
  'submission.decide',
  'support_code.create',
  'request_code.manage',
  'webhook.manage',
  'audit.read',
] as const

/** What only staff of the provider may do. */
export const staffActions = [
  'staff.directory.read',
  'staff.ticket.work',
  'staff.ticket.open',
  'staff.user.manage',
  'staff.provision',
  'staff.submission.decide',
  'staff.grant.end',
  'staff.audit.read',
  'staff.client.manage',
  'staff.webhook.manage',
  'staff.settings.manage',
] as const

/** What every person may do about himself. */
export const selfActions = ['self.read', 'self.manage'] as const

export const accountActions = [...delegableActions, ...contactOnlyActions] as const
export const actions = [...accountActions, ...staffActions, ...selfActions] as const

export type DelegableAction = (typeof delegableActions)[number]
export type AccountAction = (typeof accountActions)[number]
export type StaffAction = (typeof staffActions)[number]
export type SelfAction = (typeof selfActions)[number]
export type Action = (typeof actions)[number]

export const contactRoles = ['owner', 'manager', 'technical', 'billing'] as const
export type ContactRole = (typeof contactRoles)[number]

export const staffRoles = ['support', 'admin'] as const
export type StaffRole = (typeof staffRoles)[number]

export const userStatuses = ['active', 'suspended'] as const
export type UserStatus = (typeof userStatuses)[number]

export const accountStates = ['new', 'open', 'restricted', 'closed'] as const
export type AccountState = (typeof accountStates)[number]

/** `awaiting_owner`: accepted, added by staff; it holds the powers over others only after an owner's yes (see `confirmedAt`). */
export const contactStatuses = ['invited', 'active', 'ended'] as const
export type ContactStatus = (typeof contactStatuses)[number]

export const grantStatuses = [
  'requested',
  'invited',
  'active',
  'suspended',
  'declined',
  'cancelled',
  'lapsed',
  'revoked',
  'resigned',
  'expired',
  'exhausted',
  'superseded',
] as const
export type GrantStatus = (typeof grantStatuses)[number]

/** What a developer sees of what he asked for. `ended`: no, no answer, a wrong code, an unknown account and a foreign domain look alike. */
export const grantRequestStatuses = ['waiting', 'approved', 'cancelled', 'ended'] as const
export type GrantRequestStatus = (typeof grantRequestStatuses)[number]

/** States a grant never leaves. */
export const terminalGrantStatuses = [
  'declined',
  'cancelled',
  'lapsed',
  'revoked',
  'resigned',
  'expired',
  'exhausted',
  'superseded',
] as const satisfies readonly GrantStatus[]

export const suspensionCauses = ['grantor_lost_authority', 'account', 'staff', 'no_domain'] as const
export type SuspensionCause = (typeof suspensionCauses)[number]

/** `own`: the tickets opened under the grant (or one it supersedes). `domain`: every ticket of its domains opened after it began. */
export const reaches = ['own', 'domain'] as const
export type Reach = (typeof reaches)[number]

/** In which role the actor acted; stored on everything written, with the id of the row that justified it. */
export const capacities = ['contact', 'grant', 'staff', 'client', 'self'] as const
export type Capacity = (typeof capacities)[number]

export const sessionKinds = ['person', 'panel', 'client'] as const
export type SessionKind = (typeof sessionKinds)[number]

export const verificationMethods = [
  'password',
  'password+totp',
  'passkey',
  'panel',
  'email:strong',
  'email:proven',
  'support_code',
  'token',
] as const
export type VerificationMethod = (typeof verificationMethods)[number]

/**
 * How much a verification is worth, after NIST SP 800-63B. `client`: a service proved itself, and no person did. `asserted`: a panel says
 * who it is, and nothing more is taken from it. `mailbox`: he reads mail at an address, which is no authenticator. `one_factor`: something
 * he knows or has. `two_factors`: something he has, and something he knows or is.
 */
export const verificationLevels = ['client', 'asserted', 'mailbox', 'one_factor', 'two_factors'] as const
export type VerificationLevel = (typeof verificationLevels)[number]

/** What each method is worth by itself; of a `panel` or a client's own `token` it may be another, and is said where that is known. */
export const levelOfMethod: Record<VerificationMethod, VerificationLevel> = {
  password: 'one_factor',
  'password+totp': 'two_factors',
  passkey: 'two_factors',
  panel: 'asserted',
  'email:strong': 'mailbox',
  'email:proven': 'mailbox',
  support_code: 'one_factor',
  token: 'one_factor',
}

export const ticketStatuses = ['new', 'open', 'waiting_on_customer', 'on_hold', 'resolved', 'closed'] as const
export type TicketStatus = (typeof ticketStatuses)[number]

/** Where a ticket may go from where it is, by whatever door. `closed` is final; later words on it are a new ticket. */
export const ticketTransitions: Readonly<Record<TicketStatus, readonly TicketStatus[]>> = {
  new: ['open', 'waiting_on_customer', 'on_hold', 'resolved'],
  open: ['waiting_on_customer', 'on_hold', 'resolved'],
  waiting_on_customer: ['open', 'on_hold', 'resolved'],
  on_hold: ['open', 'waiting_on_customer', 'resolved'],
  resolved: ['open', 'closed'],
  closed: [],
}

export const priorities = ['low', 'normal', 'high', 'urgent'] as const
export type Priority = (typeof priorities)[number]

/** `live`: a person with authority; `staff`: opened by an agent in the provider's own name; `import`: brought along from elsewhere. */
export const ticketOrigins = ['live', 'staff', 'import'] as const
export type TicketOrigin = (typeof ticketOrigins)[number]

export const channels = ['panel', 'api', 'email', 'phone'] as const
export type Channel = (typeof channels)[number]

/**
 * What became of a submission. `unanswered` and `account_closed` are said by nobody; the submitter is never told more than accepted or
 * ended.
 */
export const submissionVerdicts = ['approved', 'released', 'declined', 'unanswered', 'account_closed'] as const
export type SubmissionVerdict = (typeof submissionVerdicts)[number]

export const messageKinds = ['reply', 'note'] as const
export type MessageKind = (typeof messageKinds)[number]

/** Who may ever see an event: the account's own view shows only `account`. */
export const audiences = ['account', 'staff'] as const
export type Audience = (typeof audiences)[number]

/**
 * The shipped topics and what authority asks of them: a confidential topic is never a grantee's, a billing topic is all a billing contact
 * may speak about, and about those of `whenClosed` the owners of a closed account still write. What evidence each asks for is in `evidence/topics.ts`.
 */
export const topics = {
  'email-delivery': { confidential: false, billing: false, whenClosed: false },
  website: { confidential: false, billing: false, whenClosed: false },
  billing: { confidential: true, billing: true, whenClosed: true },
  ownership: { confidential: true, billing: false, whenClosed: true },
  other: { confidential: false, billing: false, whenClosed: false },
} as const satisfies Record<string, { confidential: boolean; billing: boolean; whenClosed: boolean }>
export type TopicKey = keyof typeof topics
export const topicKeys = Object.keys(topics) as TopicKey[]

/**
 * Why a decision is a deny. Closed and ordered: each must be true when given, and the first true one is given.
 */
export const denyReasons = [
  'principal_inactive',
  'unverified_principal',
  'client_not_allowed',
  'token_ceiling',
  'account_state',
  'action_not_in_role',
  'domain_not_in_role',
  'topic_confidential',
  'contacts_only',
  'action_not_delegable',
  'grant_exhausted',
  'grant_suspended',
  'grant_not_yet_valid',
  'grant_expired',
  'grant_revoked',
  'topic_not_in_grant',
  'action_not_in_grant',
  'ticket_not_in_reach',
  'domain_not_in_grant',
  'domain_not_in_account',
  'no_active_grant',
] as const
export type DenyReason = (typeof denyReasons)[number]

export const clientStatuses = ['active', 'disabled'] as const
export type ClientStatus = (typeof clientStatuses)[number]

/** What a client may be registered for. Its user's authority is never more than this, and the client adds none of its own but provisioning. */
export const clientScopes = [...accountActions, 'self.read', 'staff.provision'] as const
export type ClientScope = (typeof clientScopes)[number]

export const factorKinds = ['totp', 'passkey'] as const
export type FactorKind = (typeof factorKinds)[number]

/** `pending` also while staff look at it: whether a name is held by somebody else is nothing a claim tells. */
export const claimStatuses = ['pending', 'accepted', 'refused', 'withdrawn', 'lapsed'] as const
export type ClaimStatus = (typeof claimStatuses)[number]

/** Purposes of single-use mailed tokens. */
export const tokenPurposes = [
  'bootstrap',
  'address_proof',
  'address_addition',
  'password_reset',
  'contact_invitation',
  'grant_invitation',
  'staff_invitation',
] as const
export type TokenPurpose = (typeof tokenPurposes)[number]
