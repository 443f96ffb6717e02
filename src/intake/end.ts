/** The fourteenth day: what was held is over, and the words go. Their digest and the verdict stay. */
import { sql } from 'drizzle-orm'
import { eventByTime } from '../authority/authorship.ts'
import { changeByTime } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import type { Database } from '../database/open.ts'
import { providerAccountId } from '../database/tables.ts'
import type { JobHandler } from '../jobs/jobs.ts'
import { append } from '../journal/append.ts'

const batch = 500

/** The handler of the queue `submissions-end`. A submission has ended at its instant, recorded or not; this deletes what it said. */
export function endSubmissions(context: Context): JobHandler {
  return async (_payload, signal) => {
    let ended = batch
    while (ended === batch && !signal.aborted) ended = await changeByTime(context, {}, endSome)
  }
}

async function endSome(tx: Database, now: number): Promise<number> {
  const at = new Date(now).toISOString()
  const { rows } = await tx.execute<{ id: string }>(sql`
    with over as (
      select id from submissions where content is not null and ends_at <= ${at}::timestamptz
      order by ends_at limit ${batch} for update skip locked)
    update submissions s set content = null, verdict = coalesce(s.verdict, 'unanswered'), decided_at = coalesce(s.decided_at, s.ends_at),
      version = s.version + 1
    from over where s.id = over.id returning s.id`)
  const about = { resourceType: 'submission', changed: ['content'] }
  await append(tx, ...rows.map(({ id }) => eventByTime(providerAccountId, now, 'submission.ended', { ...about, resourceId: id })))
  return rows.length
}
