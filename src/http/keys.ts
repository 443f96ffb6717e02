/**
 * The service's signing keys: made on the first start, kept sealed in the database, published as a JWK set. What the database holds
 * counts, not what a process remembers: any process, or the command line, may have added or removed one a moment ago.
 */
import { type CryptoKey, importPKCS8, type JWK, SignJWT } from 'jose'
import type { Ceiling } from '../authority/facts.ts'
import type { SigningAlgorithm } from '../config.ts'
import type { Database } from '../database/open.ts'
import { deriveKey, open } from '../database/secrets.ts'
import { newId } from '../id.ts'
import { holdKeys, type KeyRow, makeKey, readLiveKeys } from './key-store.ts'
import { type PublicPem, publicPems } from './public-keys.ts'

/** RFC 9068 access token claims; instants in seconds. */
export type AccessClaims = {
  sub: string
  sid: string
  iat: number
  exp: number
  auth_time: number
  amr: string[]
  /** The client it goes through or belongs to; ours, for a person's own sign-in, when not given. */
  client_id?: string
  /** RFC 8693, section 4.1: the client that acts for the subject. */
  act?: { sub: string }
  /** RFC 9396: the ceiling of a narrowed token. */
  authorization_details?: [CeilingDetail]
}

/** The `client_id` of tokens that a person got by signing in here. */
export const ownClient = 'mandate'

/** The one type of `authorization_details` (RFC 9396) and the ceiling in it. */
export type CeilingDetail = Ceiling & { type: 'helpdesk_authority' }

/** The ceiling a token of ours carries, null where it has none; undefined where what it carries is no ceiling. */
export function readCeiling(details: unknown): Ceiling | null | undefined {
  if (details === undefined) return null
  const [detail, ...others] = Array.isArray(details) ? details : []
  const { account, domains, actions, grant } = (detail ?? {}) as CeilingDetail
  const isCeiling = typeof account === 'string' && Array.isArray(domains) && Array.isArray(actions) && others.length === 0
  if (!isCeiling || !['string', 'undefined'].includes(typeof grant)) return undefined
  return { account, domains, actions, ...(grant === undefined ? {} : { grant }) }
}

export type Keys = {
  /** Signs an access token (`typ: at+jwt`) with the key that is the newest now, whichever process made it. */
  sign(claims: AccessClaims): Promise<string>
  publicPem: PublicPem
  /** RFC 7517: the keys that verify, the one that signs first. */
  jwks(): Promise<{ keys: JWK[] }>
  /** Makes a key that signs from the commit on, in the caller's transaction. `now` in epoch ms. */
  rotate(tx: Database, algorithm: SigningAlgorithm, now: number): Promise<KeyRow>
}

/** Opens the keys, making the first one when there is none. `secret` is the service's; `now` is epoch ms. */
export async function openKeys(
  db: Database,
  secret: Buffer,
  issuer: string,
  now: number,
  algorithm: SigningAlgorithm = 'EdDSA',
): Promise<Keys> {
  const sealKey = deriveKey(secret, 'signing keys')
  const rotate: Keys['rotate'] = async (tx, chosen, at) => {
    await holdKeys(tx)
    return makeKey(tx, sealKey, chosen, at)
  }
  await db.transaction(async (tx) => {
    await holdKeys(tx)
    if ((await readLiveKeys(tx, 1)).length === 0) await makeKey(tx, sealKey, algorithm, now)
  })
  const signer = signerOf(db, sealKey)
  await signer() // a key that cannot be opened stops the start, not the first sign-in
  return {
    async sign(claims) {
      const { kid, alg, privateKey } = await signer()
      return new SignJWT({ client_id: ownClient, scope: '', ...claims })
        .setProtectedHeader({ alg, typ: 'at+jwt', kid })
        .setIssuer(issuer)
        .setAudience(issuer)
        .setJti(newId())
        .sign(privateKey)
    },
    publicPem: await publicPems(db),
    jwks: async () => ({ keys: (await readLiveKeys(db)).map(({ publicKey }) => publicKey as JWK) }),
    rotate,
  }
}

type Signer = { kid: string; alg: string; privateKey: CryptoKey }

/** Asks each time which key signs: one that was removed elsewhere must not sign another token that nobody takes. */
function signerOf(db: Database, sealKey: Buffer): () => Promise<Signer> {
  let last: Signer | undefined
  return async () => {
    const [row] = (await readLiveKeys(db, 1)) as [KeyRow]
    if (last?.kid !== row.kid) {
      const privateKey = await importPKCS8(open(sealKey, row.sealedPrivateKey).toString('utf8'), row.algorithm)
      last = { kid: row.kid, alg: row.algorithm, privateKey }
    }
    return last
  }
}
