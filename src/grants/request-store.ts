/** Reading what somebody asked for. What became of it is told only once it is approved; everything else looks alike. */
import { and, desc, eq, sql } from 'drizzle-orm'
import type { Database } from '../database/open.ts'
import { grantRequests } from '../database/tables.ts'
import type { GrantRequestStatus } from '../vocabulary.ts'
import type { Moment } from './moment.ts'
import type { GrantRequest } from './request-schema.ts'

export type RequestColumns = typeof grantRequests.$inferSelect

const dayMs = 86_400_000

/** The instant (epoch ms) from which a request that is neither approved nor cancelled has ended, whatever it was. */
export const endOf = ({ createdAt }: Pick<RequestColumns, 'createdAt'>, answerDays: number): number =>
  createdAt.getTime() + answerDays * dayMs

/** What its developer sees. */
export function requestStatusAt(row: RequestColumns, { now, answerDays }: Moment): GrantRequestStatus {
  if (row.approvedAt !== null) return 'approved'
  if (row.cancelledAt !== null) return 'cancelled'
  return endOf(row, answerDays) <= now ? 'ended' : 'waiting'
}

/** One of his own requests. */
export async function readRequest(db: Database, userId: string, id: string): Promise<RequestColumns | undefined> {
  const [row] = await db
    .select()
    .from(grantRequests)
    .where(and(eq(grantRequests.userId, userId), eq(grantRequests.id, id)))
  return row
}

/** His own, newest first. */
export async function listRequests(
  db: Database,
  userId: string,
  moment: Moment,
  after: readonly [string, string] | undefined,
  limit: number,
): Promise<GrantRequest[]> {
  const older = after && sql`(${grantRequests.createdAt}, ${grantRequests.id}) < (${after[0]}::timestamptz, ${after[1]}::uuid)`
  const rows = await db
    .select()
    .from(grantRequests)
    .where(and(eq(grantRequests.userId, userId), older))
    .orderBy(desc(grantRequests.createdAt), desc(grantRequests.id))
    .limit(limit)
  return rows.map((row) => toRequest(row, moment))
}

export function toRequest(row: RequestColumns, moment: Moment): GrantRequest {
  const { id, account, domainNames, actions, topics, reach, maxUses, supersedes, approvedAt, grantId } = row
  const status = requestStatusAt(row, moment)
  return {
    id,
    status,
    account,
    domains: domainNames,
    actions,
    topics,
    reach,
    maxUses,
    // The words end with the request; when a job deletes them shows nowhere.
    purpose: status === 'waiting' ? row.purpose : null,
    expiresAt: row.expiresAt.toISOString(),
    supersedes,
    createdAt: row.createdAt.toISOString(),
    answerBy: new Date(endOf(row, moment.answerDays)).toISOString(),
    grant: approvedAt === null ? null : grantId,
  }
}
