/** The way of every act on an existing ticket: one guarded statement, with the ticket's row locked and its state compared. */
import { authorise } from '../authority/authorise.ts'
import type { Context } from '../authority/context.ts'
import type { GuardValues } from '../authority/guard.ts'
import type { Authority } from '../authority/judge.ts'
import type { Loaded, TicketRow } from '../authority/load.ts'
import { type Answer, KeyTaken } from '../database/idempotency.ts'
import { rowJson } from '../database/rows.ts'
import { idempotencyKeys, journalEvents, messages } from '../database/tables.ts'
import { stale } from '../http/preconditions.ts'
import type { Standing } from '../http/types.ts'
import { eventKeys } from '../journal/append.ts'
import type { EventKind } from '../journal/kinds.ts'
import type { TicketStatus } from '../vocabulary.ts'
import { keyKeys, messageKeys } from './columns.ts'
import { eventRow, keyRow } from './rows.ts'
import { actOnTicket, actOnTicketOnce } from './write.ts'

/** What an act does once its ticket is known, and how it is answered. `raise` is by how much the version grows. */
export type Plan = {
  event: EventKind
  to: TicketStatus
  message: typeof messages.$inferInsert | null
  raise: 0 | 1
  answer: Answer
}

/** Runs one act on the ticket of the path, under the authority for it. */
export function act(
  context: Context,
  standing: Standing,
  plan: (authority: Authority, loaded: Loaded, ticket: TicketRow) => Plan | Promise<Plan>,
): Promise<Answer> {
  return authorise(
    context,
    standing.caller,
    { ...standing.ask, named: { ...standing.ask.named, idempotencyKey: standing.repeatable?.key } },
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
    // A step is answered with the ticket as it is then, which was read at this version; a reply holds whatever came before it.
    fromVersion: plan.message === null ? ticket.version : null,
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
