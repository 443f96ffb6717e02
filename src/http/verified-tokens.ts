/**
 * Signatures that were found good are remembered, since checking one is a third of what a read costs. Whether a signature is good depends on
 * the bytes of the token and of the public key and on nothing else, so it cannot become wrong; what can – the key still stands, the token's
 * time, session, user and authority – is asked for each request as if nothing were remembered. Tokens themselves are not kept, only digests.
 */
import { hash } from 'node:crypto'
import type { Claims } from './bearer.ts'
import type { PublicPem } from './public-keys.ts'

export type SignedHeader = { kid: string; alg: string }

/** What a token with a good signature says. Frozen, since every request that brings it is given the same. */
export type SignedToken = { header: SignedHeader; payload: Claims }

/** Reads an `Authorization` header; `verify` does it where that was not done before. */
export type VerifiedTokens = (authorization: string, verify: () => Promise<SignedToken>) => Promise<SignedToken>

type Remembered = SignedToken & { pem: string }

const tokensMax = 5_000
/** What an ordinary token stays below; a longer one is checked each time, so that `tokensMax` of them fit into a few megabytes. */
const rememberedLengthMax = 2_048

/**
 * Reads headers as `verify` does, which throws for whatever is wrong; but one that was good before, under a key that is still the same, is
 * not verified again. The ones that were used longest ago are forgotten first.
 */
export function verifiedTokens(publicPem: PublicPem, max = tokensMax): VerifiedTokens {
  const known = new Map<string, Remembered>()

  async function remember(digest: string, token: SignedToken): Promise<void> {
    const pem = await publicPem(token.header.kid, token.header.alg)
    if (pem === undefined) return
    known.set(digest, deepFrozen({ ...token, pem }))
    if (known.size > max) known.delete(known.keys().next().value as string)
  }

  return async (authorization, verify) => {
    if (authorization.length > rememberedLengthMax) return verify()
    const digest = hash('sha256', authorization, 'base64')
    const last = known.get(digest)
    if (last !== undefined) {
      known.delete(digest)
      if ((await publicPem(last.header.kid, last.header.alg)) === last.pem) {
        known.set(digest, last)
        return last
      }
    }
    const { header, payload } = await verify()
    const token = { header: { kid: header.kid, alg: header.alg }, payload }
    await remember(digest, token)
    return token
  }
}

function deepFrozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  for (const member of Object.values(value)) deepFrozen(member)
  return Object.freeze(value)
}
