/** Looks for the record that proves a claim. What it finds counts for no more than the authority of who made the claim, or who looks. */
import { and, eq } from 'drizzle-orm'
import { change } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import type { AccountFact } from '../authority/facts.ts'
import { domainClaims } from '../database/tables.ts'
import { countAttempt } from '../database/throttle.ts'
import type { Standing } from '../http/types.ts'
import type { TxtResolver } from '../txt.ts'
import { type ClaimRow, findPending, noteChecked, settle } from './claim-life.ts'
import { challengeName } from './claim-store.ts'

/** Whether the record says what it must. */
export async function isProven(txt: TxtResolver, { name, value }: Pick<ClaimRow, 'name' | 'value'>): Promise<boolean> {
  return (await txt(challengeName(name))).includes(value)
}

export const isOpen = ({ status, expiresAt }: ClaimRow, now: number): boolean => status === 'pending' && now < expiresAt.getTime()

/** A look-up goes out to strangers' servers: after some it must wait. */
const limit = { free: 10, firstSeconds: 10, mostSeconds: 600, memorySeconds: 3_600 }

/**
 * Looks now, under the authority of who asks. A claim that has ended stays as it is. Throws the refusal, or
 * `quota_exceeded`.
 */
export async function checkClaim(context: Context, txt: TxtResolver, standing: Standing, id: string): Promise<void> {
  const { id: accountId } = standing.loaded.account as AccountFact
  const [claim] = await context.db
    .select()
    .from(domainClaims)
    .where(and(eq(domainClaims.accountId, accountId), eq(domainClaims.id, id)))
  const { now } = standing.loaded.facts
  if (claim === undefined || !isOpen(claim, now)) return
  await countAttempt(context.db, context.clock.offset(), [{ kind: 'domain_check', target: id, limit }])
  if (!(await isProven(txt, claim))) {
    return noteChecked(context.db, now, claim)
  }
  await change(context, standing.caller, standing.ask, { accounts: [accountId] }, async (tx, authority) => {
    const found = await findPending(tx, accountId, { id })
    if (found !== undefined && isOpen(found, authority.at)) await settle(tx, authority, found)
  })
}
