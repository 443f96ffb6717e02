/** Says 30, 7 and 1 days before the end of a grant that it is near, to both sides. */
import { sql } from 'drizzle-orm'
import { readClock } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import type { Database } from '../database/open.ts'
import { postToSides, type Sides, sidesOf } from './sides.ts'

/** Days before the end. */
const noticeDays = [30, 7, 1]
const roundsMax = 50

/**
 * Queues the letters that are due. A row in `grant_notices`, in the commit of the letters, makes each of them once. A grant that was
 * shorter than a notice from the start does not get that one, and several that fell due together are one letter: it tells the very end.
 */
export async function postExpiryNotices(context: Context, atOnce: number): Promise<void> {
  for (let round = 0; round < roundsMax; round++) {
    const now = await readClock(context.db, context.clock.offset())
    const posted = await context.db.transaction((tx) => post(context, tx, now, atOnce))
    if (posted < atOnce) return
  }
}

type Due = { accountId: string; id: string; sides: Sides }

async function post(context: Context, tx: Database, now: number, atOnce: number): Promise<number> {
  const at = sql`${new Date(now).toISOString()}::timestamptz`
  const { rows } = await tx.execute<Due>(sql`
    with due as (
      select g.account_id, g.id, n.days from unnest(${sql.param(noticeDays)}::int[]) n(days)
      join grants g on g.status in ('active', 'suspended') and g.expires_at > ${at} and g.expires_at <= ${at} + n.days * interval '24 hours'
        and g.approved_at < g.expires_at - n.days * interval '24 hours'
      where not exists (select from grant_notices o where o.account_id = g.account_id and o.grant_id = g.id and o.days_left = n.days)
      order by g.account_id, g.id, n.days limit ${atOnce}),
    noted as (insert into grant_notices (account_id, grant_id, days_left, queued_at)
      select account_id, id, days, ${at} from due order by 1, 2, 3 on conflict do nothing returning account_id, grant_id)
    select g.account_id as "accountId", g.id, ${sidesOf} as sides from noted n
    join grants g on g.account_id = n.account_id and g.id = n.grant_id order by g.account_id, g.id`)
  const told = new Map(rows.map((row) => [row.id, row]))
  for (const { accountId, id, sides } of told.values()) await postToSides(context, tx, 'grant_expiring', accountId, id, sides)
  return rows.length
}
