/** What every act on something held has in common: it is decided once, under the account's key, and answered without the words. */
import { and, eq, isNotNull, isNull, sql } from 'drizzle-orm'
import type { AccountFact } from '../authority/facts.ts'
import type { Authority } from '../authority/judge.ts'
import type { SubmissionRow } from '../authority/load.ts'
import type { Answer } from '../database/idempotency.ts'
import type { Database } from '../database/open.ts'
import { submissions } from '../database/tables.ts'
import type { Standing } from '../http/types.ts'
import { Problem } from '../problem.ts'
import type { SubmissionVerdict } from '../vocabulary.ts'
import type { DecidedSubmission } from './act-schema.ts'
import { statusOf } from './store.ts'

export type Held = typeof submissions.$inferSelect

/** The account and the submission that the path names, as they were found. */
export function namedIn({ loaded }: Pick<Standing, 'loaded'>): { accountId: string; submission: SubmissionRow } {
  return { accountId: (loaded.account as AccountFact).id, submission: loaded.submission as SubmissionRow }
}

/**
 * Gives a submission its verdict; undefined when it has one, or its time is over: whoever comes second finds it decided. Its row is the
 * submitter's, so this is one conditional update and not a look before it.
 */
export async function conclude(tx: Database, id: string, verdict: SubmissionVerdict, { at }: Authority): Promise<Held | undefined> {
  const now = new Date(at)
  const open = and(
    eq(submissions.id, id),
    isNull(submissions.verdict),
    isNotNull(submissions.content),
    sql`${submissions.endsAt} > ${now.toISOString()}::timestamptz`,
  )
  const [held] = await tx
    .update(submissions)
    .set({ verdict, decidedAt: now, version: sql`${submissions.version} + 1` })
    .where(open)
    .returning()
  return held
}

/**
 * The same for who says yes and must be the first. It comes before whatever else may be wrong, which takes it back.
 * @throws Problem `conflict` for what is decided or over
 */
export async function concludeFirst(
  tx: Database,
  submission: SubmissionRow,
  verdict: SubmissionVerdict,
  authority: Authority,
): Promise<Held> {
  const held = await conclude(tx, submission.id, verdict, authority)
  if (held === undefined) throw decided(submission, authority.at)
  return held
}

/** The 409 for what cannot be decided any more, or not like this. */
export function decided(submission: SubmissionRow, now: number): Problem {
  const status = statusOf(submission, now)
  return new Problem('conflict', { detail: `It is decided already: ${status}`, members: { verdict: status } })
}

/** The answer of an act. `after` is what it has made. */
export function answerOf(
  accountId: string,
  submission: SubmissionRow,
  now: number,
  after: { grant: string | null; ticket: string | null } = { grant: null, ticket: null },
): Answer {
  const body: DecidedSubmission = {
    id: submission.id,
    status: statusOf(submission, now),
    decidedAt: submission.decidedAt === null ? null : new Date(submission.decidedAt).toISOString(),
    ...after,
    version: submission.version,
  }
  const made = {
    action: 'submission.decide',
    staffAction: 'staff.submission.decide',
    account: accountId,
    ticket: null,
    submission: submission.id,
  }
  return { status: 200, headers: { etag: `"v${submission.version}"` }, body, made }
}

/** The row as it is after a verdict, in the form in which it was found. */
export const after = (before: SubmissionRow, { verdict, decidedAt, version }: Held): SubmissionRow => ({
  ...before,
  verdict,
  decidedAt: (decidedAt as Date).getTime(),
  version,
})
