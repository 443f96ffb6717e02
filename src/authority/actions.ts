/**
 * Which role holds which action: the tables of docs/authority.md, and the only place that knows them.
 */
import {
  type AccountAction,
  type AccountState,
  type Action,
  accountActions,
  type ContactRole,
  contactOnlyActions,
  delegableActions,
  type StaffAction,
  type StaffRole,
  selfActions,
  staffActions,
  topics,
} from '../vocabulary.ts'

const ticketActions = ['ticket.create', 'ticket.read', 'ticket.reply', 'ticket.close'] as const

const byContactRole: Record<ContactRole, ReadonlySet<string>> = {
  owner: new Set(accountActions),
  manager: new Set(accountActions.filter((action) => action !== 'account.update')),
  technical: new Set([...ticketActions, 'domain.read', 'contact.read', 'grant.read', 'support_code.create']),
  billing: new Set([...ticketActions, 'account.read']),
}

const byStaffRole: Record<StaffRole, ReadonlySet<string>> = {
  support: new Set(['staff.directory.read', 'staff.ticket.work', 'staff.ticket.open', 'staff.submission.decide']),
  admin: new Set(staffActions),
}

/** Powers over others: a contact added by staff holds them only after an owner's yes. */
const neededConfirmation = new Set<string>(['grant.manage', 'contact.manage', 'submission.decide'])

/** About the account as a whole, so nothing for one whose authority is limited to some of its domains. */
const accountWide = new Set<string>([
  'account.read',
  'account.update',
  'contact.read',
  'contact.manage',
  'request_code.manage',
  'webhook.manage',
])

const rank: Record<ContactRole, number> = { owner: 3, manager: 2, technical: 1, billing: 1 }

const delegable = new Set<string>(delegableActions)
const ofAccounts = new Set<string>([...delegableActions, ...contactOnlyActions])
const ofStaff = new Set<string>(staffActions)
const ofSelf = new Set<string>(selfActions)
const onTickets = new Set<string>(ticketActions)

export const isDelegable = (action: string): boolean => delegable.has(action)
export const isAccountAction = (action: string): action is AccountAction => ofAccounts.has(action)
export const isStaffAction = (action: string): action is StaffAction => ofStaff.has(action)
export const isSelfAction = (action: string): boolean => ofSelf.has(action)
export const isTicketAction = (action: string): boolean => onTickets.has(action)
export const isAccountWide = (action: string): boolean => accountWide.has(action)

/** Whether a contact's role holds the action at all, before topic and domain. */
export function roleHolds(contact: { role: ContactRole; confirmed: boolean }, action: Action): boolean {
  return byContactRole[contact.role].has(action) && (contact.confirmed === true || !neededConfirmation.has(action))
}

export function staffHolds(role: StaffRole, action: Action): boolean {
  return byStaffRole[role].has(action)
}

/** Whether one role may make, change or remove a contact of another: never one who holds more than he does himself. */
export function roleCovers(role: ContactRole, target: ContactRole): boolean {
  return rank[role] >= rank[target]
}

type TopicClass = { confidential: boolean; billing: boolean; whenClosed: boolean }

/** An unknown topic is the most closed kind: confidential, and not billing. */
export function topicClass(topic: string): TopicClass {
  return Object.hasOwn(topics, topic) ? topics[topic as keyof typeof topics] : { confidential: true, billing: false, whenClosed: false }
}

/** Of a ticket's topic: a billing contact speaks about billing, a technical one about all that is not confidential. */
export function roleSpeaksAbout(role: ContactRole, topic: string): boolean {
  if (role === 'billing') return topicClass(topic).billing
  if (role === 'technical') return !topicClass(topic).confidential
  return true
}

/** Every topic a role may speak about, for lists. */
export function topicsOfRole(role: ContactRole): 'all' | string[] {
  if (role === 'owner' || role === 'manager') return 'all'
  return Object.keys(topics).filter((topic) => roleSpeaksAbout(role, topic))
}

/** Every topic a grant may speak about, for lists. */
export function topicsOfGrant(granted: readonly string[] | null): string[] {
  return Object.keys(topics).filter((topic) => !topicClass(topic).confidential && (granted === null || granted.includes(topic)))
}

const afterClosing = new Set<string>(['account.read', 'ticket.read', 'audit.read'])

/**
 * What the life of an account leaves to its contacts: a new one nothing, an open or restricted one everything, a closed one its
 * history and tickets about bills and ownership to the owners until `accessUntil`.
 */
export function stateAllows(
  account: { state: AccountState; accessUntil: number | null },
  role: ContactRole,
  action: Action,
  topic: string | null,
  now: number,
): boolean {
  if (account.state === 'open' || account.state === 'restricted') return true
  if (account.state !== 'closed' || role !== 'owner' || typeof account.accessUntil !== 'number') return false
  if (!(now < account.accessUntil)) return false
  return afterClosing.has(action) || (action === 'ticket.create' && topic !== null && topicClass(topic).whenClosed)
}
