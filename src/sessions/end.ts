import { and, eq, isNull } from 'drizzle-orm'
import { eventOf } from '../authority/authorship.ts'
import { change } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import { notFound } from '../authority/judge.ts'
import { ifAltering } from '../authority/locks.ts'
import { sessions } from '../database/tables.ts'
import { isUuid } from '../http/access.ts'
import type { Standing } from '../http/types.ts'
import { append } from '../journal/append.ts'
import { isSessionOf } from './store.ts'

/**
 * Ends one of the caller's own sessions, with every token on it; one that has ended already stays as it is. Signing out needs no
 * step-up, ending another session does. @throws Problem `not_found` for what is no session of the caller's
 */
export async function endSession(context: Context, { caller, ask }: Standing, id: string): Promise<void> {
  const current = id === caller.sessionId
  const userId = caller.userId as string
  if (!current && !(isUuid(id) && (await isSessionOf(context.db, userId, id)))) throw notFound()
  await change(context, caller, { ...ask, stepUp: !current }, ifAltering({ users: [userId] }), async (tx, authority) => {
    const ended = await tx
      .update(sessions)
      .set({ endedAt: new Date(authority.at) })
      .where(and(eq(sessions.id, id), isNull(sessions.endedAt)))
      .returning({ id: sessions.id })
    await append(tx, ...ended.map(() => eventOf(authority, 'session.ended', { resourceType: 'session', resourceId: id })))
    return ended.length > 0
  })
}
