/** Ending sessions from the console: after a restore, or when somebody may hold tokens that are not his. */
import { and, asc, eq, gt, isNull, type SQL, sql } from 'drizzle-orm'
import { changeByProof } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import { StartError } from '../config.ts'
import { sessions } from '../database/tables.ts'
import { endSessions, type Telling } from '../identity/end-sessions.ts'
import { addressOf } from '../identity/schema.ts'
import { append } from '../journal/append.ts'
import { findByAddress } from '../sessions/store.ts'
import { byOperator } from './event.ts'

/**
 * Ends every session that is open, with the personal access tokens among them; with an address, those of the user who has proven it. One
 * short transaction for each user and client, which takes his key and raises his revision, so that requests go on meanwhile and none of
 * his writes comes after.
 */
export async function endAllSessions(context: Context, address: string | undefined): Promise<string> {
  const ended = { 'session.ended': 0, 'access_token.revoked': 0 }
  const tell =
    (now: number): Telling =>
    (kind, rest) => {
      ended[kind as keyof typeof ended]++
      return byOperator(now)(kind, rest)
    }
  const users = address === undefined ? await holders(context, sessions.userId) : [await userOf(context, address)]
  for (const userId of users) {
    await changeByProof(context, { users: [userId] }, (tx, now) => endSessions(tx, userId, [], now, tell(now)))
  }
  const clients = address === undefined ? await holders(context, sessions.clientId, eq(sessions.kind, 'client')) : []
  for (const clientId of clients) await endSessionsOfClient(context, clientId, tell)
  return `${ended['session.ended']} sessions and ${ended['access_token.revoked']} personal access tokens were ended.`
}

/** Who has open sessions. */
async function holders({ db }: Context, holder: typeof sessions.userId | typeof sessions.clientId, which?: SQL): Promise<string[]> {
  const open = and(isNull(sessions.endedAt), gt(sessions.expiresAt, sql`clock_timestamp()`), sql`${holder} is not null`, which)
  const rows = await db.selectDistinct({ id: holder }).from(sessions).where(open).orderBy(asc(holder))
  return rows.map(({ id }) => id as string)
}

async function userOf({ db }: Context, address: string): Promise<string> {
  const user = await findByAddress(db, addressOf(address, { pointer: '#/address' }))
  if (user === undefined) throw new StartError('Nobody has proven this address, so nothing was changed.')
  return user.userId
}

/** What a client holds for itself; what it holds for its users was ended with them. */
function endSessionsOfClient(context: Context, clientId: string, tell: (now: number) => Telling): Promise<void> {
  return changeByProof(context, { clients: [clientId] }, async (tx, now) => {
    const ended = await tx
      .update(sessions)
      .set({ endedAt: new Date(now) })
      .where(and(eq(sessions.clientId, clientId), eq(sessions.kind, 'client'), isNull(sessions.endedAt)))
      .returning({ id: sessions.id })
    const event = tell(now)
    await append(tx, ...ended.map(({ id }) => event('session.ended', { clientId, resourceType: 'session', resourceId: id })))
  })
}
