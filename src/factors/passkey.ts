/** Adding a passkey: the browser is told what to make, and what it made is verified (Web Authentication, level 3, section 7.1). */
import { generateRegistrationOptions, type RegistrationResponseJSON, verifyRegistrationResponse } from '@simplewebauthn/server'
import { decodeAttestationObject, isoBase64URL } from '@simplewebauthn/server/helpers'
import { and, eq } from 'drizzle-orm'
import type { Context } from '../authority/context.ts'
import { personOf } from '../authority/load.ts'
import type { Answer } from '../database/idempotency.ts'
import { secondFactors } from '../database/tables.ts'
import type { Standing } from '../http/types.ts'
import { newId } from '../id.ts'
import { challengeMinutes, findChallenge, makeChallenge, spendChallenge } from '../identity/challenges.ts'
import { handleOf, relyingParty } from '../identity/passkeys.ts'
import { invalid, Problem } from '../problem.ts'
import { added, alterFactors, demandRoom, demandShown } from './alter.ts'
import type { NewPasskey } from './schema.ts'
import { labelOf, present } from './store.ts'

/** EdDSA, ES256 and RS256: what every authenticator can do one of. */
const algorithms = [-8, -7, -257]

/** What the browser is to make: a key the authenticator finds without being told which, and uses only for a user it has verified. */
export async function passkeyOptions(context: Context, standing: Standing) {
  const userId = personOf(standing.caller)
  const { id: challengeId, challenge } = await makeChallenge(context, { purpose: 'register', userId })
  const { label, name } = await labelOf(context.db, userId)
  const held = await context.db
    .select({ id: secondFactors.credentialId })
    .from(secondFactors)
    .where(and(present(userId), eq(secondFactors.kind, 'passkey')))
  const publicKey = await generateRegistrationOptions({
    rpName: 'Mandate',
    rpID: relyingParty(context.config).id,
    userID: new Uint8Array(handleOf(userId)),
    userName: label,
    userDisplayName: name,
    challenge: new Uint8Array(Buffer.from(challenge, 'base64url')),
    timeout: challengeMinutes * 60_000,
    attestationType: 'none',
    excludeCredentials: held.map(({ id }) => ({ id: id as string })),
    authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
    supportedAlgorithmIDs: algorithms,
  })
  return { challengeId, publicKey }
}

/** Adds what the browser made. @throws Problem `validation_error` for what cannot be verified, `conflict` for one that is registered */
export function addPasskey(context: Context, standing: Standing, { name, challengeId, credential }: NewPasskey): Promise<Answer> {
  return alterFactors(context, standing, async (act) => {
    const { tx, authority, userId } = act
    const isFirst = !(await demandShown(act))
    await demandRoom(act)
    const challenge = await findChallenge(tx, context.clock.offset(), challengeId, { purpose: 'register', userId })
    if (challenge === undefined) throw unusable('#/challengeId', 'is unknown, used or over: ask for new options', 'expired')
    const made = await verify(context.config, challenge, credential)
    if (made === undefined) throw unusable('#/credential', 'is no passkey made for these options', 'not_verified')
    await spendChallenge(tx, challengeId, authority.at)
    const at = new Date(authority.at)
    const { transports = null } = credential.response
    const row = {
      id: newId(),
      userId,
      kind: 'passkey',
      name: name ?? 'Passkey',
      ...made,
      transports,
      createdAt: at,
      confirmedAt: at,
    } as const
    const [inserted] = await tx.insert(secondFactors).values(row).onConflictDoNothing().returning()
    if (inserted === undefined) throw new Problem('conflict', { detail: 'This passkey is registered already' })
    return { status: 201, headers: { location: '/v1/me/second-factors' }, ...(await added(context, act, inserted, isFirst)) }
  })
}

const unusable = (pointer: string, detail: string, code: string): Problem => invalid({ pointer, detail, code })

type Made = { credentialId: string; publicKey: Buffer; signCount: number }

/** What is kept of a new credential; undefined when it does not hold. */
async function verify(config: Context['config'], challenge: string, response: RegistrationResponseJSON): Promise<Made | undefined> {
  const { id, origin } = relyingParty(config)
  try {
    demandNoAttestation(response)
    const expected = { expectedChallenge: challenge, expectedOrigin: origin, expectedRPID: id, requireUserVerification: true }
    const { registrationInfo } = await verifyRegistrationResponse({ response, ...expected, supportedAlgorithmIDs: algorithms })
    if (registrationInfo === undefined) return undefined
    const { credential } = registrationInfo
    return { credentialId: credential.id, publicKey: Buffer.from(credential.publicKey), signCount: credential.counter }
  } catch {
    return undefined
  }
}

/**
 * We ask for no attestation and believe none. Some forms of it name addresses that would be fetched to verify them, so that only the
 * two that a browser gives unasked are taken: none at all, and the credential's own signature.
 */
function demandNoAttestation({ response }: RegistrationResponseJSON): void {
  const format = decodeAttestationObject(isoBase64URL.toBuffer(response.attestationObject)).get('fmt')
  if (format !== 'none' && format !== 'packed') throw new Error('an attestation was not asked for')
}
