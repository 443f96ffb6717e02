/** Where grants stand at a moment, in SQL. */
import { eq, type SQL, sql } from 'drizzle-orm'
import { finished } from '../authority/objects.ts'
import { grants } from '../database/tables.ts'
import type { GrantStatus } from '../vocabulary.ts'

/** When a grant is looked at (epoch ms), and how many days there are to answer a request or an invitation. */
export type Moment = { now: number; answerDays: number }

const inForce = sql`${grants.status} in ('active', 'suspended')`
const offered = sql`${grants.status} in ('requested', 'invited')`

/** In force at the moment, suspended or not: neither over nor used up. */
export const isInForce = ({ now }: Moment): SQL =>
  sql`(${inForce} and ${grants.expiresAt} > ${new Date(now).toISOString()}::timestamptz and not ${finished('grants')})`

/** The same as `statusAt`, in SQL. */
export function statusIs(status: GrantStatus, { now, answerDays }: Moment): SQL {
  const at = sql`${new Date(now).toISOString()}::timestamptz`
  const over = sql`(${inForce} and ${grants.expiresAt} <= ${at})`
  const exhausted = sql`(${inForce} and (${finished('grants')} or (${over} and coalesce(${grants.uses} >= ${grants.maxUses}, false))))`
  const expired = sql`(${over} and not ${exhausted})`
  const unanswered = sql`${grants.createdAt} + ${answerDays}::int * interval '24 hours' <= ${at}`
  const lapsed = sql`(${offered} and (${grants.expiresAt} <= ${at} or ${unanswered}))`
  const recorded = eq(grants.status, status)
  if (status === 'expired') return sql`(${recorded} or ${expired})`
  if (status === 'exhausted') return sql`(${recorded} or ${exhausted})`
  if (status === 'lapsed') return sql`(${recorded} or ${lapsed})`
  return sql`(${recorded} and not ${over} and not ${exhausted} and not ${lapsed})`
}
