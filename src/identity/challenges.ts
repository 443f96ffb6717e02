/** What an authenticator is asked to sign: random, for one purpose, good once and for minutes. */
import { randomBytes } from 'node:crypto'
import { and, eq, gt, isNull, lt, type SQL, sql } from 'drizzle-orm'
import type { Context } from '../authority/context.ts'
import type { Database } from '../database/open.ts'
import { passkeyChallenges } from '../database/tables.ts'
import { newId } from '../id.ts'

/** What a challenge is for, and for whom; null for a sign-in, where nobody is known yet. */
export type Challenged = { purpose: (typeof passkeyChallenges.$inferSelect)['purpose']; userId: string | null }

export const challengeMinutes = 5

/** How many that are over are swept with each new one: more than are made, so that none pile up. */
const sweptAtOnce = 10

/** A new challenge, in base64url. */
export async function makeChallenge({ db, clock }: Context, { purpose, userId }: Challenged): Promise<{ id: string; challenge: string }> {
  const row = { id: newId(), purpose, userId, challenge: randomBytes(32).toString('base64url') }
  const now = nowAt(clock.offset())
  // The ids follow the time, so the first are the oldest.
  const oldest = db.select({ id: passkeyChallenges.id }).from(passkeyChallenges).orderBy(passkeyChallenges.id).limit(sweptAtOnce)
  await db.delete(passkeyChallenges).where(and(sql`${passkeyChallenges.id} in ${oldest}`, lt(passkeyChallenges.expiresAt, now)))
  await db.insert(passkeyChallenges).values({ ...row, expiresAt: sql`${now} + ${challengeMinutes} * interval '1 minute'` })
  return { id: row.id, challenge: row.challenge }
}

/**
 * What was to be signed; undefined when the challenge is unknown, over, used up, or was for somebody or something else. `clockOffset` in
 * ms; 0 outside tests.
 */
export async function findChallenge(
  db: Database,
  clockOffset: number,
  id: string,
  { purpose, userId }: Challenged,
): Promise<string | undefined> {
  const owner = userId === null ? isNull(passkeyChallenges.userId) : eq(passkeyChallenges.userId, userId)
  const [found] = await db
    .select({ challenge: passkeyChallenges.challenge })
    .from(passkeyChallenges)
    .where(and(eq(passkeyChallenges.purpose, purpose), owner, unspent(id, nowAt(clockOffset))))
  return found?.challenge
}

/** Uses a challenge up, in the transaction of what it proves; false when it was used meanwhile. `now` in epoch ms. */
export async function spendChallenge(tx: Database, id: string, now: number): Promise<boolean> {
  const at = new Date(now)
  const spent = await tx
    .update(passkeyChallenges)
    .set({ usedAt: at })
    .where(unspent(id, sql`${at.toISOString()}::timestamptz`))
    .returning({ id: passkeyChallenges.id })
  return spent.length > 0
}

const nowAt = (clockOffset: number): SQL => sql`(clock_timestamp() + ${clockOffset}::bigint * interval '1 millisecond')`

const unspent = (id: string, now: SQL): SQL | undefined =>
  and(eq(passkeyChallenges.id, id), isNull(passkeyChallenges.usedAt), gt(passkeyChallenges.expiresAt, now))
