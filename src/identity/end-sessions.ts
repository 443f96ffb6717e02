/** Ending all of a person's sessions at once, with the personal access tokens that hang on some of them. */
import { and, eq, inArray, isNull, notInArray } from 'drizzle-orm'
import type { Database } from '../database/open.ts'
import { accessTokens, sessions } from '../database/tables.ts'
import { type About, append, type JournalEvent } from '../journal/append.ts'
import type { EventKind } from '../journal/kinds.ts'

/** Makes an event about what is done, by whoever does it. */
export type Telling = (kind: EventKind, rest: About) => JournalEvent

/**
 * Ends every session of the user but the kept ones, in a transaction that holds his key, and with them the refresh tokens, narrowed
 * sessions and personal access tokens that hang on them. One event for each that was live. `now` in epoch ms.
 */
export async function endSessions(tx: Database, userId: string, keep: readonly string[], now: number, event: Telling): Promise<void> {
  const at = new Date(now)
  const ended = await tx
    .update(sessions)
    .set({ endedAt: at })
    .where(and(eq(sessions.userId, userId), isNull(sessions.endedAt), notInArray(sessions.id, [...keep])))
    .returning({ id: sessions.id, expiresAt: sessions.expiresAt })
  const live = ended.filter(({ expiresAt }) => expiresAt > at).map(({ id }) => id)
  const tokens = await tx
    .update(accessTokens)
    .set({ revokedAt: at })
    .where(and(inArray(accessTokens.sessionId, live), isNull(accessTokens.revokedAt)))
    .returning({ id: accessTokens.id, sessionId: accessTokens.sessionId })
  const tokenOf = new Map(tokens.map(({ id, sessionId }) => [sessionId, id]))
  await append(tx, ...live.map((id) => endOf(event, id, tokenOf.get(id))))
}

/** What people know by its own name is told by that. */
function endOf(event: Telling, session: string, token: string | undefined): JournalEvent {
  if (token === undefined) return event('session.ended', { resourceType: 'session', resourceId: session })
  return event('access_token.revoked', { resourceType: 'access_token', resourceId: token })
}
