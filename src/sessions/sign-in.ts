/**
 * Signing in with a proven address and a password. An unknown address, a wrong password and a suspended user get the same answer, from
 * the same statements and one hash, so that nobody learns who has a user here.
 */
import { eq } from 'drizzle-orm'
import { changeByProof } from '../authority/change.ts'
import { users } from '../database/tables.ts'
import { throttled } from '../database/throttle.ts'
import type { Feature } from '../http/feature.ts'
import { signInBuckets } from '../identity/limits.ts'
import { hashPassword, isWeaker, verifyPassword } from '../identity/passwords.ts'
import { addressOf } from '../identity/schema.ts'
import { countingCodes, demandSecondFactor, secondFactorRequired } from '../identity/second-factor.ts'
import { Problem } from '../problem.ts'
import { beginSession, type Origin } from './begin.ts'
import type { SignedIn, SignIn } from './schema.ts'
import { findByAddress, type Identity } from './store.ts'
import { signedIn } from './token.ts'

type Proven = Identity & { passwordHash: string }

/**
 * Begins a session. @throws Problem `unauthenticated`, `second_factor_required` once the password was right, `quota_exceeded` after too
 * many wrong ones, `unavailable` under load.
 */
export async function signIn(feature: Feature, { address, password, code }: SignIn, origin: Origin): Promise<SignedIn> {
  const { context } = feature
  const { db, clock, config } = context
  const normal = addressOf(address, { pointer: '#/address' })
  const person = await throttled(db, clock.offset(), signInBuckets(normal, origin.network), async () => {
    const known = await findByAddress(db, normal)
    const right = await verifyPassword(config, known?.passwordHash ?? null, password)
    return right && known?.status === 'active' ? (known as Proven) : undefined
  })
  if (person === undefined) throw wrongCredentials()
  const stronger = isWeaker(config, person.passwordHash) ? await hashPassword(config, password) : null
  const { userId } = person
  const begin = () =>
    changeByProof(context, { users: [userId] }, async (tx, now) => {
      const still = await findByAddress(tx, normal)
      const stands = still?.userId === userId && still.status === 'active' && still.passwordHash === person.passwordHash
      if (!stands) throw wrongCredentials()
      const { requestId } = origin
      const method = await demandSecondFactor(tx, feature, { userId, code, requestId }, now)
      if (stronger !== null) await tx.update(users).set({ passwordHash: stronger }).where(eq(users.id, userId))
      return beginSession(context, tx, { userId, method, requestId }, now)
    })
  const session = await countingCodes(context, { userId, network: origin.network, code }, begin, ({ accepted }) =>
    secondFactorRequired(accepted, 'The code is wrong, or it has been used'),
  )
  return signedIn(feature, { id: userId, name: person.name }, session)
}

function wrongCredentials(): Problem {
  return new Problem('unauthenticated', { detail: 'The address or the password is wrong', headers: { 'www-authenticate': 'Bearer' } })
}
