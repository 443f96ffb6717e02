/**
 * Who a token names. Whether user, session and client still live is part of the facts; here only what the token itself says is read.
 */
import type { FastifyRequest } from 'fastify'
import { unauthenticated } from '../authority/judge.ts'
import type { Caller } from '../authority/load.ts'
import { signingAlgorithms } from '../config.ts'
import { isUuid } from './access.ts'
import { type Keys, ownClient, readCeiling } from './keys.ts'

/** What a verified access token (RFC 9068) carries, none of it believed yet. */
export type Claims = Record<
  'iss' | 'aud' | 'sub' | 'sid' | 'exp' | 'iat' | 'nbf' | 'auth_time' | 'client_id' | 'authorization_details',
  unknown
>

/** A ceiling of a hundred domains fits. */
export const tokenLengthMax = 8_192
const futureSecondsMax = 5

/**
 * The caller an access token of ours names, signed by the key `keyId`. Whatever is wrong with it, the answer is the same. `now` in epoch
 * ms.
 * @throws Problem `unauthenticated`
 */
export function callerOfClaims(claims: Claims, keyId: string, issuer: string, now: number, requestId: string): Caller {
  const { sub, sid, exp, iat, nbf, auth_time: authTime, client_id: client } = claims
  const ceiling = readCeiling(claims.authorization_details)
  const seconds = now / 1000
  const begun = isNumber(iat) && iat <= seconds + futureSecondsMax && (nbf === undefined || (isNumber(nbf) && nbf <= seconds))
  const inTime = begun && isNumber(exp) && seconds < exp
  const ours = claims.iss === issuer && claims.aud === issuer && isUuid(sub) && isUuid(sid) && isNumber(authTime)
  if (!inTime || !ours || ceiling === undefined || (client !== ownClient && !isUuid(client))) throw unauthenticated()
  return {
    // RFC 9068, section 2.2: of a client's own token the subject is the client.
    userId: sub === client ? null : sub,
    clientId: client === ownClient ? null : client,
    ceiling,
    sessionId: sid,
    keyId,
    requestId,
    authenticatedAt: authTime * 1000,
  }
}

const isNumber = (claim: unknown): claim is number => typeof claim === 'number' && Number.isFinite(claim)

const requiredClaims = ['iss', 'aud', 'exp', 'iat', 'sub', 'jti', 'sid', 'client_id', 'auth_time']

/** How `@fastify/jwt` is to verify; by default it would take much that is none of ours. */
export function jwtOptions(keys: Keys, issuer: string) {
  return {
    secret: async (_request: FastifyRequest, token: { header: { kid?: unknown; alg?: unknown } }) => {
      const { kid, alg } = token.header
      const pem = typeof kid === 'string' && typeof alg === 'string' ? await keys.publicPem(kid, alg) : undefined
      if (pem === undefined) throw unauthenticated()
      return pem
    },
    decode: { complete: true, checkTyp: 'at+jwt' },
    // Times are checked by us, with the service's own clock: the library knows only the machine's.
    verify: {
      // Of these, each key is taken for its own alone.
      algorithms: signingAlgorithms,
      allowedIss: issuer,
      allowedAud: issuer,
      requiredClaims,
      checkTyp: 'at+jwt',
      cache: false,
      complete: true,
      ignoreExpiration: true,
      ignoreNotBefore: true,
    },
  } as never
}
