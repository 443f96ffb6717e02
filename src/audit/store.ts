/** Reading the journal, and its form on the wire. */
import { and, asc, eq, gte, lt, type SQL, sql } from 'drizzle-orm'
import { type Clause, predicate } from '../authority/reach.ts'
import { newestFirst } from '../database/columns.ts'
import type { Database } from '../database/open.ts'
import { accountNumbers, accounts, domains, journalEvents, journalPositions, journalValues, users } from '../database/tables.ts'
import { toUnicode } from '../hostname.ts'
import type { EventKind } from '../journal/kinds.ts'
import type { AuditEvent } from './schema.ts'

export type EventFilter = {
  account?: { id: string } | { number: string } | undefined
  kind?: EventKind
  actor?: string
  resource?: string
  decision?: 'permit' | 'deny'
  from?: Date | undefined
  to?: Date | undefined
}

function selectEvents(db: Database) {
  const { accountId, domainId } = journalEvents
  return db
    .select({
      event: journalEvents,
      account: { id: accounts.id, number: accounts.number, name: accounts.name },
      actorName: users.name,
      domainName: domains.name,
      value: journalValues.value,
      position: journalPositions.position,
    })
    .from(journalEvents)
    .leftJoin(accounts, eq(accounts.id, accountId))
    .leftJoin(users, eq(users.id, journalEvents.actorUserId))
    .leftJoin(domains, and(eq(domains.accountId, accountId), eq(domains.id, domainId)))
    .leftJoin(journalValues, and(eq(journalValues.accountId, accountId), eq(journalValues.eventId, journalEvents.id)))
    .leftJoin(journalPositions, and(eq(journalPositions.accountId, accountId), eq(journalPositions.eventId, journalEvents.id)))
}

export type Reading = {
  /** What is in reach. */
  clauses: readonly Clause[]
  filter: EventFilter
  /** Where the page or batch before ended. */
  after: readonly [string, string] | undefined
  limit: number
  /** With the kinds that are meant for staff only. */
  forStaff: boolean
}

/** Newest first. */
export async function listEvents(db: Database, reading: Reading): Promise<AuditEvent[]> {
  const { at, id } = journalEvents
  const { after } = reading
  const older = after && sql`(${at}, ${id}) < (${after[0]}::timestamptz, ${after[1]}::uuid)`
  return read(db, reading, older, newestFirst(at, id))
}

/** Oldest first: what is exported. */
export async function listEventsInTime(db: Database, reading: Reading): Promise<AuditEvent[]> {
  const { at, id } = journalEvents
  const { after } = reading
  const newer = after && sql`(${at}, ${id}) > (${after[0]}::timestamptz, ${after[1]}::uuid)`
  return read(db, reading, newer, [asc(at), asc(id)])
}

async function read(db: Database, { clauses, filter, limit, forStaff }: Reading, beyond: SQL | undefined, order: SQL[]) {
  const { accountId, domainId, audience } = journalEvents
  const within = predicate(clauses, { accountId: sql`${accountId}`, domainId: sql`${domainId}` })
  const audible = forStaff ? undefined : eq(audience, 'account')
  const rows = await selectEvents(db)
    .where(and(within, audible, ...conditions(filter), beyond))
    .orderBy(...order)
    .limit(limit)
  return rows.map((row) => toEvent(row, forStaff))
}

function conditions({ account, kind, actor, resource, decision, from, to }: EventFilter): (SQL | undefined)[] {
  return [
    account && eq(journalEvents.accountId, 'id' in account ? account.id : ofNumber(account.number)),
    kind && eq(journalEvents.kind, kind),
    actor === undefined ? undefined : eq(journalEvents.actorUserId, actor),
    resource === undefined ? undefined : eq(journalEvents.resourceId, resource),
    decision && eq(journalEvents.decision, decision),
    from && gte(journalEvents.at, from),
    to && lt(journalEvents.at, to),
  ]
}

const ofNumber = (number: string): SQL =>
  sql`(select ${accountNumbers.accountId} from ${accountNumbers} where ${accountNumbers.number} = ${number})`

type Row = Awaited<ReturnType<typeof selectEvents>>[number]

function toEvent({ event, account, actorName, domainName, value, position }: Row, forStaff: boolean): AuditEvent {
  const { capacity, resourceType, resourceId, domainId, actorUserId } = event
  return {
    id: event.id,
    position,
    at: event.at.toISOString(),
    kind: event.kind as EventKind,
    ...(forStaff ? { audience: event.audience } : {}),
    account,
    actor: actorUserId === null ? null : { id: actorUserId, name: actorName as string },
    capacity,
    via: event.viaId,
    onBehalfOf: capacity === 'contact' || capacity === 'grant' ? account : null,
    verification: event.verification,
    verificationLevel: event.verificationLevel,
    verifiedAt: event.verifiedAt?.toISOString() ?? null,
    action: event.action,
    decision: event.decision,
    reason: event.reason,
    resource: resourceId === null ? null : { type: resourceType as string, id: resourceId },
    domain: domainName === null ? null : { id: domainId as string, name: domainName, unicode: toUnicode(domainName) },
    requestId: event.requestId,
    changed: event.changed,
    value,
  }
}
