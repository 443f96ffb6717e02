/** What a submitter sees of what he sent: held, accepted, or ended, and nothing that depends on whether there is such an account. */
import { and, eq, type SQL, sql } from 'drizzle-orm'
import { newestFirst } from '../database/columns.ts'
import type { Database } from '../database/open.ts'
import { submissions } from '../database/tables.ts'
import type { OwnSubmission } from './schema.ts'

const columns = {
  id: submissions.id,
  account: submissions.statedAccount,
  domain: submissions.statedDomain,
  topic: submissions.topic,
  verdict: submissions.verdict,
  arrivedAt: submissions.arrivedAt,
  endsAt: submissions.endsAt,
}

type Row = Pick<typeof submissions.$inferSelect, 'id' | 'topic' | 'verdict' | 'arrivedAt' | 'endsAt'> & { account: string; domain: string }

/** One of a person's own; `now` in epoch ms. */
export async function readOwn(db: Database, userId: string, id: string, now: number): Promise<OwnSubmission | undefined> {
  const [row] = await db
    .select(columns)
    .from(submissions)
    .where(and(eq(submissions.submitterUserId, userId), eq(submissions.id, id)))
  return row && toOwn(row, now)
}

/** Newest first, after the position of a cursor. */
export async function listOwn(
  db: Database,
  userId: string,
  after: readonly [string, string] | undefined,
  limit: number,
  now: number,
): Promise<OwnSubmission[]> {
  const rows = await db
    .select(columns)
    .from(submissions)
    .where(and(eq(submissions.submitterUserId, userId), after && older(after)))
    .orderBy(...newestFirst(submissions.arrivedAt, submissions.id))
    .limit(limit)
  return rows.map((row) => toOwn(row, now))
}

const older = ([at, id]: readonly [string, string]): SQL =>
  sql`(${submissions.arrivedAt}, ${submissions.id}) < (${at}::timestamptz, ${id}::uuid)`

/** A no, no answer and nobody there are one thing, at one time: the fourteenth day. */
export function toOwn({ id, account, domain, topic, verdict, arrivedAt, endsAt }: Row, now: number): OwnSubmission {
  const accepted = verdict === 'approved' || verdict === 'released'
  return {
    id,
    account,
    domain,
    topic: topic as OwnSubmission['topic'],
    status: accepted ? 'accepted' : now < endsAt.getTime() ? 'held' : 'ended',
    arrivedAt: arrivedAt.toISOString(),
    endsAt: endsAt.toISOString(),
  }
}
