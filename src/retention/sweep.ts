import { sql } from 'drizzle-orm'
import { readClock } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import type { Database, Log } from '../database/open.ts'
import type { JobHandler } from '../jobs/jobs.ts'
import { type Rule, rulesOf } from './rules.ts'

/** How many rows one statement touches at most: so few that nobody waits for it. */
export const batchSize = 1_000

/** The handler of the `retention` queue: deletes what has served its time, in batches. Harmless to repeat, and to stop in between. */
export function sweepRetention({ db, clock, config }: Context, log: Log): JobHandler {
  return async (_payload, signal) => {
    const now = new Date(await readClock(db, clock.offset()))
    const deleted: Record<string, number> = {}
    for (const rule of rulesOf(config)) deleted[rule.words?.name ?? rule.table] = await sweep(db, rule, now, signal)
    log.info({ deleted }, 'what had served its time was deleted')
  }
}

async function sweep(db: Database, { table, over, words }: Rule, now: Date, signal: AbortSignal): Promise<number> {
  const name = sql.identifier(table)
  const take = words === undefined ? sql`delete from ${name}` : sql`update ${name} set ${words.emptied}`
  const left = words === undefined ? sql`` : sql`and ${words.left}`
  const instant = sql`${now.toISOString()}::timestamptz`
  let deleted = 0
  for (;;) {
    signal.throwIfAborted()
    // What somebody is at work on is left for the next time. Found by its place, so that a table's key makes no difference.
    const { rows } = await db.execute<{ count: number }>(sql`
      with gone as (${take} where ctid = any(array(
        select x.ctid from ${name} x where ${over(instant)} ${left} limit ${batchSize} for update of x skip locked)) returning 1)
      select count(*)::int as count from gone`)
    const { count } = rows[0] as { count: number }
    deleted += count
    if (count < batchSize) return deleted
  }
}
