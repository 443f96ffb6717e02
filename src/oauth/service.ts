import { changeByProof } from '../authority/change.ts'
import { invalidClient } from './errors.ts'
import type { Plea } from './plea.ts'
import type { TokenAnswer } from './schema.ts'
import { begin, handOver, sessionLifeMs } from './token.ts'

/**
 * `client_credentials` (RFC 6749, section 4.4): a client for itself, for provisioning. Its new session takes nothing from anybody, so it
 * takes no key; that the client is active is asked at every use. @throws OAuthError
 */
export async function serviceToken({ feature, client, requestId }: Plea): Promise<TokenAnswer> {
  if (client === undefined) throw invalidClient()
  const { context } = feature
  const session = await changeByProof(context, {}, async (tx, now) => {
    const expiresAt = now + sessionLifeMs(context)
    const who = { userId: null, clientId: client.id, kind: 'client', method: 'token', level: 'client' } as const
    return { id: await begin(tx, { ...who, now, authenticatedAt: now, expiresAt, requestId }, 'session.started'), expiresAt }
  })
  return handOver(feature, { sub: client.id, sid: session.id, client_id: client.id, auth_time: 0, amr: [], until: session.expiresAt })
}
