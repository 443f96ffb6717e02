/**
 * Proving the address of a sign-up. It takes two things: the token that was mailed, which only the owner of the mailbox has, and the
 * password that was chosen, which only the one who signed up knows. So a link that somebody else follows – a mail scanner, or the owner
 * of an address that a stranger typed in – makes no user, and nobody gets a user whose password another person chose.
 */
import { changeByProof } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import { throttled } from '../database/throttle.ts'
import { proofBuckets } from '../identity/limits.ts'
import { AddressTaken, createUser } from '../identity/newcomer.ts'
import { verifyPassword } from '../identity/passwords.ts'
import { findToken, refusedToken, spendToken } from '../identity/tokens.ts'
import type { Proof, Proven } from './schema.ts'

/** Makes the user. Signs nobody in. @throws Problem the same for every token or password that is not right; 5 tries per token. */
export async function proveAddress(context: Context, { token, password }: Proof, requestId: string): Promise<Proven> {
  const { db, clock, config } = context
  const { id, name, address, passwordHash } = await findToken(db, clock.offset(), token, ['address_proof'])
  const chosen = { name: name as string, address: address as string, passwordHash: passwordHash as string }
  const newcomer = { ...chosen, verification: 'email:proven' } as const
  const check = async () => (await verifyPassword(config, passwordHash, password)) || undefined
  const right = await throttled(db, clock.offset(), proofBuckets(id, config.proofMinutes * 60), check, { refusal: refusedToken })
  if (right === undefined) throw refusedToken()
  const userId = await changeByProof(context, {}, async (tx, now) => {
    await spendToken(tx, id, now)
    return createUser(tx, newcomer, now, requestId)
  }).catch(refuseTaken)
  return { user: { id: userId, name: newcomer.name }, address: newcomer.address }
}

/** Another sign-up for the address was proven first. */
function refuseTaken(error: unknown): never {
  throw error instanceof AddressTaken ? refusedToken() : error
}
