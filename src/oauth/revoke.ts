import { and, eq, isNull } from 'drizzle-orm'
import { changeByProof } from '../authority/change.ts'
import { ifAltering } from '../authority/locks.ts'
import { accessTokens, sessions } from '../database/tables.ts'
import type { Feature } from '../http/feature.ts'
import { sessionOfRefreshToken } from '../identity/refresh-tokens.ts'
import { append } from '../journal/append.ts'
import type { Client } from './client.ts'
import { readToken } from './presented.ts'
import { sessionEvent } from './token.ts'

/**
 * Ends the session of a token, also of a refresh token, and with it the token and all that were cut from it (RFC 7009). Who holds a
 * token may always end it; a client that proves itself ends its own alone. What is no token, or ended, or another's, stays as it is.
 */
export async function revokeToken(feature: Feature, token: string, client: Client | undefined, requestId: string): Promise<void> {
  const { context } = feature
  const held = await holdOf(feature, token, requestId)
  if (held === undefined || (client !== undefined && held.clientId !== client.id)) return
  const { userId, clientId, sessionId, personalId } = held
  const keys = userId === null ? { clients: [clientId as string] } : { users: [userId] }
  await changeByProof(context, ifAltering(keys), async (tx, now) => {
    const at = new Date(now)
    const ended = await tx
      .update(sessions)
      .set({ endedAt: at })
      .where(and(eq(sessions.id, sessionId), isNull(sessions.endedAt)))
      .returning({ id: sessions.id, method: sessions.method, level: sessions.level, authenticatedAt: sessions.authenticatedAt })
    if (personalId !== null && ended.length > 0) await tx.update(accessTokens).set({ revokedAt: at }).where(eq(accessTokens.id, personalId))
    await append(
      tx,
      ...ended.map(({ id, authenticatedAt, ...verified }) => {
        const who = { userId, clientId, ...verified, authenticatedAt: authenticatedAt.getTime() }
        return sessionEvent('session.ended', id, { ...who, now, requestId })
      }),
    )
    return ended.length > 0
  })
}

type Held = { userId: string | null; clientId: string | null; sessionId: string; personalId: string | null }

/** Whose session a token of whichever kind is on; undefined for what is none. */
async function holdOf(feature: Feature, token: string, requestId: string): Promise<Held | undefined> {
  const refreshed = await sessionOfRefreshToken(feature.context.db, token)
  if (refreshed !== undefined) return { ...refreshed, clientId: null, personalId: null }
  const presented = await readToken(feature, token, requestId)
  return presented && { ...presented.caller, personalId: presented.personalId }
}
