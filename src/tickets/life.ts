/**
 * The life of a ticket: one table, the same for every door.
 */
import { Problem } from '../problem.ts'
import type { TicketStatus } from '../vocabulary.ts'

/** Where a ticket may go from where it is. `closed` is final; later words on it are a new ticket. */
export const transitions: Record<TicketStatus, readonly TicketStatus[]> = {
  new: ['open', 'waiting_on_customer', 'on_hold', 'resolved'],
  open: ['waiting_on_customer', 'on_hold', 'resolved'],
  waiting_on_customer: ['open', 'on_hold', 'resolved'],
  on_hold: ['open', 'waiting_on_customer', 'resolved'],
  resolved: ['open', 'closed'],
  closed: [],
}

/** Refuses a step the table does not allow, and says which it does. Staying where it is is no step. */
export function demandTransition(from: TicketStatus, to: TicketStatus): void {
  if (from === to || transitions[from].includes(to)) return
  throw invalidTransition(from, to, transitions[from])
}

export function invalidTransition(from: TicketStatus, to: TicketStatus, allowed: readonly TicketStatus[], detail?: string): Problem {
  const said =
    detail ?? (allowed.length === 0 ? `A ${from} ticket is final; open a new one` : `A ${from} ticket can become ${allowed.join(', ')}`)
  return new Problem('invalid_transition', { detail: said, members: { from, to, allowed } })
}

/** A resolved ticket is reopened for `reopenDays`; later it is final. `now` and `resolvedAt` in epoch ms. */
export function demandReopenable(ticket: { status: TicketStatus; resolvedAt: number | null }, reopenDays: number, now: number): void {
  if (ticket.status !== 'resolved') throw invalidTransition(ticket.status, 'open', transitions[ticket.status])
  if (ticket.resolvedAt !== null && now < ticket.resolvedAt + reopenDays * 86_400_000) return
  throw invalidTransition(
    'resolved',
    'open',
    [],
    `It was closed more than ${reopenDays} days ago; open a new ticket and name this one in it`,
  )
}

/** Where a reply leaves the ticket: the customer's brings it back to staff, staff's asks the customer unless they say otherwise. */
export function statusAfterReply(status: TicketStatus, byStaff: boolean, wanted: TicketStatus | undefined): TicketStatus {
  if (status === 'closed') throw invalidTransition('closed', wanted ?? 'open', [])
  if (byStaff) {
    const to = wanted ?? 'waiting_on_customer'
    if (status === 'resolved' && wanted === undefined) return status
    demandTransition(status, to)
    return to
  }
  return status === 'waiting_on_customer' || status === 'resolved' ? 'open' : status
}
