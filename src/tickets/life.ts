/**
 * The life of a ticket: one table, the same for every door.
 */
import { Problem } from '../problem.ts'
import { type TicketStatus, ticketTransitions as transitions } from '../vocabulary.ts'

/** Refuses a step the table does not allow, and says which it does. */
export function demandTransition(from: TicketStatus, to: TicketStatus): void {
  if (transitions[from].includes(to)) return
  throw invalidTransition(from, to, transitions[from])
}

export function invalidTransition(from: TicketStatus, to: TicketStatus, allowed: readonly TicketStatus[], detail?: string): Problem {
  const said =
    detail ?? (allowed.length === 0 ? 'The ticket is closed for good; open a new one' : `From ${from} it can become ${allowed.join(', ')}`)
  return new Problem('invalid_transition', { detail: said, members: { from, to, allowed } })
}

/** What of a ticket its life hangs on; `resolvedAt` in epoch ms. */
export type Lived = { status: TicketStatus; resolvedAt: number | null }

/** A resolved ticket is reopened for `reopenDays`, by whatever door; later it is final. `now` in epoch ms. */
export function demandReopenable(ticket: Lived, reopenDays: number, now: number): void {
  const { status } = ticket
  const notYet = status === 'closed' ? undefined : `Only a resolved ticket is reopened, and this one is ${status}`
  if (status !== 'resolved') throw invalidTransition(status, 'open', transitions[status], notYet)
  if (ticket.resolvedAt !== null && now < ticket.resolvedAt + reopenDays * 86_400_000) return
  throw invalidTransition(
    'resolved',
    'open',
    [],
    `It was closed more than ${reopenDays} days ago; open a new ticket and name this one in it`,
  )
}

/**
 * Where a reply leaves the ticket: where staff say, otherwise the customer's brings it back to staff and staff's asks the customer.
 * `now` in epoch ms.
 */
export function statusAfterReply(
  ticket: Lived,
  byStaff: boolean,
  wanted: TicketStatus | undefined,
  reopenDays: number,
  now: number,
): TicketStatus {
  const { status } = ticket
  if (status === 'closed') throw invalidTransition('closed', wanted ?? 'open', [])
  const to = wanted ?? usually(status, byStaff)
  if (to === status) return to
  demandTransition(status, to)
  if (status === 'resolved') demandReopenable(ticket, reopenDays, now)
  return to
}

function usually(status: TicketStatus, byStaff: boolean): TicketStatus {
  if (byStaff) return status === 'resolved' ? status : 'waiting_on_customer'
  return status === 'waiting_on_customer' || status === 'resolved' ? 'open' : status
}
