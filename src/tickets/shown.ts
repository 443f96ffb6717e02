/** Tickets as they are shown, read from the database with the names they need. */
import { type SQL, sql } from 'drizzle-orm'
import type { Loaded } from '../authority/load.ts'
import type { AlsoRead } from '../authority/statements.ts'
import { rowGroups } from '../database/row-groups.ts'
import { toSnake } from '../database/rows.ts'
import { tickets } from '../database/tables.ts'

/** What of a ticket's row a list shows. */
const listedKeys = [
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
  'createdAt',
  'arrivedAt',
  'firstResponseAt',
  'lastCustomerReplyAt',
  'resolvedAt',
  'closedAt',
  'version',
] as const

/** And what reading it shows beside. */
const shownKeys = [...listedKeys, 'details', 'completeness'] as const

type Instants<T> = { [Key in keyof T]: T[Key] extends Date ? Date | string : T[Key] extends Date | null ? Date | string | null : T[Key] }
type ListedColumns = Instants<Pick<typeof tickets.$inferSelect, (typeof listedKeys)[number]>>
type ShownColumns = ListedColumns & Pick<typeof tickets.$inferSelect, 'details' | 'completeness'>
export type AccountName = { id: string; number: string; name: string }
type Named = { id: string; name: string }

/** A ticket's row and the names it needs. */
type WithNames<Columns> = {
  ticket: Columns
  account: AccountName
  domainName: string | null
  requesterName: string | null
  actorName: string
  /** The agent, by telephone. */
  recorderName: Named | null
}
export type ListedRow = WithNames<ListedColumns>
export type ShownRow = WithNames<ShownColumns>

const shownColumns = rowGroups(tickets, shownKeys)
const listedColumns = rowGroups(tickets, listedKeys)

type Pair = readonly [id: string, name: string]
type Shown = { ticket: unknown[][]; people: Pair[]; recorder: Pair | null }

/** The ticket a path names, read with the facts that decide who may see it; those name its account and domain. */
export const shownTicket: AlsoRead = {
  name: 'ticket',
  column: sql`case when t.id is not null then json_build_object('ticket', ${shownColumns.one('t')},
  'people', array(select json_build_array(u.id, u.name) from users u where u.id = any(array[t.actor_user_id, t.requester_user_id])),
  'recorder', (select json_build_array(ru.id, ru.name) from staff_members rs join users ru on ru.id = rs.user_id where rs.id = t.recorded_by_staff_id)) end`,
}

export function fromShown({ also, account, domains }: Pick<Loaded, 'also' | 'account' | 'domains'>): ShownRow {
  const { ticket: columns, people, recorder } = also as Shown
  const ticket = shownColumns.readOne(columns)
  const nameOf = new Map(people)
  return {
    ticket,
    account: account as AccountName,
    domainName: domains.find(({ id }) => id === ticket.domainId)?.name ?? null,
    requesterName: nameOf.get(ticket.requesterUserId ?? '') ?? null,
    actorName: nameOf.get(ticket.actorUserId) as string,
    recorderName: recorder === null ? null : { id: recorder[0], name: recorder[1] },
  }
}

/** A page of tickets, and every name on it once. */
export type Listed = {
  tickets: unknown[][][]
  accounts: [id: string, number: string, name: string][]
  domains: Pair[]
  people: Pair[]
  /** Agents who wrote down what was said by telephone, by their staff row. */
  recorders: [staff: string, id: string, name: string][]
}

const listedPage = sql.raw(`json_build_object('accounts', array(select json_build_array(a.id, a.number, a.name) from accounts a
      where a.id = any(array(select account_id from p))),
    'domains', array(select json_build_array(d.id, d.name) from domains d
      where d.account_id = any(array(select account_id from p)) and d.id = any(array(select domain_id from p))),
    'people', array(select json_build_array(u.id, u.name) from users u
      where u.id = any(array(select actor_user_id from p) || array(select requester_user_id from p))),
    'recorders', array(select json_build_array(s.id, u.id, u.name) from staff_members s join users u on u.id = s.user_id
      where s.id = any(array(select recorded_by_staff_id from p))),
    'tickets', `)

/** The page, which is a part of a \`select\` on \`tickets\` with its order and limit, as one JSON value. */
export const pageOf = (page: SQL): SQL =>
  sql`with p as materialized (select ${listedNames} from tickets ${page}) select ${listedPage}${listedArrays}) as page`

const listedNames = sql.raw(listedKeys.map(toSnake).join(', '))
const listedArrays = listedColumns.all('p')

/** Its tickets with their names. */
export function fromListed({ tickets: groups, accounts, domains, people, recorders }: Listed): ListedRow[] {
  const accountOf = new Map(accounts.map(([id, number, name]) => [id, { id, number, name }]))
  const [domainOf, personOf] = [new Map(domains), new Map(people)]
  const recorderOf = new Map(recorders.map(([staff, id, name]) => [staff, { id, name }]))
  return listedColumns.readAll(groups).map((ticket) => ({
    ticket,
    account: accountOf.get(ticket.accountId) as AccountName,
    domainName: domainOf.get(ticket.domainId ?? '') ?? null,
    requesterName: personOf.get(ticket.requesterUserId ?? '') ?? null,
    actorName: personOf.get(ticket.actorUserId) as string,
    recorderName: recorderOf.get(ticket.recordedByStaffId ?? '') ?? null,
  }))
}
