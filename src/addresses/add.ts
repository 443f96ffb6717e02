/**
 * Adding an address. Whether anybody has it makes no difference to the answer; it is found out when the letter leaves, and told to the
 * one who reads that mailbox. The token proves the address for the user who asked, and for nobody else.
 */
import { and, eq, isNull } from 'drizzle-orm'
import { eventOf } from '../authority/authorship.ts'
import { changeOnce } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import type { Authority } from '../authority/judge.ts'
import { personOf } from '../authority/load.ts'
import type { Answer } from '../database/idempotency.ts'
import type { Database } from '../database/open.ts'
import { addresses } from '../database/tables.ts'
import { countAttempt } from '../database/throttle.ts'
import type { Standing } from '../http/types.ts'
import { newId } from '../id.ts'
import { additionBuckets } from '../identity/limits.ts'
import { addressOf } from '../identity/schema.ts'
import { demandShownFactor } from '../identity/shown.ts'
import { findToken, refusedToken, spendToken } from '../identity/tokens.ts'
import { append } from '../journal/append.ts'
import { postSecurityNotice } from '../outbox/post.ts'
import { mailToken } from '../outbox/tokens.ts'
import { invalid, type Problem } from '../problem.ts'
import { type AddressRow, toAddress } from './store.ts'

const made = { action: 'self.read', staffAction: null, account: null, ticket: null }

/** Sends a token there. */
export async function askForAddress(context: Context, { caller, ask, repeatable }: Standing, text: string): Promise<Answer> {
  const { db, clock, config, jobs } = context
  const userId = personOf(caller)
  const address = addressOf(text, { pointer: '#/address' })
  await countAttempt(db, clock.offset(), additionBuckets(userId, address))
  return changeOnce(context, caller, ask, {}, repeatable, async (tx, authority, loaded) => {
    await demandShownFactor(tx, loaded, userId)
    await mailToken(jobs, tx, { purpose: 'address_addition', address, userId }, authority.at, config.proofMinutes * 60_000)
    await append(tx, eventOf(authority, 'address.asked', { resourceType: 'user', resourceId: userId, value: { address } }))
    const detail = `Read the mail that goes to this address; its token is good for ${config.proofMinutes} minutes`
    return { status: 202, body: { status: 'accepted', detail }, made }
  })
}

/**
 * The address is the caller's from now on. @throws Problem `validation_error`, the same for every token that is not good for him: also
 * for another's, and where somebody else has proven the address meanwhile.
 */
export async function proveAddress(context: Context, { caller, ask, repeatable }: Standing, secret: string): Promise<Answer> {
  const { db, clock, jobs } = context
  const userId = personOf(caller)
  try {
    const token = await findToken(db, clock.offset(), secret, ['address_addition'])
    if (token.userId !== userId) throw refusedToken()
    return await changeOnce(context, caller, ask, { users: [userId] }, repeatable, async (tx, authority, loaded) => {
      await demandShownFactor(tx, loaded, userId)
      await spendToken(tx, token.id, authority.at)
      const row = await hold(tx, authority, userId, token.address as string)
      await append(tx, eventOf(authority, 'address.proven', { resourceType: 'address', resourceId: row.id }))
      await postSecurityNotice(jobs, tx, 'address_added', userId)
      return { status: 201, headers: { location: '/v1/me/addresses' }, body: toAddress(row), made }
    })
  } catch (error) {
    // The caller is known and stays so; it is the field that is wrong.
    if ((error as Problem).code === 'not_authorised') throw wrongToken()
    throw error
  }
}

const wrongToken = (): Problem => invalid({ pointer: '#/token', detail: 'is unknown, used up or expired, or not yours', code: 'wrong' })

/** Writes the proven address, in place of what was only stated of him. */
async function hold(tx: Database, { at }: Authority, userId: string, address: string): Promise<AddressRow> {
  const now = new Date(at)
  const [row] = await tx
    .insert(addresses)
    .values({ id: newId(), userId, address, createdAt: now, provenAt: now })
    .onConflictDoNothing()
    .returning()
  if (row === undefined) throw refusedToken()
  const stated = and(eq(addresses.userId, userId), eq(addresses.address, address), isNull(addresses.provenAt))
  await tx
    .update(addresses)
    .set({ removedAt: now })
    .where(and(stated, isNull(addresses.removedAt)))
  return row
}
