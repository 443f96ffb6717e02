import type { FastifyRequest } from 'fastify'
import type { Context } from '../authority/context.ts'
import { unauthenticated } from '../authority/judge.ts'
import type { Caller } from '../authority/load.ts'
import { callerOfClaims, tokenLengthMax } from './bearer.ts'
import { callerOfPersonalToken, findPersonalToken, personalTokenIn } from './personal-tokens.ts'
import { KeysUnread } from './public-keys.ts'
import { hasTokenForm } from './token-form.ts'
import type { SignedToken, VerifiedTokens } from './verified-tokens.ts'

/** The caller a request's token names. Whatever is wrong with a token, the answer is the same 401. */
export async function callerOf(context: Context, issuer: string, readToken: VerifiedTokens, request: FastifyRequest): Promise<Caller> {
  const { authorization = '' } = request.headers
  if (authorization.length > tokenLengthMax) throw unauthenticated()
  const personal = personalTokenIn(authorization)
  if (personal !== undefined) {
    const token = await findPersonalToken(context.db, context.clock.offset(), personal)
    if (token === undefined) throw unauthenticated()
    return callerOfPersonalToken(token, request.id)
  }
  const { header, payload } = await readToken(authorization, () => verified(request, authorization))
  return callerOfClaims(payload, header.kid, issuer, context.clock.now(), request.id)
}

/** What the token says, if it has our form and one of our keys signed it. */
async function verified(request: FastifyRequest, authorization: string): Promise<SignedToken> {
  if (!hasTokenForm(authorization.slice(authorization.indexOf(' ') + 1))) throw unauthenticated()
  return request.jwtVerify<SignedToken>().catch((error: unknown) => {
    throw error instanceof KeysUnread ? error.cause : unauthenticated()
  })
}
