/** Reading tickets and messages, and their form on the wire. */
import { and, asc, eq, type SQL, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import type { Loaded } from '../authority/load.ts'
import { type Clause, predicate } from '../authority/reach.ts'
import type { Database } from '../database/open.ts'
import { varying } from '../database/statement.ts'
import { accounts, messages, users } from '../database/tables.ts'
import { toUnicode } from '../hostname.ts'
import type { ListedTicket, Message, Ticket } from './schema.ts'
import { type AccountName, fromListed, fromShown, type Listed, type ListedRow, pageOf, type ShownRow } from './shown.ts'

const actor = alias(users, 'actor')
const account = { id: accounts.id, number: accounts.number, name: accounts.name }

/** The ticket that was read with the facts. */
export function ticketShown(loaded: Loaded, forStaff: boolean): Ticket {
  return toTicket(fromShown(loaded), forStaff)
}

export type TicketFilter = {
  /** By its id; null where there is no such account. */
  account?: string | null | undefined
  domain?: { id: string } | { name: string } | undefined
  status?: string | undefined
  topic?: string | undefined
  number?: string | undefined
}

const listed = varying<{ page: Listed }>('tickets_list')

/** Newest first, after the position of a cursor, within the clauses. Names are looked up for the page alone. */
export async function listTickets(
  db: Database,
  clauses: readonly Clause[],
  filter: TicketFilter,
  after: readonly [string, string] | undefined,
  limit: number,
  forStaff: boolean,
): Promise<ListedTicket[]> {
  const within = sql.join([predicate(clauses, reachColumns), ...filters(filter), ...(after ? [older(after)] : [])], sql` and `)
  const page = pageOf(sql`where ${within} order by created_at desc nulls last, id desc nulls last limit ${limit}`)
  const rows = await listed.run(db, page)
  return fromListed((rows[0] as { page: Listed }).page).map((row) => toListed(row, forStaff))
}

const reachColumns = {
  accountId: sql`account_id`,
  domainId: sql`domain_id`,
  topic: sql`topic`,
  contactsOnly: sql`contacts_only`,
  grantId: sql`grant_id`,
  createdAt: sql`created_at`,
}

function filters({ account, domain, status, topic, number }: TicketFilter): SQL[] {
  return [
    ...(account === undefined ? [] : [sql`account_id = ${account}::uuid`]),
    ...(domain === undefined ? [] : [sql`domain_id = ${'id' in domain ? sql`${domain.id}::uuid` : domainNamed(domain.name)}`]),
    ...(status === undefined ? [] : [sql`status = ${status}`]),
    ...(topic === undefined ? [] : [sql`topic = ${topic}`]),
    ...(number === undefined ? [] : [sql`number = ${Number(number.slice('T-'.length))}::bigint`]),
  ]
}

const domainNamed = (name: string): SQL =>
  sql`any(array(select d.id from domains d where d.account_id = tickets.account_id and d.name = ${name}))`

const older = ([at, id]: readonly [string, string]): SQL => sql`(created_at, id) < (${at}::timestamptz, ${id}::uuid)`

/** A ticket's row and the names it needs, in its form on the wire. */
export function toTicket(row: ShownRow, forStaff: boolean): Ticket {
  const { details, completeness } = row.ticket
  return { ...toListed(row, forStaff), details, completeness: completeness as Ticket['completeness'] }
}

function toListed({ ticket, account, domainName, requesterName, actorName, recorderName }: ListedRow, forStaff: boolean): ListedTicket {
  const person = ticket.requesterUserId === null ? null : { id: ticket.requesterUserId, name: requesterName as string }
  return {
    id: ticket.id,
    number: `T-${ticket.number}`,
    account,
    domain: ticket.domainId === null ? null : { id: ticket.domainId, name: domainName as string, unicode: toUnicode(domainName as string) },
    host: ticket.host,
    ...(forStaff ? { hostHeldByOtherAccount: ticket.hostHeldByOtherAccount } : {}),
    topic: ticket.topic,
    topicVersion: ticket.topicVersion,
    subject: ticket.subject,
    status: ticket.status,
    priority: ticket.priority,
    contactsOnly: ticket.contactsOnly,
    origin: ticket.origin,
    channel: ticket.channel,
    requester: person,
    openedBy: toAuthor(ticket, actorName, account),
    recordedBy: recorderName ? { user: recorderName, via: ticket.recordedByStaffId as string } : null,
    createdAt: iso(ticket.createdAt),
    arrivedAt: iso(ticket.arrivedAt),
    firstResponseAt: maybeIso(ticket.firstResponseAt),
    lastCustomerReplyAt: maybeIso(ticket.lastCustomerReplyAt),
    resolvedAt: maybeIso(ticket.resolvedAt),
    closedAt: maybeIso(ticket.closedAt),
    version: ticket.version,
  }
}

/** Text is in its form on the wire already. */
const iso = (at: Date | string): string => (typeof at === 'string' ? at : at.toISOString())
const maybeIso = (at: Date | string | null): string | null => (at === null ? null : iso(at))

type Written = Pick<
  typeof messages.$inferSelect,
  'actorUserId' | 'capacity' | 'contactId' | 'grantId' | 'staffMemberId' | 'verification' | 'verificationLevel'
> & { verifiedAt: Date | string }

/** The author of a ticket or message on the wire. Names are never dropped: "D on behalf of A" is visible everywhere. */
export function toAuthor(row: Written, name: string, account: AccountName): Message['author'] {
  return {
    user: { id: row.actorUserId, name },
    capacity: row.capacity,
    via: (row.contactId ?? row.grantId ?? row.staffMemberId) as string,
    onBehalfOf: { account: account.id, number: account.number, name: account.name },
    verification: { method: row.verification, level: row.verificationLevel, at: iso(row.verifiedAt) },
  }
}

/** A ticket's messages, oldest first; internal notes only for staff. */
export async function listMessages(
  db: Database,
  accountId: string,
  ticketId: string,
  after: readonly [string, string] | undefined,
  limit: number,
  forStaff: boolean,
): Promise<Message[]> {
  const rows = await db
    .select({ message: messages, actorName: actor.name, account })
    .from(messages)
    .innerJoin(actor, eq(actor.id, messages.actorUserId))
    .innerJoin(accounts, eq(accounts.id, messages.accountId))
    .where(
      and(
        eq(messages.accountId, accountId),
        eq(messages.ticketId, ticketId),
        forStaff ? undefined : eq(messages.kind, 'reply'),
        after && sql`(${messages.createdAt}, ${messages.id}) > (${after[0]}::timestamptz, ${after[1]}::uuid)`,
      ),
    )
    .orderBy(asc(messages.createdAt), asc(messages.id))
    .limit(limit)
  return rows.map(({ message, actorName, account }) => toMessage(message, actorName, account))
}

export function toMessage(
  row: Written & Pick<typeof messages.$inferSelect, 'id' | 'ticketId' | 'kind' | 'body' | 'createdAt'>,
  name: string,
  account: AccountName,
): Message {
  return {
    id: row.id,
    ticket: row.ticketId,
    kind: row.kind,
    author: toAuthor(row, name, account),
    body: row.body,
    createdAt: row.createdAt.toISOString(),
  }
}
