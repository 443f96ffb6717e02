import type { Context } from '../authority/context.ts'
import type { Database } from '../database/open.ts'
import { sessions } from '../database/tables.ts'
import { newId } from '../id.ts'
import { selfEvent } from '../identity/newcomer.ts'
import { issueRefreshToken } from '../identity/refresh-tokens.ts'
import { append } from '../journal/append.ts'
import { levelOfMethod, type VerificationMethod } from '../vocabulary.ts'

/** Where a request comes from. */
export type Origin = { network: string; requestId: string }

/** Instants in epoch ms. `refreshToken` only where the session has just begun. */
export type Begun = { id: string; method: VerificationMethod; authenticatedAt: number; expiresAt: number; refreshToken?: string }

/** Who was verified, how, and by which request. */
export type Beginner = { userId: string; method: VerificationMethod; requestId: string }

/** Begins a person's session and its refresh tokens at an instant (epoch ms), in the transaction that holds his key and has verified him. */
export async function beginSession(context: Context, tx: Database, who: Beginner, now: number): Promise<Begun> {
  const { row, event, begun } = rowsOfSession(context, who, now)
  await tx.insert(sessions).values(row)
  await append(tx, event)
  return { ...begun, refreshToken: await issueRefreshToken(tx, begun.id, now) }
}

/** What is written of a session that begins, and what is told of it. `now` in epoch ms. */
export function rowsOfSession({ config }: Context, { userId, method, requestId }: Beginner, now: number) {
  const id = newId()
  const at = new Date(now)
  const expiresAt = now + config.sessionHours * 3_600_000
  const times = { createdAt: at, authenticatedAt: at, expiresAt: new Date(expiresAt) }
  const row = { id, userId, kind: 'person', method, level: levelOfMethod[method], ...times } as const
  const event = selfEvent('session.started', userId, now, requestId, {
    sessionId: id,
    verification: method,
    resourceType: 'session',
    resourceId: id,
  })
  return { row, event, begun: { id, method, authenticatedAt: now, expiresAt } satisfies Begun }
}
