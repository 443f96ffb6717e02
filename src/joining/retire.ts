import { and, eq, isNull, sql } from 'drizzle-orm'
import { eventOf } from '../authority/authorship.ts'
import type { Authority } from '../authority/judge.ts'
import type { Database } from '../database/open.ts'
import { secondFactors, singleUseTokens, users } from '../database/tables.ts'
import { endSessions } from '../identity/end-sessions.ts'
import { dropRecoveryCodes } from '../identity/recovery-codes.ts'
import { append } from '../journal/append.ts'

/**
 * Nobody is this user any more. His row stays, suspended, because what he wrote names him; password, second factors, sessions, tokens and
 * proofs under way end. Whom he was joined to is in the event.
 */
export async function retire(tx: Database, authority: Authority, userId: string): Promise<void> {
  const at = new Date(authority.at)
  await endSessions(tx, userId, [], authority.at, (kind, rest) => eventOf(authority, kind, rest))
  const gone = { status: 'suspended', suspendedAt: at, suspendedReason: 'joined', passwordHash: null } as const
  await tx
    .update(users)
    .set({ ...gone, version: sql`${users.version} + 1` })
    .where(eq(users.id, userId))
  await tx
    .update(secondFactors)
    .set({ removedAt: at, sealedSecret: null })
    .where(and(eq(secondFactors.userId, userId), isNull(secondFactors.removedAt)))
  await dropRecoveryCodes(tx, userId)
  await tx
    .update(singleUseTokens)
    .set({ usedAt: at })
    .where(and(eq(singleUseTokens.userId, userId), isNull(singleUseTokens.usedAt)))
  await append(tx, eventOf(authority, 'user.joined', { resourceType: 'user', resourceId: userId, changed: ['status'] }))
}
