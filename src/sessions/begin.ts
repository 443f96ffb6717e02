import { v7 as uuid } from 'uuid'
import type { Context } from '../authority/context.ts'
import type { Database } from '../database/open.ts'
import { sessions } from '../database/tables.ts'
import { selfEvent } from '../identity/newcomer.ts'
import { issueRefreshToken } from '../identity/refresh-tokens.ts'
import { append } from '../journal/append.ts'
import { levelOfMethod, type VerificationMethod } from '../vocabulary.ts'

/** Where a request comes from. */
export type Origin = { network: string; requestId: string }

/** Instants in epoch ms. `refreshToken` only where the session has just begun. */
export type Begun = { id: string; method: VerificationMethod; authenticatedAt: number; expiresAt: number; refreshToken?: string }

/** Begins a person's session and its refresh tokens at an instant (epoch ms), in the transaction that holds his key and has verified him. */
export async function beginSession(
  { config }: Context,
  tx: Database,
  { userId, method, requestId }: { userId: string; method: VerificationMethod; requestId: string },
  now: number,
): Promise<Begun> {
  const id = uuid()
  const at = new Date(now)
  const expiresAt = now + config.sessionHours * 3_600_000
  const row = { id, userId, kind: 'person', method, level: levelOfMethod[method], createdAt: at, authenticatedAt: at } as const
  await tx.insert(sessions).values({ ...row, expiresAt: new Date(expiresAt) })
  const about = { sessionId: id, verification: method, resourceType: 'session', resourceId: id }
  await append(tx, selfEvent('session.started', userId, now, requestId, about))
  return { id, method, authenticatedAt: now, expiresAt, refreshToken: await issueRefreshToken(tx, id, now) }
}
