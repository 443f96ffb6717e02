/** The rows that go with every one-statement write on a ticket: its event, and the answer stored for a repetition. */
import { eventOf } from '../authority/authorship.ts'
import type { TicketFact } from '../authority/facts.ts'
import type { Authority } from '../authority/judge.ts'
import { type Answer, keyLifeMs, type Repeatable } from '../database/idempotency.ts'
import { rowOf } from '../journal/append.ts'
import type { EventKind } from '../journal/kinds.ts'

/** The event's row for a one-statement write. */
export function eventRow(authority: Authority, ticketId: string, domainId: string | null, kind: EventKind) {
  return rowOf(eventOf(authority, kind, { resourceType: 'ticket', resourceId: ticketId, domainId }))
}

/** The stored answer's row for a one-statement write. */
export function keyRow({ principalId, key, fingerprint }: Repeatable, answer: Answer, now: number) {
  const hex = `\\x${fingerprint.toString('hex')}` as unknown as Buffer
  const { status, headers, body, made } = answer
  return {
    principalId,
    key,
    fingerprint: hex,
    status,
    headers,
    body,
    made,
    createdAt: new Date(now),
    expiresAt: new Date(now + keyLifeMs),
  }
}

/** What an answer about a ticket made, and by which action it may be read again. */
export const madeOf = ({ id, accountId }: Pick<TicketFact, 'id' | 'accountId'>) => ({
  action: 'ticket.read',
  staffAction: 'staff.ticket.work',
  account: accountId,
  ticket: id,
})
