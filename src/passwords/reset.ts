/**
 * A new password for one who has lost his. What is stored and queued is the same for every address; only when the letter leaves is it
 * found out whether the address has a user. And the mailbox alone is not enough where there is a second factor.
 */
import { changeByProof } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import type { Database } from '../database/open.ts'
import { countAttempt } from '../database/throttle.ts'
import type { Feature } from '../http/feature.ts'
import { endSessions, type Telling } from '../identity/end-sessions.ts'
import { resetBuckets } from '../identity/limits.ts'
import { selfEvent } from '../identity/newcomer.ts'
import { demandPassword, hashPassword } from '../identity/passwords.ts'
import { addressOf } from '../identity/schema.ts'
import { type Accepted, acceptedFactors, countingCodes, demandSecondFactor, secondFactorRequired } from '../identity/second-factor.ts'
import { findToken, refusedToken, spendToken } from '../identity/tokens.ts'
import { append } from '../journal/append.ts'
import { postSecurityNotice } from '../outbox/post.ts'
import { mailToken } from '../outbox/tokens.ts'
import type { CompleteReset } from './schema.ts'
import { holdsAddress, provenAddresses, setPassword } from './store.ts'

/** Sends a token to the address, if an active user has proven it. `network` is where the request comes from. */
export async function askReset(context: Context, address: string, network: string): Promise<void> {
  const { db, clock, config, jobs } = context
  const normal = addressOf(address, { pointer: '#/address' })
  await countAttempt(db, clock.offset(), resetBuckets(normal, network))
  const row = { purpose: 'password_reset', address: normal } as const
  await changeByProof(context, {}, (tx, now) => mailToken(jobs, tx, row, now, config.proofMinutes * 60_000))
}

/** Where a request comes from. */
type Origin = { network: string; requestId: string }

/**
 * Sets the password, and ends every session and personal access token of the user. Signs nobody in.
 * @throws Problem the same for every token that is not good; `second_factor_required`, also for a wrong code; `quota_exceeded`
 */
export async function completeReset(feature: Feature, body: CompleteReset, { network, requestId }: Origin): Promise<void> {
  const { context } = feature
  const { db, clock, config, jobs } = context
  const token = await findToken(db, clock.offset(), body.token, ['password_reset'])
  const { userId, address } = token as { userId: string; address: string }
  demandPassword(body.newPassword, await provenAddresses(db, userId), '#/newPassword')
  const passwordHash = await hashPassword(config, body.newPassword)
  const verification = 'email:proven'
  const tried = { userId, code: body.code, requestId, instead: verification } as const
  const reset = () =>
    changeByProof(context, { users: [userId] }, async (tx, now) => {
      await spendToken(tx, token.id, now)
      if (!(await holdsAddress(tx, userId, address))) throw refusedToken()
      if (body.code === undefined) await demandNone(tx, userId)
      await demandSecondFactor(tx, feature, tried, now)
      await setPassword(tx, userId, passwordHash, now)
      const event: Telling = (kind, rest) => selfEvent(kind, userId, now, requestId, { verification, ...rest })
      await append(tx, event('password.reset', { resourceType: 'user', resourceId: userId }))
      await endSessions(tx, userId, [], now, event)
      await postSecurityNotice(jobs, tx, 'password_reset', userId)
    })
  await countingCodes(context, { userId, network, code: body.code }, reset, ({ accepted }) =>
    secondFactorRequired(asCode(accepted), 'The code is wrong, or it has been used'),
  )
}

/** A passkey has no code. Who has nothing else left takes a recovery code, or signs in with the passkey. */
const asCode = (accepted: readonly Accepted[]): Accepted[] => accepted.filter((kind) => kind !== 'passkey')

async function demandNone(tx: Database, userId: string): Promise<void> {
  const accepted = await acceptedFactors(tx, userId)
  if (accepted.length > 0) throw secondFactorRequired(asCode(accepted), 'Send a code of your second factor as well')
}
