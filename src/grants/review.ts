/** What an account should look at: grants that are not used, end soon, or have lost who stood for them. */
import { and, desc, eq, type SQL, sql } from 'drizzle-orm'
import type { Context } from '../authority/context.ts'
import { actorOf } from '../authority/judge.ts'
import { type Clause, predicate } from '../authority/reach.ts'
import type { Answer } from '../database/idempotency.ts'
import type { Database } from '../database/open.ts'
import { compromises, contacts, grants } from '../database/tables.ts'
import type { Standing } from '../http/types.ts'
import { Problem } from '../problem.ts'
import { actOnGrant } from './act.ts'
import { demandInForce } from './life.ts'
import { isInForce, type Moment } from './moment.ts'
import { domainSet, lastUsed, older, readGrants } from './store.ts'
import { record } from './tell.ts'
import type { Finding, Reviewed } from './upkeep-schema.ts'

/**
 * A contact looked at it and lets it be: nothing of it changes, and for 90 days it is not called unused again. Whose own it is does not
 * look at it for the account. @throws Problem `invalid_transition` for what is not in force, `conflict`
 */
export function confirmGrant(context: Context, standing: Standing): Promise<Answer> {
  return actOnGrant(context, standing, async (act) => {
    demandInForce('account', act.status)
    if (act.grant.granteeUserId === actorOf(act.authority))
      throw new Problem('conflict', { detail: 'Nobody gives permission to himself: another contact must look at it' })
    const { accountId, id } = act.grant
    const reviewed = { reviewedAt: new Date(act.authority.at), reviewedBy: act.authority.actorUserId }
    await act.tx
      .update(grants)
      .set(reviewed)
      .where(and(eq(grants.accountId, accountId), eq(grants.id, id)))
    await record(act, 'grant.reviewed', ['reviewedAt'])
    return false // but for when it was looked at, which no decision asks
  })
}

/** What is found about a grant at an instant. */
function findings(at: SQL): SQL<Finding[]> {
  // What somebody said who was in other hands counts for nothing.
  const wrongly = sql`exists (select from ${compromises} k where k.user_id = ${grants.reviewedBy} and ${grants.reviewedAt} between k.since and k.until)`
  const quiet = sql`(coalesce(${grants.reviewedAt} <= ${at} - interval '90 days', true) or ${wrongly})`
  const stands = sql`exists (select from ${contacts} c where c.account_id = ${grants.accountId} and c.id = ${grants.grantorContactId} and c.status = 'active')`
  return sql<Finding[]>`array_remove(array[
    case when ${quiet} and ${lastUsed} is null then 'never_used' end,
    case when ${quiet} and coalesce(${lastUsed}, ${grants.approvedAt}) <= ${at} - interval '90 days' then 'unused_90_days' end,
    case when ${grants.expiresAt} <= ${at} + interval '30 days' then 'expiring' end,
    case when not ${stands} or 'grantor_lost_authority' = any(${grants.suspensionCauses}) then 'grantor_left' end], null)`
}

/** Grants in force about which something is found, newest first, within the clauses. */
export async function listFindings(
  db: Database,
  accountId: string,
  clauses: readonly Clause[],
  finding: Finding | undefined,
  after: readonly [string, string] | undefined,
  limit: number,
  moment: Moment,
): Promise<Reviewed[]> {
  const found = findings(sql`${new Date(moment.now).toISOString()}::timestamptz`)
  const rows = await db
    .select({ id: grants.id, findings: sql<Finding[]>`to_json(${found})` })
    .from(grants)
    .where(
      and(
        eq(grants.accountId, accountId),
        predicate(clauses, { accountId: sql`${grants.accountId}`, domainSet }),
        isInForce(moment),
        finding === undefined ? sql`cardinality(${found}) > 0` : sql`${finding} = any(${found})`,
        after && older(after),
      ),
    )
    .orderBy(desc(grants.createdAt), desc(grants.id))
    .limit(limit)
  const shown = await readGrants(
    db,
    accountId,
    rows.map(({ id }) => id),
    moment,
  )
  return rows.flatMap(({ id, findings }) => shown.filter((grant) => grant.id === id).map((grant) => ({ grant, findings })))
}
