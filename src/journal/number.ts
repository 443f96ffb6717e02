/**
 * The one order of the journal. An event gets its position once everything that began before its transaction is over, so that no
 * position is ever given below one that was given before: whoever has seen position n has seen all up to n.
 */
import { and, asc, getTableColumns, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../database/open.ts'
import { journalEvents, journalPositions } from '../database/tables.ts'
import type { SealRow } from './canonical.ts'

/** How many events one seal covers at most. */
export const batchSize = 1_000

export type Numbered = {
  events: (typeof journalEvents.$inferSelect)[]
  firstPosition: number
  /** Where the next numbering begins (`journal_seals`). */
  next: Pick<SealRow, 'cluster' | 'numberedBelow'>
}

/**
 * Gives the next positions to events that have none, in the order of their transactions; undefined when there is none. Call it with the
 * sealer's lock held. `last` is the newest seal.
 */
export async function numberEvents(tx: Database, last: SealRow | undefined): Promise<Numbered | undefined> {
  const cluster = await clusterOf(tx)
  const from = last?.cluster === cluster ? last.numberedBelow : null
  const rows = await tx
    .select({ event: getTableColumns(journalEvents), oldest: sql<string>`${oldest}::text` })
    .from(journalEvents)
    .where(and(isOver(from), hasNoPosition))
    .orderBy(asc(journalEvents.transactionId), asc(journalEvents.id))
    .limit(batchSize)
  const newest = rows.at(-1)
  if (newest === undefined) return undefined
  const events = rows.map(({ event }) => event)
  const firstPosition = (last?.lastPosition ?? 0) + 1
  const positions = events.map(({ accountId, id: eventId }, index) => ({ accountId, eventId, position: firstPosition + index }))
  await tx.insert(journalPositions).values(positions)
  const done = rows.length < batchSize ? newest.oldest : from === null ? null : newest.event.transactionId
  return { events, firstPosition, next: { cluster, numberedBelow: done } }
}

/** The oldest transaction that still runs, as the statement's own snapshot sees it: all before it have ended, and their rows are seen. */
const oldest = sql`pg_snapshot_xmin(pg_current_snapshot())`

/**
 * Of a transaction that is over, from the given one on. Without one – the first time, and after a restore into another cluster, where
 * transaction ids start anew – every event is looked at: one that is seen although its transaction is still to come was written in the
 * cluster before.
 */
function isOver(from: string | null): SQL {
  const { transactionId } = journalEvents
  if (from === null) return sql`(${transactionId} < ${oldest} or ${transactionId} >= pg_snapshot_xmax(pg_current_snapshot()))`
  return sql`${transactionId} >= ${from}::xid8 and ${transactionId} < ${oldest}`
}

const hasNoPosition = sql`not exists (select from ${journalPositions} where ${journalPositions.accountId} = ${journalEvents.accountId}
  and ${journalPositions.eventId} = ${journalEvents.id})`

/** Which cluster this is: transaction ids of two have nothing to do with each other. */
async function clusterOf(tx: Database): Promise<string> {
  const { rows } = await tx.execute<{ cluster: string }>(sql`select (pg_control_system()).system_identifier::text as cluster`)
  return (rows[0] as { cluster: string }).cluster
}
