/** Reading tickets and messages, and their form on the wire. */
import { and, asc, desc, eq, type SQL, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import { type Clause, predicate } from '../authority/reach.ts'
import type { Database } from '../database/open.ts'
import { accounts, domains, messages, tickets, users } from '../database/tables.ts'
import { toUnicode } from '../hostname.ts'
import type { Message, Ticket } from './schema.ts'

const requester = alias(users, 'requester')
const actor = alias(users, 'actor')

const ticketColumns = {
  ticket: tickets,
  account: { id: accounts.id, number: accounts.number, name: accounts.name },
  domainName: domains.name,
  requesterName: requester.name,
  actorName: actor.name,
}

function selectTickets(db: Database) {
  return db
    .select(ticketColumns)
    .from(tickets)
    .innerJoin(accounts, eq(accounts.id, tickets.accountId))
    .innerJoin(actor, eq(actor.id, tickets.actorUserId))
    .leftJoin(requester, eq(requester.id, tickets.requesterUserId))
    .leftJoin(domains, and(eq(domains.accountId, tickets.accountId), eq(domains.id, tickets.domainId)))
}

type TicketRow = Awaited<ReturnType<typeof selectTickets>>[number]

/** One ticket that was found before: tickets are never deleted. */
export async function readTicket(db: Database, accountId: string, id: string, forStaff: boolean): Promise<Ticket> {
  const rows = await selectTickets(db).where(and(eq(tickets.accountId, accountId), eq(tickets.id, id)))
  return toTicket(rows[0] as TicketRow, forStaff)
}

export type TicketFilter = {
  account?: { id: string } | { number: string } | undefined
  domain?: { id: string } | { name: string } | undefined
  status?: string | undefined
  topic?: string | undefined
  number?: string | undefined
}

/** Newest first, after the position of a cursor, within the clauses. */
export async function listTickets(
  db: Database,
  clauses: readonly Clause[],
  filter: TicketFilter,
  after: readonly [string, string] | undefined,
  limit: number,
  forStaff: boolean,
): Promise<Ticket[]> {
  const rows = await selectTickets(db)
    .where(and(predicate(clauses, reachColumns), ...filters(filter), after && older(after)))
    .orderBy(desc(tickets.createdAt), desc(tickets.id))
    .limit(limit)
  return rows.map((row) => toTicket(row, forStaff))
}

const reachColumns = {
  accountId: sql`${tickets.accountId}`,
  domainId: sql`${tickets.domainId}`,
  topic: sql`${tickets.topic}`,
  contactsOnly: sql`${tickets.contactsOnly}`,
  grantId: sql`${tickets.grantId}`,
  createdAt: sql`${tickets.createdAt}`,
}

function filters({ account, domain, status, topic, number }: TicketFilter): (SQL | undefined)[] {
  return [
    account && ('id' in account ? eq(tickets.accountId, account.id) : eq(accounts.number, account.number)),
    domain && ('id' in domain ? eq(tickets.domainId, domain.id) : eq(domains.name, domain.name)),
    status === undefined ? undefined : sql`${tickets.status} = ${status}`,
    topic === undefined ? undefined : eq(tickets.topic, topic),
    number === undefined ? undefined : eq(tickets.number, Number(number.slice('T-'.length))),
  ]
}

const older = ([at, id]: readonly [string, string]): SQL => sql`(${tickets.createdAt}, ${tickets.id}) < (${at}::timestamptz, ${id}::uuid)`

/** A ticket's row and the names it needs, in its form on the wire. */
export function toTicket({ ticket, account, domainName, requesterName, actorName }: TicketRow, forStaff: boolean): Ticket {
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
    details: ticket.details,
    completeness: ticket.completeness as Ticket['completeness'],
    createdAt: ticket.createdAt.toISOString(),
    arrivedAt: ticket.arrivedAt.toISOString(),
    firstResponseAt: iso(ticket.firstResponseAt),
    lastCustomerReplyAt: iso(ticket.lastCustomerReplyAt),
    resolvedAt: iso(ticket.resolvedAt),
    closedAt: iso(ticket.closedAt),
    version: ticket.version,
  }
}

const iso = (at: Date | null): string | null => at?.toISOString() ?? null

type Written = Pick<
  typeof messages.$inferSelect,
  'actorUserId' | 'capacity' | 'contactId' | 'grantId' | 'staffMemberId' | 'verification' | 'verificationLevel' | 'verifiedAt'
>
type AccountName = { id: string; number: string; name: string }

/** The author of a ticket or message on the wire. Names are never dropped: "D on behalf of A" is visible everywhere. */
export function toAuthor(row: Written, name: string, account: AccountName): Message['author'] {
  return {
    user: { id: row.actorUserId, name },
    capacity: row.capacity,
    via: (row.contactId ?? row.grantId ?? row.staffMemberId) as string,
    onBehalfOf: { account: account.id, number: account.number, name: account.name },
    verification: { method: row.verification, level: row.verificationLevel, at: row.verifiedAt.toISOString() },
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
    .select({ message: messages, actorName: actor.name, account: ticketColumns.account })
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
