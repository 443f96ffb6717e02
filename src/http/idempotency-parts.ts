/**
 * A request that is several acts, each a commit of its own, under one `Idempotency-Key`. Each act is stored with its effect under a key of
 * its own, so that a repetition after a crash does what is left and tells all of it; the answer as a whole is stored last.
 */
import { and, eq, gt, sql } from 'drizzle-orm'
import type { Context } from '../authority/context.ts'
import { type Answer, KeyTaken, type Repeatable, storeAnswer, takeKey } from '../database/idempotency.ts'
import { idempotencyKeys } from '../database/tables.ts'
import { answerStored, demandSame, storedByTwin } from './idempotency.ts'
import type { Standing } from './types.ts'

/** No header holds a blank, so nobody takes the key of a part before. */
const nameOf = (key: string, part: string): string => `${key} ${part}`

/** The names of the parts that an earlier try has carried out. @throws Problem `idempotency_key_reused` when that was another request */
export async function partsDone({ db, clock }: Context, repeatable: Repeatable | null): Promise<string[]> {
  if (repeatable === null) return []
  const { principalId, key } = repeatable
  const before = nameOf(key, '')
  const found = await db
    .select({ key: idempotencyKeys.key, fingerprint: idempotencyKeys.fingerprint })
    .from(idempotencyKeys)
    .where(
      and(
        eq(idempotencyKeys.principalId, principalId),
        sql`starts_with(${idempotencyKeys.key}, ${before})`,
        gt(idempotencyKeys.expiresAt, new Date(clock.now())),
      ),
    )
    .orderBy(idempotencyKeys.key)
  for (const { fingerprint } of found) demandSame(fingerprint.toString('hex'), repeatable)
  return found.map((one) => one.key.slice(before.length))
}

/** Carries out a part, or answers with what it has made before, or a twin meanwhile. */
export async function onceInPart(
  context: Context,
  standing: Standing,
  part: string,
  act: (repeatable: Repeatable | null) => Promise<Answer>,
): Promise<Answer> {
  const { caller, repeatable: whole } = standing
  const repeatable = whole && { ...whole, key: nameOf(whole.key, part) }
  try {
    return await act(repeatable)
  } catch (error) {
    if (!(error instanceof KeyTaken) || repeatable === null) throw error
    return answerStored(context, standing, await storedByTwin(context, caller, repeatable, error), repeatable)
  }
}

/** Stores the answer as a whole. @throws KeyTaken when a twin has meanwhile */
export async function keepWhole({ db, clock }: Context, repeatable: Repeatable | null, answer: Answer): Promise<Answer> {
  if (repeatable === null) return answer
  await db.transaction(async (tx) => {
    await takeKey(tx, repeatable, clock.now())
    await storeAnswer(tx, repeatable, answer)
  })
  return answer
}
