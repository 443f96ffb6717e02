/**
 * Records what time has ended. Nothing waits for it: the rule looks at the clock and at the uses itself, so decisions are the same when
 * this does not run. What is recorded is final, whatever a clock says later.
 */
import { type SQL, sql } from 'drizzle-orm'
import { eventByTime } from '../authority/authorship.ts'
import { changeByTime, readClock } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import { finished } from '../authority/objects.ts'
import type { Database } from '../database/open.ts'
import { append } from '../journal/append.ts'
import { postToSides, type Sides, sidesOf } from './sides.ts'

/** A sweep that leaves some is followed by the next one. */
const roundsMax = 50

/**
 * Ends every grant whose time is over, one account after the other, each in a commit of its own under the account's key, at most
 * `atOnce` of them in it.
 * @throws the first failure, after the other accounts were done
 */
export async function recordEnds(context: Context, atOnce: number): Promise<void> {
  const failures = new Map<string, unknown>()
  for (let round = 0; round < roundsMax; round++) {
    const accounts = await dueAccounts(context, [...failures.keys()], atOnce)
    for (const accountId of accounts) await endOnes(context, accountId, atOnce).catch((error: unknown) => failures.set(accountId, error))
    if (accounts.length === 0) break
  }
  const [first] = failures.values()
  if (first !== undefined) throw first
}

/** Of a grant `g` at an instant: what it becomes now, null while it goes on. */
const becomes = (at: SQL, days: number): SQL => sql`case
  when g.status in ('requested', 'invited') and (g.created_at + ${days} * interval '24 hours' <= ${at} or g.expires_at <= ${at}) then 'lapsed'
  when g.status in ('active', 'suspended') and g.max_uses is not null and g.uses >= g.max_uses
    and (g.expires_at <= ${at} or ${finished('g')}) then 'exhausted'
  when g.status in ('active', 'suspended') and g.expires_at <= ${at} then 'expired' end`

const instant = (now: number): SQL => sql`${new Date(now).toISOString()}::timestamptz`

/** Each of the three kinds by its own index. */
async function dueAccounts({ db, clock, config }: Context, except: string[], atOnce: number): Promise<string[]> {
  const at = instant(await readClock(db, clock.offset()))
  const state = becomes(at, config.invitationDays)
  const { rows } = await db.execute<{ id: string }>(sql`
    select distinct g.account_id as id from (
      select * from grants where status in ('active', 'suspended') and expires_at <= ${at}
      union all select * from grants where status in ('requested', 'invited')
      union all select * from grants where status in ('active', 'suspended') and max_uses is not null and uses >= max_uses) g
    where ${state} is not null and g.account_id <> all(${sql.param(except)}::uuid[])
    order by 1 limit ${atOnce}`)
  return rows.map(({ id }) => id)
}

type Ended = { id: string; status: 'lapsed' | 'exhausted' | 'expired'; domain: string | null; sides: Sides }

async function endOnes(context: Context, accountId: string, atOnce: number): Promise<void> {
  await changeByTime(context, { accounts: [accountId] }, async (tx, now) => {
    const ended = await end(tx, accountId, now, context.config.invitationDays, atOnce)
    for (const { id, status, domain, sides } of ended) {
      const about = { resourceType: 'grant', resourceId: id, domainId: domain, changed: ['status'] }
      await append(tx, eventByTime(accountId, now, `grant.${status}`, about))
      await postToSides(context, tx, `grant_${status}`, accountId, id, sides)
    }
  })
}

/** What another process has ended meanwhile is found no more: the key is taken before this looks. */
async function end(tx: Database, accountId: string, now: number, days: number, atOnce: number): Promise<Ended[]> {
  const at = instant(now)
  const { rows } = await tx.execute<Ended>(sql`
    with due as (select * from (select g.id, ${becomes(at, days)} as status from grants g
      where g.account_id = ${accountId} and g.ended_at is null) d where d.status is not null order by d.id limit ${atOnce}),
    ended as (update grants g set status = due.status, suspension_causes = '{}', staff_held = false, version = g.version + 1,
        ended_at = case due.status when 'expired' then g.expires_at else ${at} end
      from due where g.account_id = ${accountId} and g.id = due.id returning g.*),
    spent as (update single_use_tokens t set used_at = ${at} from ended g
      where t.account_id = g.account_id and t.grant_id = g.id and t.used_at is null)
    select g.id, g.status, ${sidesOf} as sides, (select min(l.domain_id::text) from grant_domains l
      where l.account_id = g.account_id and l.grant_id = g.id having count(*) = 1) as domain
    from ended g order by g.id`)
  return rows
}
