/**
 * Signing up. What is stored and queued is the same for every address; only when the letter leaves is it found out whether the address
 * has a user already, and then it says so – to the one who reads that mailbox, never to the one who asked.
 */
import { changeByProof } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import { countAttempt } from '../database/throttle.ts'
import { signUpBuckets } from '../identity/limits.ts'
import { demandPassword, hashPassword } from '../identity/passwords.ts'
import { addressOf } from '../identity/schema.ts'
import { mailToken } from '../outbox/tokens.ts'
import type { SignUp } from './schema.ts'

/** Asks for a user: a mail goes to the address. `network` is where the request comes from. */
export async function signUp(context: Context, { name, address, password }: SignUp, network: string): Promise<void> {
  const { db, clock, config, jobs } = context
  const normal = addressOf(address, { pointer: '#/address' })
  demandPassword(password, normal)
  await countAttempt(db, clock.offset(), signUpBuckets(normal, network))
  const passwordHash = await hashPassword(config, password)
  const row = { purpose: 'address_proof', address: normal, name, passwordHash } as const
  await changeByProof(context, {}, (tx, now) => mailToken(jobs, tx, row, now, config.proofMinutes * 60_000))
}
