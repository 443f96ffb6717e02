/** A token that is spoken *about*: narrowed, revoked or inspected. It is read as strictly as one that is presented to act with. */
import type { Caller } from '../authority/load.ts'
import type { Feature } from '../http/feature.ts'
import { ownClient } from '../http/keys.ts'
import { callerOfPersonalToken, findPersonalToken } from '../http/personal-tokens.ts'
import { readAccessToken } from '../http/spoken-token.ts'

/** `told` is what may be said about it (RFC 7662, section 2.2); `exp` in seconds. */
export type Presented = { caller: Caller; personalId: string | null; exp: number; amr: string[]; told: Record<string, unknown> }

/** The token; undefined for what is none of ours, or not valid by itself. Whether its session lives is another question. */
export async function readToken({ context, keys }: Feature, token: string, requestId: string): Promise<Presented | undefined> {
  const personal = await findPersonalToken(context.db, context.clock.offset(), token)
  const issuer = context.config.publicUrl
  if (personal !== undefined) {
    const { id, userId, ceiling } = personal
    const exp = Math.floor(personal.expiresAt / 1000)
    const claims = { sub: userId, client_id: ownClient, iat: Math.floor(personal.createdAt / 1000), exp, jti: id, auth_time: 0 }
    const told = { iss: issuer, aud: issuer, ...claims, authorization_details: [{ type: 'helpdesk_authority', ...ceiling }] }
    return { caller: callerOfPersonalToken(personal, requestId), personalId: id, exp, amr: [], told }
  }
  const read = await readAccessToken({ context, keys }, token, requestId)
  if (read === undefined) return undefined
  const { exp, amr } = read.payload as { exp: number; amr: string[] }
  return { caller: read.caller, personalId: null, exp, amr, told: toldOf(read.payload) }
}

const tellable = ['iss', 'aud', 'sub', 'client_id', 'iat', 'exp', 'jti', 'auth_time', 'act', 'authorization_details']

const toldOf = (payload: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(payload).filter(([name]) => tellable.includes(name)))
