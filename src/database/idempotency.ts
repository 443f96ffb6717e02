import { and, eq, lte, sql } from 'drizzle-orm'
import { Problem } from '../problem.ts'
import { sqlState } from './errors.ts'
import type { Database } from './open.ts'
import { idempotencyKeys } from './tables.ts'

/** A request that may be repeated: who, under which key, and a digest of method, route, parameters and body. */
export type Repeatable = { principalId: string; key: string; fingerprint: Buffer }

/** What a stored answer made and who may read it: asked again before the answer is given again. */
export type Made = {
  action: string
  staffAction: string | null
  account: string | null
  ticket: string | null
  grant?: string
  submission?: string
  /** Of an answer about several grants. */
  grants?: readonly string[]
}

/** An answer as it goes out and, for a repetition, as it is stored. `made` says how the right to read it is asked again. */
export type Answer = {
  status: number
  headers?: Record<string, string>
  body?: unknown
  /** What is stored instead of a body that holds a secret. */
  storedBody?: unknown
  made?: Made
}

/** Somebody else's request with the same key has won; its answer is in the table. */
export class KeyTaken extends Error {}

/** How long an answer is kept for repetitions. */
export const keyLifeMs = 24 * 3_600_000

/**
 * Takes the key inside the transaction that makes the effect. A request that holds it right now is waited for on the unique index; a
 * wait beyond `lock_timeout` is a `idempotency_in_progress` problem. Throws `KeyTaken` when it was used.
 */
export async function takeKey(tx: Database, repeatable: Repeatable, now: number): Promise<void> {
  const { principalId, key, fingerprint } = repeatable
  const at = new Date(now)
  try {
    const values = { principalId, key, fingerprint, createdAt: at, expiresAt: new Date(now + keyLifeMs) }
    const taken = await tx
      .insert(idempotencyKeys)
      .values(values)
      .onConflictDoUpdate({
        target: [idempotencyKeys.principalId, idempotencyKeys.key],
        set: { ...values, status: null, headers: null, body: null, made: null },
        setWhere: lte(idempotencyKeys.expiresAt, at),
      })
      .returning({ key: idempotencyKeys.key })
    if (taken.length === 0) throw new KeyTaken()
  } catch (error) {
    throw sqlState(error) === '55P03' ? new Problem('idempotency_in_progress', { headers: { 'retry-after': '1' }, cause: error }) : error
  }
}

/**
 * For a statement that takes the key among other locks and waited too long for one of them: throws `idempotency_in_progress` when somebody
 * holds the key right now, `KeyTaken` when he has just used it, otherwise the statement's own error. `now` in epoch ms.
 */
export function explainWait(db: Database, repeatable: Repeatable, now: number, error: unknown): Promise<never> {
  return db.transaction(async (tx) => {
    await tx.execute(sql`set local lock_timeout = '100ms'`)
    await takeKey(tx, repeatable, now)
    throw error // which also gives the key back
  })
}

/** Completes the key's row with the answer, in the same transaction. */
export async function storeAnswer(tx: Database, repeatable: Repeatable, answer: Answer): Promise<void> {
  await tx
    .update(idempotencyKeys)
    .set({
      status: answer.status,
      headers: answer.headers ?? {},
      body: sql`${JSON.stringify(answer.storedBody ?? answer.body ?? null)}::jsonb`,
      made: answer.made ?? null,
    })
    .where(and(eq(idempotencyKeys.principalId, repeatable.principalId), eq(idempotencyKeys.key, repeatable.key)))
}
