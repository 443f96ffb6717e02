import { and, eq, isNull } from 'drizzle-orm'
import { eventOf } from '../authority/authorship.ts'
import { change } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import { notFound } from '../authority/judge.ts'
import { personOf } from '../authority/load.ts'
import { ifAltering } from '../authority/locks.ts'
import { accessTokens, sessions } from '../database/tables.ts'
import { isUuid } from '../http/access.ts'
import type { Standing } from '../http/types.ts'
import { append } from '../journal/append.ts'
import { findAccessToken } from './store.ts'

/** Ends one of the caller's own tokens at once; one that has ended stays as it is. @throws Problem `not_found` for what is none of his */
export async function revokeAccessToken(context: Context, { caller, ask }: Standing, id: string): Promise<void> {
  const userId = personOf(caller)
  const token = isUuid(id) ? await findAccessToken(context.db, userId, id) : undefined
  if (token === undefined) throw notFound()
  await change(context, caller, ask, ifAltering({ users: [userId] }), async (tx, authority) => {
    const at = new Date(authority.at)
    const ended = await tx
      .update(sessions)
      .set({ endedAt: at })
      .where(and(eq(sessions.id, token.sessionId), isNull(sessions.endedAt)))
      .returning({ id: sessions.id })
    if (ended.length === 0) return false
    await tx.update(accessTokens).set({ revokedAt: at }).where(eq(accessTokens.id, id))
    await append(tx, eventOf(authority, 'access_token.revoked', { resourceType: 'access_token', resourceId: id }))
    return true
  })
}
