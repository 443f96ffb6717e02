/** Words on a ticket: replies and internal notes. */
import { authorship } from '../authority/authorship.ts'
import type { Context } from '../authority/context.ts'
import type { Answer } from '../database/idempotency.ts'
import type { Standing } from '../http/types.ts'
import { newId } from '../id.ts'
import { type FieldError, invalid } from '../problem.ts'
import { act } from './act.ts'
import { statusAfterReply } from './life.ts'
import { madeOf } from './rows.ts'
import type { CreateMessage } from './schema.ts'
import { toMessage } from './store.ts'

/** Adds a message. A note is for staff and changes nothing else; a reply moves the ticket as `life.ts` says. */
export function addMessage(context: Context, standing: Standing, body: CreateMessage): Promise<Answer> {
  return act(context, standing, (authority, loaded, ticket) => {
    const staff = authority.capacity === 'staff'
    const kind = body.kind ?? 'reply'
    if (!staff) refuseStaffFields(body)
    if (kind === 'note' && body.status !== undefined) throw invalid({ pointer: '#/status', detail: noteIsQuiet, code: 'note' })
    const at = new Date(authority.at)
    const row = {
      accountId: ticket.accountId,
      ticketId: ticket.id,
      id: newId(),
      kind,
      ...authorship(authority),
      body: body.body,
      createdAt: at,
    }
    const user = loaded.facts.user as NonNullable<typeof loaded.facts.user>
    const account = loaded.account as NonNullable<typeof loaded.account>
    return {
      event: kind === 'note' ? 'ticket.noted' : 'ticket.replied',
      to: kind === 'note' ? ticket.status : statusAfterReply(ticket, staff, body.status, context.config.reopenDays, authority.at),
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

const noteIsQuiet = 'goes with a reply: an internal note changes nothing'

function refuseStaffFields({ kind, status }: CreateMessage): void {
  const errors: FieldError[] = []
  if (kind === 'note') errors.push({ pointer: '#/kind', detail: 'only staff write internal notes', code: 'staff_only' })
  if (status !== undefined) errors.push({ pointer: '#/status', detail: 'only staff set the status with a reply', code: 'staff_only' })
  if (errors.length > 0) throw invalid(...errors)
}
