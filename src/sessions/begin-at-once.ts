import { sql } from 'drizzle-orm'
import type { Context } from '../authority/context.ts'
import { userAsRead } from '../authority/locks.ts'
import { insertRow, rowJson } from '../database/rows.ts'
import { statement, value } from '../database/statement.ts'
import { journalEvents, sessions } from '../database/tables.ts'
import { newRefreshToken } from '../identity/refresh-tokens.ts'
import { eventKeys, rowOf } from '../journal/append.ts'
import { hashOf } from '../outbox/secret.ts'
import { type Beginner, type Begun, rowsOfSession } from './begin.ts'

const sessionKeys = ['id', 'userId', 'kind', 'method', 'level', 'createdAt', 'authenticatedAt', 'expiresAt'] as const
const write = statement<{ began: number }>(
  'sessions_begin',
  sql`with ${userAsRead},
s as (${insertRow(sessions, sessionKeys, sql`u`, value('session', 'jsonb'))} returning id, created_at),
e as (${insertRow(journalEvents, eventKeys, sql`s`, value('event', 'jsonb'))})
insert into refresh_tokens (secret_hash, session_id, created_at)
select decode(${value('hash', 'text')}, 'hex'), s.id, s.created_at from s returning 1 as began`,
)

/**
 * Begins a session as `beginSession` does, in one statement of its own, for one who was verified by what was read with `revision`;
 * undefined, and nothing is written, if that has moved since. `now` in epoch ms.
 */
export async function beginAtOnce(context: Context, who: Beginner & { revision: number }, now: number): Promise<Begun | undefined> {
  const { row, event, begun } = rowsOfSession(context, who, now)
  const refreshToken = newRefreshToken()
  const [began] = await write.run(context.db, {
    user: who.userId,
    revision: who.revision,
    session: rowJson(sessions, sessionKeys, row),
    event: rowJson(journalEvents, eventKeys, rowOf(event)),
    hash: hashOf(refreshToken).toString('hex'),
  })
  return began && { ...begun, refreshToken }
}
