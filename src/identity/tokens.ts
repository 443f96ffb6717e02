/** Single-use secrets: found by their hash, spent once, by a deadline. Whatever is wrong with one, the answer is the same. */
import { and, eq, gt, inArray, isNull, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../database/open.ts'
import { singleUseTokens } from '../database/tables.ts'
import { hashOf } from '../outbox/secret.ts'
import { Problem } from '../problem.ts'
import type { TokenPurpose } from '../vocabulary.ts'

export type Token = typeof singleUseTokens.$inferSelect

/** The unused token of a secret. `clockOffset` in ms; 0 outside tests. @throws Problem when there is none for these purposes. */
export async function findToken(
  db: Database,
  clockOffset: number,
  secret: string,
  purposes: readonly [TokenPurpose, ...TokenPurpose[]],
): Promise<Token> {
  const now = sql`clock_timestamp() + ${clockOffset}::bigint * interval '1 millisecond'`
  const [token] = await db
    .select()
    .from(singleUseTokens)
    .where(and(eq(singleUseTokens.secretHash, hashOf(secret)), inArray(singleUseTokens.purpose, [...purposes]), unspent(now)))
  if (token === undefined) throw refusedToken()
  return token
}

/** Spends a token at an instant (epoch ms), and forgets what a sign-up had left in it. @throws Problem when it was spent meanwhile. */
export async function spendToken(tx: Database, id: string, now: number): Promise<void> {
  const at = new Date(now)
  const spent = await tx
    .update(singleUseTokens)
    .set({ usedAt: at, name: null, passwordHash: null })
    .where(and(eq(singleUseTokens.id, id), unspent(sql`${at.toISOString()}::timestamptz`)))
    .returning({ id: singleUseTokens.id })
  if (spent.length === 0) throw refusedToken()
}

const unspent = (now: SQL): SQL | undefined => and(isNull(singleUseTokens.usedAt), gt(singleUseTokens.expiresAt, now))

/** Unknown, used, expired, withdrawn or together with a wrong password: one answer. */
export function refusedToken(): Problem {
  return new Problem('not_authorised', {
    detail: 'This token cannot be used: it is unknown, used up or expired, or what belongs to it is wrong',
    members: { next: [{ rel: 'again', detail: 'Ask for a new one where this one came from' }] },
  })
}
