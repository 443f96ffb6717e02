/**
 * Reads what a client has signed with one of its registered keys (RFC 7523, section 3): strictly, and by the service's own clock. The
 * signature comes first, so only who holds a key is told what is wrong with a claim.
 */
import { compactVerify, createLocalJWKSet, type JWK } from 'jose'
import { readJson } from '../http/json.ts'
import { partsOfToken } from '../http/token-form.ts'

/** Signing algorithms that clients may use; which of them a key serves is in the key. */
export const assertionAlgorithms = ['EdDSA', 'ES256', 'RS256']

export type Assertion = { iss: string; sub: string; jti: string; iat: number; exp: number; rest: Readonly<Record<string, unknown>> }

export type Expected = {
  /** The one audience: our issuer. */
  audience: string
  /** The issuer, and a sentence for when it is another. */
  issuer: string
  /** Accepted `typ` header values; undefined stands for none. */
  types: readonly (string | undefined)[]
  /** The longest time from `iat` to `exp`, in seconds. */
  lifeSeconds: number
  /** Epoch ms. */
  now: number
}

/** Clocks differ by no more than this, in seconds. */
const futureSecondsMax = 5

const headerMembers = ['alg', 'typ', 'kid']

/** The claims, or in one sentence what is wrong. */
export async function readAssertion(jwt: string, keys: readonly JWK[], expected: Expected): Promise<Assertion | { fault: string }> {
  const [header, claims] = partsOf(jwt)
  if (header === undefined || claims === undefined) return { fault: 'It is no signed JWT' }
  if (Object.keys(header).some((name) => !headerMembers.includes(name))) return { fault: 'Its header takes alg, typ and kid only' }
  if (!expected.types.some((type) => type === header['typ'])) return { fault: 'Its typ is another' }
  const verified = await compactVerify(jwt, createLocalJWKSet({ keys: [...keys] }), { algorithms: assertionAlgorithms }).catch(
    () => undefined,
  )
  if (verified === undefined) return { fault: 'It is not signed with a registered key of this client' }
  const fault = faultOf(claims, expected)
  if (fault !== undefined) return { fault }
  const { iss, sub, jti, iat, exp, ...rest } = claims as Omit<Assertion, 'rest'>
  return { iss, sub, jti, iat, exp, rest }
}

/** Which key an assertion says it is signed with; likewise before anything is verified. */
export function statedKey(jwt: string): unknown {
  return partsOf(jwt)[0]?.['kid']
}

/** Who an assertion says it is of, before anything is verified: for finding the keys to verify it with. */
export function statedIssuer(jwt: string): unknown {
  return partsOf(jwt)[1]?.['iss']
}

type Part = Record<string, unknown>

/** Header and claims of a compact JWS, as strictly read as a body: nothing twice, no padding, no NUL. */
function partsOf(jwt: string): [Part | undefined, Part | undefined] {
  const parts = partsOfToken(jwt)
  return parts === undefined ? [undefined, undefined] : [objectOf(parts[0]), objectOf(parts[1])]
}

function objectOf(part: Buffer): Part | undefined {
  try {
    const value = readJson(new TextDecoder('utf-8', { fatal: true }).decode(part))
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Part) : undefined
  } catch {
    return undefined
  }
}

function faultOf(claims: Part, { audience, issuer, lifeSeconds, now }: Expected): string | undefined {
  const { iss, sub, aud, jti, iat, exp, nbf = 0 } = claims
  const seconds = now / 1000
  if (iss !== issuer) return 'Its iss is another than expected'
  if (aud !== audience) return 'Its aud must be the issuer of this server, as one string'
  if (!isWord(sub) || !isWord(jti)) return 'Its sub and jti must be texts of 1 to 255 characters'
  if (!isInstant(iat) || !isInstant(exp) || !isInstant(nbf)) return 'Its iat and exp, and nbf if any, must be numbers: seconds since 1970'
  if (iat > seconds + futureSecondsMax || nbf > seconds + futureSecondsMax) return 'It is of the future'
  if (exp <= seconds) return 'It has expired'
  return exp - iat > lifeSeconds ? `Its exp must be at most ${lifeSeconds} seconds after its iat` : undefined
}

const isWord = (claim: unknown): claim is string => typeof claim === 'string' && claim.length > 0 && claim.length <= 255
export const isInstant = (claim: unknown): claim is number => typeof claim === 'number' && Number.isFinite(claim) && claim >= 0
