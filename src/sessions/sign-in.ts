/**
 * Signing in with a proven address and a password. An unknown address, a wrong password and a suspended user get the same answer, from
 * the same statements and one hash, so that nobody learns who has a user here.
 */
import { eq } from 'drizzle-orm'
import { changeByProof, readClock } from '../authority/change.ts'
import { users } from '../database/tables.ts'
import { throttled } from '../database/throttle.ts'
import type { Feature } from '../http/feature.ts'
import { tellOfGuesses } from '../identity/guesses.ts'
import { signInBuckets } from '../identity/limits.ts'
import { hashInPlace, hashing, isWeaker, verifyInPlace } from '../identity/passwords.ts'
import { addressOf } from '../identity/schema.ts'
import { countingCodes, demandSecondFactor, secondFactorRequired } from '../identity/second-factor.ts'
import { Problem } from '../problem.ts'
import { beginSession, type Origin } from './begin.ts'
import { beginAtOnce } from './begin-at-once.ts'
import type { SignedIn, SignIn } from './schema.ts'
import { findByAddress, type Identity } from './store.ts'
import { signedIn } from './token.ts'

type Proven = Identity & { passwordHash: string }
/** `address` in the form addresses are compared by. */
type Shown = { address: string; password: string; code: string | undefined }

/**
 * Begins a session. @throws Problem `unauthenticated`, `second_factor_required` once the password was right, `quota_exceeded` after too
 * many wrong ones, `unavailable` under load.
 */
export async function signIn(feature: Feature, { address, password, code }: SignIn, origin: Origin): Promise<SignedIn> {
  const { context } = feature
  const { db, clock, config } = context
  const normal = addressOf(address, { pointer: '#/address' })
  let known: Identity | undefined
  const check = async () => {
    known = await findByAddress(db, normal)
    // The place is held until the session is written: else hashes hand over faster than the database takes, and reads wait behind all.
    return hashing.run(async () => {
      const right = await verifyInPlace(config, known?.passwordHash ?? null, password)
      if (!right || known?.status !== 'active') return undefined
      return begin(feature, known as Proven, { address: normal, password, code }, origin)
    })
  }
  const whenSpent = tellOfGuesses(context, () => known?.userId)
  const begun = await throttled(db, clock.offset(), signInBuckets(normal, origin.network), check, { whenSpent })
  if (begun === undefined) throw wrongCredentials()
  return signedIn(feature, begun.user, begun.session)
}

/** Begins the session of one whose password was right, if that still stands once his key is held. */
async function begin(feature: Feature, person: Proven, { address, password, code }: Shown, { network, requestId }: Origin) {
  const { context } = feature
  const { userId, name, passwordHash } = person
  const stronger = isWeaker(context.config, passwordHash) ? await hashInPlace(context.config, password) : null
  const user = { id: userId, name }
  // The usual case is one statement: a transaction of many keeps the embedded database, and a connection, from everybody else.
  if (stronger === null && code === undefined && !person.hasFactor) {
    const who = { userId, revision: person.revision, method: 'password', requestId } as const
    const session = await beginAtOnce(context, who, await readClock(context.db, context.clock.offset()))
    if (session !== undefined) return { session, user }
  }
  const write = () =>
    changeByProof(context, { users: [userId] }, async (tx, now) => {
      const still = await findByAddress(tx, address)
      const stands = still?.userId === userId && still.status === 'active' && still.passwordHash === passwordHash
      if (!stands) throw wrongCredentials()
      const method = await demandSecondFactor(tx, feature, { userId, code, requestId }, now)
      if (stronger !== null) await tx.update(users).set({ passwordHash: stronger }).where(eq(users.id, userId))
      return beginSession(context, tx, { userId, method, requestId }, now)
    })
  const session = await countingCodes(context, { userId, network, code }, write, ({ accepted }) =>
    secondFactorRequired(accepted, 'The code is wrong, or it has been used'),
  )
  return { session, user }
}

function wrongCredentials(): Problem {
  return new Problem('unauthenticated', { detail: 'The address or the password is wrong', headers: { 'www-authenticate': 'Bearer' } })
}
