/** Signing in with a passkey alone: the authenticator has verified the person and names him. */
import { generateAuthenticationOptions } from '@simplewebauthn/server'
import { and, isNotNull } from 'drizzle-orm'
import { changeByProof } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import { secondFactors } from '../database/tables.ts'
import type { Feature } from '../http/feature.ts'
import { challengeMinutes, makeChallenge } from '../identity/challenges.ts'
import { type Assertion, provePasskey, relyingParty, usePasskey } from '../identity/passkeys.ts'
import { standing } from '../identity/second-factor.ts'
import { Problem } from '../problem.ts'
import { beginSession, type Origin } from './begin.ts'
import type { SignedIn } from './schema.ts'
import { signedIn } from './token.ts'

/** What a browser needs to sign with a passkey: any, to sign in (`userId` null), or one of the caller's, to step up. */
export async function assertionOptions(context: Context, userId: string | null) {
  const { id: challengeId, challenge } = await makeChallenge(context, { purpose: userId === null ? 'sign_in' : 'step_up', userId })
  const publicKey = await generateAuthenticationOptions({
    rpID: relyingParty(context.config).id,
    challenge: new Uint8Array(Buffer.from(challenge, 'base64url')),
    allowCredentials: userId === null ? [] : await credentialsOf(context, userId),
    timeout: challengeMinutes * 60_000,
    userVerification: 'required',
  })
  return { challengeId, publicKey }
}

async function credentialsOf({ db }: Context, userId: string): Promise<{ id: string }[]> {
  const held = await db
    .select({ id: secondFactors.credentialId })
    .from(secondFactors)
    .where(and(standing(userId), isNotNull(secondFactors.credentialId)))
  return held as { id: string }[]
}

/** Begins a session. @throws Problem `unauthenticated` for whatever is wrong, `quota_exceeded` after too many from a network */
export async function signInByPasskey(feature: Feature, assertion: Assertion, { network, requestId }: Origin): Promise<SignedIn> {
  const { context } = feature
  const signed = await provePasskey(context, { purpose: 'sign_in', userId: null }, assertion, network)
  if (signed === undefined) throw wrongPasskey()
  const { userId, name } = signed
  const session = await changeByProof(context, { users: [userId] }, async (tx, now) => {
    if (!(await usePasskey(tx, signed, now))) throw wrongPasskey()
    return beginSession(context, tx, { userId, method: 'passkey', requestId }, now)
  })
  return signedIn(feature, { id: userId, name }, session)
}

/** Unknown, removed, wrongly signed, of a suspended user, too late: one answer. */
function wrongPasskey(): Problem {
  const detail = 'No user was signed in with this passkey; ask for new options to try again'
  return new Problem('unauthenticated', { detail, headers: { 'www-authenticate': 'Bearer' } })
}
