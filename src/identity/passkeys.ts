/**
 * Passkeys (Web Authentication, level 3). The relying party is the host name of the service's public origin, and only pages of that
 * origin may speak for it.
 */
import { type AuthenticationResponseJSON, verifyAuthenticationResponse } from '@simplewebauthn/server'
import { and, eq, isNull, lt, sql } from 'drizzle-orm'
import type { Context } from '../authority/context.ts'
import type { Database } from '../database/open.ts'
import { secondFactors, users } from '../database/tables.ts'
import { throttled } from '../database/throttle.ts'
import { type Challenged, findChallenge, spendChallenge } from './challenges.ts'
import { passkeyBuckets } from './limits.ts'

/** What comes back from the browser: the challenge it was given, and what the authenticator made of it. */
export type Assertion = { challengeId: string; credential: AuthenticationResponseJSON }

/** Whose passkey signed; it takes effect by `usePasskey`. */
export type Signed = { challengeId: string; factorId: string; userId: string; name: string; signCount: number }

/** The relying party: its id, and the origin whose pages may speak for it. */
export function relyingParty(config: Context['config']): { id: string; origin: string } {
  const origin = config.publicUrl
  return { id: new URL(origin).hostname, origin }
}

/** How an authenticator knows a user: 16 bytes that say nothing about him. */
export const handleOf = (userId: string): Buffer => Buffer.from(userId.replaceAll('-', ''), 'hex')

/**
 * Whose passkey signed the challenge; undefined when none of ours did: an unknown one, a signature that is wrong, a user not verified,
 * a counter that went back. Which of these it was is told to nobody. @throws Problem `quota_exceeded` after too many from a network.
 */
export async function provePasskey(
  context: Context,
  challenged: Challenged,
  { challengeId, credential }: Assertion,
  network: string,
): Promise<Signed | undefined> {
  const { db, clock, config } = context
  return throttled(db, clock.offset(), passkeyBuckets(network), async () => {
    const challenge = await findChallenge(db, clock.offset(), challengeId, challenged)
    const passkey = await findPasskey(db, credential.id)
    if (challenge === undefined || passkey === undefined || !isMeant(passkey.userId, challenged, credential)) return undefined
    const signCount = await verify(config, challenge, passkey, credential)
    return signCount === undefined
      ? undefined
      : { challengeId, factorId: passkey.id, userId: passkey.userId, name: passkey.name, signCount }
  })
}

/**
 * Lets a proof take effect, once: uses the challenge up and moves the counter on, if the passkey and its user still stand. `now` in
 * epoch ms.
 */
export async function usePasskey(tx: Database, { challengeId, factorId, signCount }: Signed, now: number): Promise<boolean> {
  if (!(await spendChallenge(tx, challengeId, now))) return false
  // Zero is the counter of an authenticator that has none; a counter that counts only ever grows.
  const follows = signCount === 0 ? eq(secondFactors.signCount, 0) : lt(secondFactors.signCount, signCount)
  const isActive = sql`exists (select from ${users} u where u.id = ${secondFactors.userId} and u.status = 'active')`
  const used = await tx
    .update(secondFactors)
    .set({ signCount, lastUsedAt: new Date(now) })
    .where(and(eq(secondFactors.id, factorId), isNull(secondFactors.removedAt), follows, isActive))
    .returning({ id: secondFactors.id })
  return used.length > 0
}

async function findPasskey(db: Database, credentialId: string) {
  const { id, publicKey, signCount } = secondFactors
  const [found] = await db
    .select({ id, userId: users.id, name: users.name, publicKey, signCount })
    .from(secondFactors)
    .innerJoin(users, and(eq(users.id, secondFactors.userId), eq(users.status, 'active')))
    .where(and(eq(secondFactors.credentialId, credentialId), isNull(secondFactors.removedAt)))
  return found
}

/** A sign-in is for the user the authenticator names; where he is known already it need not name him (section 7.2, step 6). */
function isMeant(owner: string, { userId }: Challenged, { response }: AuthenticationResponseJSON): boolean {
  const handle = handleOf(owner).toString('base64url')
  return userId === null ? response.userHandle === handle : userId === owner && (response.userHandle ?? handle) === handle
}

type Passkey = NonNullable<Awaited<ReturnType<typeof findPasskey>>>

/** The authenticator's new counter, if the assertion holds (section 7.2). */
async function verify(
  config: Context['config'],
  challenge: string,
  { publicKey, signCount }: Passkey,
  response: AuthenticationResponseJSON,
): Promise<number | undefined> {
  const { id, origin } = relyingParty(config)
  const credential = { id: response.id, publicKey: new Uint8Array(publicKey as Buffer), counter: signCount as number }
  const expected = { expectedChallenge: challenge, expectedOrigin: origin, expectedRPID: id, requireUserVerification: true }
  return verifyAuthenticationResponse({ response, credential, ...expected }).then(
    ({ verified, authenticationInfo }) => (verified ? authenticationInfo.newCounter : undefined),
    () => undefined,
  )
}
