import { createLocalJWKSet, jwtVerify } from 'jose'
import type { Caller } from '../authority/load.ts'
import { signingAlgorithms } from '../config.ts'
import { type Claims, callerOfClaims, tokenLengthMax } from './bearer.ts'
import type { Feature } from './feature.ts'
import { hasTokenForm } from './token-form.ts'

/**
 * Reads an access token that is spoken *about* – narrowed, revoked, inspected, joined by – as strictly as one that is presented to act
 * with; undefined for what is none of ours, or not valid by itself. Whether its session lives is another question.
 */
export async function readAccessToken(
  { context, keys }: Pick<Feature, 'context' | 'keys'>,
  token: string,
  requestId: string,
): Promise<{ caller: Caller; payload: object } | undefined> {
  if (token.length > tokenLengthMax || !hasTokenForm(token)) return undefined
  const now = context.clock.now()
  const ours = createLocalJWKSet(await keys.jwks())
  try {
    const options = { algorithms: [...signingAlgorithms], typ: 'at+jwt', currentDate: new Date(now) }
    const { payload, protectedHeader } = await jwtVerify(token, ours, options)
    const caller = callerOfClaims(payload as Claims, String(protectedHeader.kid), context.config.publicUrl, now, requestId)
    return { caller, payload }
  } catch {
    return undefined
  }
}
