/** Tickets as they are shown, read from the database with the names they need. */
import { type SQL, sql } from 'drizzle-orm'
import type { AlsoRead } from '../authority/statements.ts'
import { rowArray, rowOf } from '../database/rows.ts'
import { tickets } from '../database/tables.ts'

/** What of a ticket's row is shown. */
const shownKeys = [
  'id',
  'accountId',
  'number',
  'domainId',
  'host',
  'hostHeldByOtherAccount',
  'topic',
  'topicVersion',
  'subject',
  'status',
  'priority',
  'contactsOnly',
  'origin',
  'channel',
  'requesterUserId',
  'actorUserId',
  'capacity',
  'contactId',
  'grantId',
  'staffMemberId',
  'recordedByStaffId',
  'verification',
  'verificationLevel',
  'verifiedAt',
  'details',
  'completeness',
  'createdAt',
  'arrivedAt',
  'firstResponseAt',
  'lastCustomerReplyAt',
  'resolvedAt',
  'closedAt',
  'version',
] as const

type ShownRow = Pick<typeof tickets.$inferSelect, (typeof shownKeys)[number]>
export type AccountName = { id: string; number: string; name: string }
type Named = { id: string; name: string }

/** A ticket's row and the names it needs. */
export type TicketRow = {
  ticket: ShownRow
  account: AccountName
  domainName: string | null
  requesterName: string | null
  actorName: string
  /** The agent, by telephone. */
  recorderName: Named | null
}

/** The same as one JSON value, for a ticket in `t`. */
const shown = sql`json_build_object('ticket', ${rowArray(tickets, shownKeys, 't')},
  'account', (select json_build_object('id', sa.id, 'number', sa.number, 'name', sa.name) from accounts sa where sa.id = t.account_id),
  'domainName', (select sd.name from domains sd where sd.account_id = t.account_id and sd.id = t.domain_id),
  'requesterName', (select sr.name from users sr where sr.id = t.requester_user_id),
  'actorName', (select su.name from users su where su.id = t.actor_user_id),
  'recorderName', (select json_build_object('id', ru.id, 'name', ru.name) from staff_members rs join users ru on ru.id = rs.user_id
    where rs.id = t.recorded_by_staff_id))`

export type Shown = Omit<TicketRow, 'ticket'> & { ticket: unknown[] }

export const fromShown = (json: Shown): TicketRow => ({ ...json, ticket: rowOf(tickets, shownKeys, json.ticket) })

/** The ticket a path names, read with the facts that decide who may see it. */
export const shownTicket: AlsoRead = { name: 'ticket', column: sql`(select ${shown} from t)` }

/** A page of tickets, and every name on it once. */
export type Listed = {
  tickets: unknown[][] | null
  accounts: AccountName[] | null
  domains: Named[] | null
  people: Named[] | null
  /** Agents who wrote down what was said by telephone, by their staff row. */
  recorders: (Named & { staff: string })[] | null
}

/** The page as one JSON value. */
export const pageOf = (page: SQL): SQL => sql`with p as materialized (${page})
  select json_build_object('tickets', (select json_agg(${rowArray(tickets, shownKeys, 'p')} order by p.created_at desc, p.id desc) from p),
    'accounts', (select json_agg(json_build_object('id', a.id, 'number', a.number, 'name', a.name)) from accounts a
      where a.id = any(array(select account_id from p))),
    'domains', (select json_agg(json_build_object('id', d.id, 'name', d.name)) from domains d
      where d.account_id = any(array(select account_id from p)) and d.id = any(array(select domain_id from p))),
    'people', (select json_agg(json_build_object('id', u.id, 'name', u.name)) from users u
      where u.id = any(array(select actor_user_id from p union select requester_user_id from p))),
    'recorders', (select json_agg(json_build_object('staff', s.id, 'id', u.id, 'name', u.name)) from staff_members s join users u on u.id = s.user_id
      where s.id = any(array(select recorded_by_staff_id from p)))) as page`

/** Its tickets with their names. */
export function fromListed({ tickets: rows, accounts: of, domains: on, people, recorders }: Listed): TicketRow[] {
  const byId = <T extends { id: string }>(list: readonly T[] | null) => new Map((list ?? []).map((item) => [item.id, item]))
  const [accountOf, domainOf, personOf] = [byId(of), byId(on), byId(people)]
  return (rows ?? []).map((values) => {
    const ticket = rowOf(tickets, shownKeys, values)
    const recorder = recorders?.find(({ staff }) => staff === ticket.recordedByStaffId)
    return {
      ticket,
      account: accountOf.get(ticket.accountId) as AccountName,
      domainName: domainOf.get(ticket.domainId ?? '')?.name ?? null,
      requesterName: personOf.get(ticket.requesterUserId ?? '')?.name ?? null,
      actorName: personOf.get(ticket.actorUserId)?.name as string,
      recorderName: recorder === undefined ? null : { id: recorder.id, name: recorder.name },
    }
  })
}
