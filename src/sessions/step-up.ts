/** Proving oneself anew within a session, for acts that alter authority (RFC 9470). */
import { eq } from 'drizzle-orm'
import { eventOf } from '../authority/authorship.ts'
import { change } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import { personOf } from '../authority/load.ts'
import type { Database } from '../database/open.ts'
import { sessions } from '../database/tables.ts'
import { throttled } from '../database/throttle.ts'
import type { Feature } from '../http/feature.ts'
import type { Standing } from '../http/types.ts'
import { tellOfGuesses } from '../identity/guesses.ts'
import { stepUpBuckets } from '../identity/limits.ts'
import { type Assertion, provePasskey, usePasskey } from '../identity/passkeys.ts'
import { verifyPassword } from '../identity/passwords.ts'
import { countingCodes, demandSecondFactor } from '../identity/second-factor.ts'
import { append } from '../journal/append.ts'
import { invalid, type Problem } from '../problem.ts'
import { levelOfMethod, type VerificationMethod } from '../vocabulary.ts'
import type { SignedIn, StepUp } from './schema.ts'
import { passwordOf } from './store.ts'
import { signedIn } from './token.ts'

type Who = { userId: string; network: string; requestId: string }

/** Lets what was shown take effect, in the transaction that holds the user's key. `now` in epoch ms. */
type Proof = (tx: Database, now: number) => Promise<VerificationMethod>

/**
 * A new access token on the same session, with the time and method of this proof. @throws Problem `validation_error` for a wrong
 * password, code or passkey, `second_factor_required`, `quota_exceeded` after too many wrong ones, `unavailable` under load.
 */
export async function stepUp(feature: Feature, { caller, ask }: Standing, body: StepUp, network: string): Promise<SignedIn> {
  const { context } = feature
  const who = { userId: personOf(caller), network, requestId: caller.requestId }
  const { userId } = who
  const prove = await proofOf(feature, who, body)
  const alter = () =>
    change(context, caller, ask, { users: [userId] }, async (tx, authority, { facts }) => {
      const method = await prove(tx, authority.at)
      const proven = { method, level: levelOfMethod[method], authenticatedAt: new Date(authority.at) }
      await tx.update(sessions).set(proven).where(eq(sessions.id, caller.sessionId))
      const about = { resourceType: 'session', resourceId: caller.sessionId }
      await append(tx, eventOf(authority, 'session.stepped_up', about, method))
      const session = { id: caller.sessionId, method, authenticatedAt: authority.at, expiresAt: facts.session?.expiresAt as number }
      return { session, user: { id: userId, name: facts.user?.name as string } }
    })
  const { session, user } = await countingCodes(context, { userId, network, code: body.code }, alter, wrongCode)
  return signedIn(feature, user, session)
}

function proofOf(feature: Feature, who: Who, { password, code, passkey }: StepUp): Promise<Proof> {
  if (password !== undefined && passkey === undefined) return byPassword(feature, who, password, code)
  if (passkey !== undefined && password === undefined) return byPasskey(feature.context, who, passkey)
  throw invalid({ pointer: '#', detail: 'must have either the password or a passkey', code: 'required' })
}

async function byPassword(feature: Feature, { userId, network, requestId }: Who, password: string, code?: string): Promise<Proof> {
  const { db, clock, config } = feature.context
  const check = async () => {
    const hash = await passwordOf(db, userId)
    return (await verifyPassword(config, hash, password)) ? hash : undefined
  }
  const whenSpent = tellOfGuesses(feature.context, () => userId)
  const stored = await throttled(db, clock.offset(), stepUpBuckets(userId, network), check, { whenSpent })
  if (stored === undefined) throw wrongPassword()
  return async (tx, now) => {
    if ((await passwordOf(tx, userId)) !== stored) throw wrongPassword()
    return demandSecondFactor(tx, feature, { userId, code, requestId }, now)
  }
}

async function byPasskey(context: Context, { userId, network }: Who, assertion: Assertion): Promise<Proof> {
  const signed = await provePasskey(context, { purpose: 'step_up', userId }, assertion, network)
  if (signed === undefined) throw wrongPasskey()
  return async (tx, now) => {
    if (!(await usePasskey(tx, signed, now))) throw wrongPasskey()
    return 'passkey'
  }
}

// The caller is known and stays so; it is the field that is wrong.
const wrongPassword = (): Problem => invalid({ pointer: '#/password', detail: 'is not your password', code: 'wrong' })
const wrongCode = (): Problem => invalid({ pointer: '#/code', detail: 'is wrong, or it has been used', code: 'wrong' })
const wrongPasskey = (): Problem => invalid({ pointer: '#/passkey', detail: 'is not signed by a passkey of yours', code: 'wrong' })
