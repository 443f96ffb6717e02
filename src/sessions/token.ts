import type { Feature } from '../http/feature.ts'
import { amrOf } from '../identity/methods.ts'
import type { Begun } from './begin.ts'
import type { SignedIn } from './schema.ts'

/** The tokens on a session, in the answer that hands them over. The access token ends no later than the session does. */
export async function signedIn({ context, keys }: Feature, user: SignedIn['user'], session: Begun): Promise<SignedIn> {
  const iat = Math.floor(context.clock.now() / 1000)
  const exp = Math.min(iat + context.config.accessTokenSeconds, Math.floor(session.expiresAt / 1000))
  const authTime = Math.floor(session.authenticatedAt / 1000)
  const { refreshToken } = session
  return {
    accessToken: await keys.sign({ sub: user.id, sid: session.id, iat, exp, auth_time: authTime, amr: amrOf(session.method) }),
    tokenType: 'Bearer',
    expiresIn: exp - iat,
    ...(refreshToken === undefined ? {} : { refreshToken }),
    session: { id: session.id, expiresAt: new Date(session.expiresAt).toISOString() },
    user,
  }
}
