/** Acts on an existing ticket: reply, internal note, close, reopen. One guarded statement each, with the ticket's row locked. */
import { v7 as uuid } from 'uuid'
import { authorise } from '../authority/authorise.ts'
import { authorship } from '../authority/authorship.ts'
import type { Context } from '../authority/context.ts'
import type { GuardValues } from '../authority/guard.ts'
import type { Authority } from '../authority/judge.ts'
import type { Loaded, TicketRow } from '../authority/load.ts'
import { type Answer, KeyTaken } from '../database/idempotency.ts'
import { rowJson } from '../database/statement.ts'
import { idempotencyKeys, journalEvents, messages } from '../database/tables.ts'
import { etagOf, stale } from '../http/preconditions.ts'
import type { Standing } from '../http/types.ts'
import type { EventKind } from '../journal/kinds.ts'
import { Problem } from '../problem.ts'
import type { TicketStatus } from '../vocabulary.ts'
import { demandReopenable, demandTransition, statusAfterReply } from './life.ts'
import { eventRow, keyRow } from './open.ts'
import type { CreateMessage } from './schema.ts'
import { readTicket, toMessage } from './store.ts'
import { actOnTicket, actOnTicketOnce, eventKeys, keyKeys, messageKeys } from './write.ts'

/** Adds a message. A note is for staff and changes nothing else; a reply moves the ticket as `life.ts` says. */
export function addMessage(context: Context, standing: Standing, body: CreateMessage): Promise<Answer> {
  return act(context, standing, (authority, loaded, ticket) => {
    const staff = authority.capacity === 'staff'
    const kind = body.kind ?? 'reply'
    if (!staff && (kind === 'note' || body.status !== undefined)) throw staffOnly()
    const at = new Date(authority.at)
    const row = {
      accountId: ticket.accountId,
      ticketId: ticket.id,
      id: uuid(),
      kind,
      ...authorship(authority),
      body: body.body,
      createdAt: at,
    }
    const user = loaded.facts.user as NonNullable<typeof loaded.facts.user>
    const account = loaded.account as NonNullable<typeof loaded.account>
    return {
      event: kind === 'note' ? 'ticket.noted' : 'ticket.replied',
      to: kind === 'note' ? ticket.status : statusAfterReply(ticket.status, staff, body.status),
      message: row,
      raise: kind === 'note' ? 0 : 1,
      answer: {
        status: 201,
        headers: { location: `/v1/tickets/${ticket.id}/messages/${row.id}` },
        body: toMessage(row, user.name, { id: account.id, number: account.number, name: account.name }),
        made: madeOf(ticket),
      },
    }
  })
}

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
  return act(context, standing, async (authority, _loaded, ticket) => {
    const status = to(ticket, authority.at)
    const before = await readTicket(context.db, ticket.accountId, ticket.id, authority.capacity === 'staff')
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

const madeOf = (ticket: TicketRow) => ({
  action: 'ticket.read',
  staffAction: 'staff.ticket.work',
  account: ticket.accountId,
  ticket: ticket.id,
})

type Plan = {
  event: EventKind
  to: TicketStatus
  message: typeof messages.$inferInsert | null
  raise: 0 | 1
  answer: Answer
}

function act(
  context: Context,
  standing: Standing,
  plan: (authority: Authority, loaded: Loaded, ticket: TicketRow) => Plan | Promise<Plan>,
): Promise<Answer> {
  return authorise(
    context,
    standing.caller,
    standing.ask,
    async (authority, guard, loaded) => {
      const ticket = loaded.ticket as TicketRow
      if (standing.expectedVersion !== null && standing.expectedVersion !== ticket.version) throw stale(ticket.version)
      return write(context, standing, await plan(authority, loaded, ticket), ticket, authority, guard)
    },
    standing.loaded,
  )
}

async function write(
  context: Context,
  standing: Standing,
  plan: Plan,
  ticket: TicketRow,
  authority: Authority,
  guard: GuardValues,
): Promise<Answer | undefined> {
  const { repeatable } = standing
  const at = new Date(authority.at).toISOString()
  const staffReplied = plan.event === 'ticket.replied' && authority.capacity === 'staff'
  const customerReplied = plan.event === 'ticket.replied' && authority.capacity !== 'staff'
  const [acted] = await (repeatable === null ? actOnTicket : actOnTicketOnce).run(context.db, {
    ...guard,
    at,
    fromStatus: ticket.status,
    fromVersion: standing.expectedVersion,
    toStatus: plan.to,
    raise: plan.raise,
    firstResponseAt: staffReplied ? at : null,
    lastCustomerReplyAt: customerReplied ? at : null,
    messageRow: plan.message === null ? null : rowJson(messages, messageKeys, plan.message),
    eventRow: rowJson(journalEvents, eventKeys, eventRow(authority, ticket.id, ticket.domainId, plan.event)),
    ...(repeatable === null ? {} : { keyRow: rowJson(idempotencyKeys, keyKeys, keyRow(repeatable, plan.answer, authority.at)) }),
  })
  if (acted === undefined || !acted.stood || !acted.inState) return undefined
  if (acted.version === null) throw new KeyTaken()
  return plan.answer
}

function staffOnly(): Problem {
  const detail = 'Only staff write internal notes or set the status with a reply'
  return new Problem('validation_error', { detail, members: { errors: [{ pointer: '#/kind', detail, code: 'staff_only' }] } })
}
