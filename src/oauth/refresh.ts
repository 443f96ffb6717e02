import { ownClient } from '../http/keys.ts'
import { amrOf } from '../identity/methods.ts'
import { useRefreshToken } from '../identity/refresh-tokens.ts'
import { OAuthError } from './errors.ts'
import { required } from './form.ts'
import type { Plea } from './plea.ts'
import type { TokenAnswer } from './schema.ts'
import { handOver } from './token.ts'

/**
 * `refresh_token` (RFC 6749, section 6), for people who signed in here: the token is the proof, there is no client to prove. The time of
 * authentication stays that of the sign-in (RFC 9068, section 2.2.1). Unknown, ended or used before: one refusal. @throws OAuthError
 */
export async function refreshedToken({ feature, form, client, requestId }: Plea): Promise<TokenAnswer> {
  const token = required(form, 'refresh_token')
  // RFC 6749, section 5.2: it was issued to another.
  const refreshed = client === undefined ? await useRefreshToken(feature.context, token, requestId) : undefined
  if (refreshed === undefined) throw new OAuthError('invalid_grant', 'The refresh_token is none, or its session has ended: sign in again')
  const { userId: sub, sessionId: sid, method, signedInAt, expiresAt: until } = refreshed
  const claims = { sub, sid, client_id: ownClient, auth_time: Math.floor(signedInAt / 1000), amr: amrOf(method), until }
  return { ...(await handOver(feature, claims)), refresh_token: refreshed.token }
}
