/**
 * An authenticator in software, for what no honest one can be made to do. It signs with ES256, keeps discoverable credentials, and says
 * of itself what a test tells it to.
 */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { isoCBOR } from '@simplewebauthn/server/helpers'

type Options = {
  challengeId: string
  publicKey: { challenge: string; rp?: { id: string }; rpId?: string; user?: { id: string } }
}

/** What a test may have it say instead of the truth. `counter` undefined: one more than the last. */
export type Says = {
  challenge?: string
  origin?: string
  rpId?: string
  verified?: boolean
  counter?: number
  userHandle?: string | null
  format?: string
  /** Signs its own attestation, rightly or wrongly. */
  attests?: 'rightly' | 'wrongly'
  id?: string
}

const sha256 = (bytes: Buffer | string): Buffer => createHash('sha256').update(bytes).digest()

const flag = { present: 0x01, verified: 0x04, attested: 0x40 }

export class Authenticator {
  readonly origin: string
  readonly credentialId = randomBytes(32)
  readonly #key: KeyObject
  readonly #publicKey: KeyObject
  #handle = randomBytes(16).toString('base64url')
  counter = 0

  constructor(origin: string) {
    this.origin = origin
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    this.#key = privateKey
    this.#publicKey = publicKey
  }

  /** Like `navigator.credentials.create`, in the form the API takes. */
  create({ challengeId, publicKey }: Options, says: Says = {}): { challengeId: string; credential: Record<string, unknown> } {
    this.#handle = String(publicKey.user?.id)
    const idLength = Buffer.alloc(2)
    idLength.writeUInt16BE(this.credentialId.length)
    const attested = Buffer.concat([Buffer.alloc(16), idLength, this.credentialId, this.#coseKey()])
    const authData = Buffer.concat([this.#authenticatorData(String(publicKey.rp?.id), flag.attested, says), attested])
    const clientData = this.#clientData('webauthn.create', publicKey.challenge, says)
    const attestation = new Map<string, unknown>([
      ['fmt', says.format ?? (says.attests === undefined ? 'none' : 'packed')],
      ['attStmt', this.#statement(Buffer.concat([authData, sha256(clientData)]), says)],
      ['authData', new Uint8Array(authData)],
    ])
    const attestationObject = Buffer.from(isoCBOR.encode(attestation as never)).toString('base64url')
    const response = { clientDataJSON: clientData.toString('base64url'), attestationObject, transports: ['internal'] }
    return { challengeId, credential: this.#credential(response, says) }
  }

  /** Like `navigator.credentials.get`. */
  get({ challengeId, publicKey }: Options, says: Says = {}): { challengeId: string; credential: Record<string, unknown> } {
    const authData = this.#authenticatorData(String(publicKey.rpId), 0, says)
    const clientData = this.#clientData('webauthn.get', publicKey.challenge, says)
    const signature = sign('sha256', Buffer.concat([authData, sha256(clientData)]), this.#key)
    const handle = says.userHandle === undefined ? this.#handle : says.userHandle
    const response = {
      clientDataJSON: clientData.toString('base64url'),
      authenticatorData: authData.toString('base64url'),
      signature: signature.toString('base64url'),
      ...(handle === null ? {} : { userHandle: handle }),
    }
    return { challengeId, credential: this.#credential(response, says) }
  }

  /** Nothing, or the credential's own signature (section 8.2, self attestation). */
  #statement(signed: Buffer, { attests }: Says): Map<string, unknown> {
    if (attests === undefined) return new Map()
    const signature = sign('sha256', attests === 'rightly' ? signed : Buffer.from('something else'), this.#key)
    return new Map<string, unknown>([
      ['alg', -7],
      ['sig', new Uint8Array(signature)],
    ])
  }

  #credential(response: object, { id }: Says): Record<string, unknown> {
    const own = id ?? this.credentialId.toString('base64url')
    return { id: own, rawId: own, type: 'public-key', clientExtensionResults: {}, authenticatorAttachment: 'platform', response }
  }

  #clientData(type: string, challenge: string, says: Says): Buffer {
    const origin = says.origin ?? this.origin
    return Buffer.from(JSON.stringify({ type, challenge: says.challenge ?? challenge, origin, crossOrigin: false }))
  }

  #authenticatorData(rpId: string, more: number, { rpId: other, verified = true, counter }: Says): Buffer {
    this.counter = counter ?? this.counter + 1
    const count = Buffer.alloc(4)
    count.writeUInt32BE(this.counter)
    const flags = flag.present | (verified ? flag.verified : 0) | more
    return Buffer.concat([sha256(other ?? rpId), Buffer.from([flags]), count])
  }

  /** RFC 9053: an EC2 key for ES256 on P-256. */
  #coseKey(): Buffer {
    const { x, y } = this.#publicKey.export({ format: 'jwk' })
    const bytes = (text: unknown) => new Uint8Array(Buffer.from(String(text), 'base64url'))
    const key = new Map<number, unknown>([
      [1, 2],
      [3, -7],
      [-1, 1],
      [-2, bytes(x)],
      [-3, bytes(y)],
    ])
    return Buffer.from(isoCBOR.encode(key as never))
  }
}
