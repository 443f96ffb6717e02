/** Taking a factor away, and making new recovery codes. Both need a session in which a factor was shown. */
import { eq } from 'drizzle-orm'
import { change } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import { notFound } from '../authority/judge.ts'
import { personOf } from '../authority/load.ts'
import { ifAltering } from '../authority/locks.ts'
import type { Answer } from '../database/idempotency.ts'
import { secondFactors } from '../database/tables.ts'
import { isUuid } from '../http/access.ts'
import type { Standing } from '../http/types.ts'
import { dropRecoveryCodes, renewRecoveryCodes } from '../identity/recovery-codes.ts'
import { acceptedFactors } from '../identity/second-factor.ts'
import { append } from '../journal/append.ts'
import { postSecurityNotice } from '../outbox/post.ts'
import { Problem } from '../problem.ts'
import { type Act, alterFactors, demandShown, factorEvent } from './alter.ts'
import { findFactor } from './store.ts'

/** Removes one of the caller's factors; one that is removed already stays so. With the last one the recovery codes go. */
export async function removeFactor(context: Context, { caller, ask }: Standing, id: string): Promise<void> {
  const userId = personOf(caller)
  await change(context, caller, ask, ifAltering({ users: [userId] }), async (tx, authority, loaded) => {
    const row = isUuid(id) ? await findFactor(tx, userId, id) : undefined
    if (row === undefined) throw notFound()
    if (row.removedAt !== null) return false
    const act: Act = { tx, authority, loaded, userId }
    await demandShown(act)
    await tx
      .update(secondFactors)
      .set({ removedAt: new Date(authority.at), sealedSecret: null })
      .where(eq(secondFactors.id, id))
    await append(tx, factorEvent(act, 'factor.removed', row))
    if (row.confirmedAt === null) return true
    await postSecurityNotice(context.jobs, tx, 'factor_removed', userId)
    if ((await acceptedFactors(tx, userId)).length === 0) await dropRecoveryCodes(tx, userId)
    return true
  })
}

/** Ten new recovery codes; the former ones are void. @throws Problem `conflict` without a factor they could stand in for */
export function makeRecoveryCodes(context: Context, standing: Standing): Promise<Answer> {
  return alterFactors(context, standing, async (act) => {
    const { tx, authority, userId } = act
    if (!(await demandShown(act))) throw new Problem('conflict', { detail: 'Recovery codes stand in for a second factor: add one first' })
    const recoveryCodes = await renewRecoveryCodes(tx, userId, authority.at)
    await append(tx, factorEvent(act, 'factor.recovery_codes_made', { id: userId }))
    const body = { recoveryCodes, detail: 'The former codes are void; keep these where you will find them without your factors' }
    const storedBody = { recoveryCodes: null, detail: 'The codes were shown once; ask for others with another Idempotency-Key' }
    return { status: 201, headers: { location: '/v1/me/second-factors' }, body, storedBody }
  })
}
