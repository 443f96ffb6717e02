/**
 * What a user granted while he was in somebody else's hands. It is not live from the commit on that says so, since the rule asks; this
 * writes it into the rows, one account after the other, for everyone to see: suspended until an owner adopts it, offers withdrawn.
 */
import { sql } from 'drizzle-orm'
import { eventByTime } from '../authority/authorship.ts'
import { changeByTime } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import { compromised } from '../authority/objects.ts'
import type { Database } from '../database/open.ts'
import type { JobHandler } from '../jobs/jobs.ts'
import { append } from '../journal/append.ts'
import { postToSides, type Sides, sidesOf } from './sides.ts'

/** The handler of the queue `compromises`: its job carries the user. Repeating it is harmless. */
export function suspendCompromised(context: Context): JobHandler {
  return async ({ user }) => {
    const { rows } = await context.db.execute<{ id: string }>(sql`
      select distinct g.account_id as id from contacts c ${theirGrants} where c.user_id = ${String(user)} order by 1`)
    for (const { id } of rows) {
      await changeByTime(context, { accounts: [id] }, (tx, now) => suspendIn(context, tx, now, id, String(user)))
    }
  }
}

/** Of a contact `c`: the grants in force or on offer that were given in the wrong hands and do not say so yet. */
const theirGrants = sql`join grants g on g.account_id = c.account_id and g.grantor_contact_id = c.id and ${compromised('c', 'g')}
  and (g.status = 'invited' or (g.status in ('active', 'suspended') and not 'staff' = any(g.suspension_causes)))`

type Fallen = { id: string; status: 'suspended' | 'cancelled'; sides: Sides; owners: string[] }

async function suspendIn(context: Context, tx: Database, now: number, accountId: string, user: string): Promise<void> {
  const at = sql`${new Date(now).toISOString()}::timestamptz`
  const { rows } = await tx.execute<Fallen>(sql`
    with due as (select g.id, g.status = 'invited' as offered from contacts c ${theirGrants} where c.account_id = ${accountId} and c.user_id = ${user}),
    fallen as (update grants g set status = case when due.offered then 'cancelled' else 'suspended' end, version = g.version + 1,
        suspension_causes = case when due.offered then '{}'::text[] else array_append(g.suspension_causes, 'staff') end,
        ended_at = case when due.offered then ${at} end
      from due where g.account_id = ${accountId} and g.id = due.id returning g.*),
    spent as (update single_use_tokens t set used_at = ${at} from fallen g
      where t.account_id = g.account_id and t.grant_id = g.id and t.used_at is null)
    select g.id, g.status, ${sidesOf} as sides, (select coalesce(json_agg(o.user_id order by o.id), '[]'::json) from contacts o
      where o.account_id = g.account_id and o.role = 'owner' and o.status = 'active') as owners
    from fallen g order by g.id`)
  for (const { id, status, sides, owners } of rows) {
    const changed = status === 'suspended' ? ['status', 'suspensionCauses'] : ['status']
    const about = { resourceType: 'grant', resourceId: id, changed, value: { causes: ['staff'] } }
    await append(tx, eventByTime(accountId, now, `grant.${status}`, about))
    // An owner must decide what becomes of it, so all of them are told.
    const account = [...new Set([...sides.account, ...owners])]
    await postToSides(context, tx, `grant_${status}`, accountId, id, { ...sides, account })
  }
}
