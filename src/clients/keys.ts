/** The public keys that clients register: what they may be, and the form they are kept in. */
import { type AsymmetricKeyDetails, createPublicKey } from 'node:crypto'
import { calculateJwkThumbprint, type JWK } from 'jose'
import { type FieldError, invalid } from '../problem.ts'
import type { PublicKey } from './schema.ts'

type Kind = { alg: string; members: readonly (keyof PublicKey)[] }

const kinds: Readonly<Record<string, Kind>> = {
  'OKP Ed25519': { alg: 'EdDSA', members: ['crv', 'x'] },
  'EC P-256': { alg: 'ES256', members: ['crv', 'x', 'y'] },
  RSA: { alg: 'RS256', members: ['n', 'e'] },
}

const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']
const always = ['kty', 'kid', 'alg', 'use']
const rsaBitsMin = 2_048
const rsaBitsMax = 8_192

/**
 * The keys as they are kept: public members only, each with its algorithm and a `kid` of its own.
 * @throws Problem `validation_error`; above all for a private key, which belongs to nobody but its client
 */
export async function readKeys(stated: readonly PublicKey[]): Promise<JWK[]> {
  const errors = stated.flatMap((key, index) => errorsOf(key, `#/keys/${index}`))
  if (errors.length > 0) throw invalid(...errors)
  const keys = await Promise.all(stated.map(kept))
  const double = keys.findIndex((key, index) => keys.findIndex(({ kid }) => kid === key.kid) < index)
  if (double >= 0) throw invalid({ pointer: `#/keys/${double}/kid`, detail: 'must be another for each key', code: 'duplicate' })
  return keys
}

function errorsOf(key: PublicKey, pointer: string): FieldError[] {
  const exposed = privateMembers.filter((member) => Object.hasOwn(key, member))
  if (exposed.length > 0) {
    const detail = 'is part of a private key: keep it, make a new pair if others may have seen it, and send the public half'
    return exposed.map((member) => ({ pointer: `${pointer}/${member}`, detail, code: 'private_key' }))
  }
  const kind = kindOf(key)
  if (kind === undefined) return [{ pointer, detail: 'must be an Ed25519, P-256 or RSA key', code: 'unsupported_key' }]
  const known = [...always, ...kind.members]
  const odd = Object.keys(key).filter((member) => !known.includes(member))
  if (odd.length > 0) return [{ pointer, detail: `takes ${known.join(', ')} and nothing else`, code: 'unknown' }]
  if ((key.alg ?? kind.alg) !== kind.alg) return [{ pointer: `${pointer}/alg`, detail: `must be ${kind.alg}`, code: 'enum' }]
  if ((key.use ?? 'sig') !== 'sig') return [{ pointer: `${pointer}/use`, detail: 'must be sig', code: 'enum' }]
  const fault = faultOf(key)
  return fault === undefined ? [] : [{ pointer, detail: fault, code: 'weak_key' }]
}

const kindOf = ({ kty, crv }: PublicKey): Kind | undefined => kinds[kty === 'RSA' ? kty : `${kty} ${crv}`]

/** Whether it is a key at all, and strong enough; `e` as everybody has it, so that no signature takes long to verify. */
function faultOf(key: PublicKey): string | undefined {
  const imported = imports(key)
  if (imported === undefined) return 'is not a key'
  const { modulusLength = rsaBitsMin, publicExponent = 65_537n } = imported.asymmetricKeyDetails as AsymmetricKeyDetails
  if (modulusLength < rsaBitsMin || modulusLength > rsaBitsMax) return `must have ${rsaBitsMin} to ${rsaBitsMax} bits`
  return publicExponent === 65_537n ? undefined : 'must have the exponent AQAB'
}

function imports(key: PublicKey) {
  try {
    return createPublicKey({ key: key as JWK as never, format: 'jwk' })
  } catch {
    return undefined
  }
}

const publishedMax = 10

/** What of a published key set can be used: public keys that could be registered, without what else their publisher says of them. */
export async function readPublishedKeys(set: unknown): Promise<JWK[]> {
  const { keys } = set as { keys: unknown[] }
  if (!Array.isArray(keys)) throw new Error('no key set')
  const usable = keys
    .slice(0, publishedMax)
    .filter(isObject)
    .filter((key) => !privateMembers.some((member) => Object.hasOwn(key, member)))
  const pruned = usable.map((key) => {
    const known = [...always, ...(kindOf(key as PublicKey)?.members ?? [])]
    return Object.fromEntries(Object.entries(key).filter(([name]) => known.includes(name))) as PublicKey
  })
  const texts = pruned.filter((key) => Object.values(key).every((value) => typeof value === 'string'))
  return Promise.all(texts.filter((key) => errorsOf(key, '').length === 0).map(kept))
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null && !Array.isArray(value)

async function kept(key: PublicKey): Promise<JWK> {
  const { alg, members } = kindOf(key) as Kind
  const material = Object.fromEntries(['kty', ...members].map((member) => [member, key[member as keyof PublicKey]])) as JWK
  return { ...material, kid: key.kid ?? (await calculateJwkThumbprint(material)), alg, use: 'sig' }
}
