/** The ends of a grant: each only takes away, so it needs no version, can be repeated, and then answers the same. */
import { and, eq, isNull, sql } from 'drizzle-orm'
import type { Context } from '../authority/context.ts'
import type { Answer } from '../database/idempotency.ts'
import { grants, singleUseTokens } from '../database/tables.ts'
import type { Standing } from '../http/types.ts'
import type { GrantStatus } from '../vocabulary.ts'
import { type Act, actOnGrant } from './act.ts'
import { demandStep, invalidStep, type Side } from './life.ts'
import type { EndGrant } from './schema.ts'
import { demandReason } from './suspend.ts'
import { record, tellSides } from './tell.ts'

export type End = 'declined' | 'cancelled' | 'revoked' | 'resigned'

/** What a contact or staff make of a grant when they want it gone, wherever it stands. */
const gone: Partial<Record<GrantStatus, End>> = { requested: 'declined', invited: 'cancelled', active: 'revoked', suspended: 'revoked' }

/**
 * Ends a grant that is in force, or withdraws one that is only asked for or offered. Staff say why, and the owners are told.
 * @throws Problem `invalid_transition` for what has ended in another way
 */
export function revokeGrant(context: Context, standing: Standing, body: EndGrant): Promise<Answer> {
  demandReason(standing, body.reason)
  return actOnGrant(context, standing, async (act) => {
    const ended = await endWherever(act, body.reason)
    if (!ended && !Object.values(gone).includes(act.status as End)) throw invalidStep('account', act.status, 'revoked')
    return ended
  })
}

/** Ends it in the way that fits where it stands, and says whether there was anything to end. */
export async function endWherever(act: Act, reason: string | undefined): Promise<boolean> {
  const to = gone[act.status]
  if (to !== undefined) await end(act, to, reason === undefined ? undefined : { reason })
  return to !== undefined
}

/** A contact says no to a developer who asks. He is not told: he would learn that his request code was right. */
export function declineGrant(context: Context, standing: Standing): Promise<Answer> {
  return actOnGrant(context, standing, (act) => endBy('account', act, 'declined'))
}

/** A contact withdraws what was offered. */
export function cancelGrant(context: Context, standing: Standing): Promise<Answer> {
  return actOnGrant(context, standing, (act) => endBy('account', act, 'cancelled'))
}

/** One side ends it so; what is ended so already stays as it is. Says whether it ended it. @throws Problem `invalid_transition` */
export async function endBy(side: Side, act: Act, to: End): Promise<boolean> {
  if (act.status === to) return false
  demandStep(side, act.status, to)
  await end(act, to)
  return true
}

/** Writes the end, voids what was mailed, records and tells it. */
export async function end(act: Act, status: End, value?: Record<string, unknown>): Promise<void> {
  const { tx, authority, grant } = act
  const at = new Date(authority.at)
  await tx
    .update(grants)
    .set({ status, suspensionCauses: [], endedAt: at, endedBy: authority.actorUserId, version: sql`${grants.version} + 1` })
    .where(and(eq(grants.accountId, grant.accountId), eq(grants.id, grant.id)))
  const open = and(eq(singleUseTokens.accountId, grant.accountId), eq(singleUseTokens.grantId, grant.id), isNull(singleUseTokens.usedAt))
  await tx.update(singleUseTokens).set({ usedAt: at }).where(open)
  await record(act, `grant.${status}`, ['status'], value)
  await tellSides(act, `grant_${status}`)
}
