import type { Audience } from '../vocabulary.ts'

/**
 * Every kind of event and who may ever see it. `account`: the customer's own audit view shows it; `staff`: only the provider's.
 * A kind that is not here cannot be written.
 */
export const eventKinds = {
  'service.bootstrapped': 'staff',
  'user.created': 'staff',
  'user.suspended': 'staff',
  'user.restored': 'staff',
  'address.proven': 'staff',
  'session.started': 'staff',
  'session.stepped_up': 'staff',
  'session.ended': 'staff',
  'staff.invited': 'staff',
  'staff.given': 'staff',
  'staff.ended': 'staff',
  'account.created': 'account',
  'account.updated': 'account',
  'account.opened': 'account',
  'domain.added': 'account',
  'domain.released': 'account',
  'contact.invited': 'account',
  'contact.accepted': 'account',
  'contact.confirmed': 'account',
  'contact.updated': 'account',
  'contact.ended': 'account',
  'grant.invited': 'account',
  'grant.accepted': 'account',
  'grant.revoked': 'account',
  'grant.suspended': 'account',
  'grant.cancelled': 'account',
  'ticket.created': 'account',
  'ticket.replied': 'account',
  'ticket.noted': 'staff',
  'ticket.closed': 'account',
  'ticket.reopened': 'account',
  'access.refused': 'account',
} as const satisfies Record<string, Audience>

export type EventKind = keyof typeof eventKinds
