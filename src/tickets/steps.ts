/** Steps of a ticket's life that people take: closing and reopening. */
import type { Context } from '../authority/context.ts'
import type { TicketRow } from '../authority/load.ts'
import type { Answer } from '../database/idempotency.ts'
import { etagOf } from '../http/preconditions.ts'
import type { Standing } from '../http/types.ts'
import type { EventKind } from '../journal/kinds.ts'
import type { TicketStatus } from '../vocabulary.ts'
import { act } from './act.ts'
import { demandReopenable, demandTransition } from './life.ts'
import { madeOf } from './rows.ts'
import { ticketShown } from './store.ts'

/** Closes a ticket for both sides; it can be reopened for a time, then it is final. */
export function closeTicket(context: Context, standing: Standing): Promise<Answer> {
  return step(context, standing, 'ticket.closed', (ticket) => {
    demandTransition(ticket.status, 'resolved')
    return 'resolved'
  })
}

/** Reopens a closed ticket within the configured days. `now` is the decision's instant. */
export function reopenTicket(context: Context, standing: Standing): Promise<Answer> {
  return step(context, standing, 'ticket.reopened', (ticket, now) => {
    demandReopenable(ticket, context.config.reopenDays, now)
    return 'open'
  })
}

/** A step of the ticket's life, answered with the ticket as it is then. */
function step(
  context: Context,
  standing: Standing,
  event: EventKind,
  to: (ticket: TicketRow, now: number) => TicketStatus,
): Promise<Answer> {
  return act(context, standing, (authority, loaded, ticket) => {
    const status = to(ticket, authority.at)
    const before = ticketShown(loaded, authority.capacity === 'staff')
    const version = ticket.version + 1
    const resolvedAt = status === 'resolved' ? new Date(authority.at).toISOString() : null
    return {
      event,
      to: status,
      message: null,
      raise: 1,
      answer: {
        status: 200,
        headers: { etag: etagOf(version) },
        body: { ...before, status, resolvedAt, version },
        made: madeOf(ticket),
      },
    }
  })
}
