/** Reading who may sign in, and a person's sessions. */
import { and, desc, eq, gt, isNotNull, isNull, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../database/open.ts'
import { addresses, secondFactors, sessions, users } from '../database/tables.ts'
import { standing } from '../identity/second-factor.ts'
import type { UserStatus } from '../vocabulary.ts'
import type { Session } from './schema.ts'

/** `revision` is that of his authority, and `hasFactor` whether he has a second factor that counts. */
export type Identity = {
  userId: string
  name: string
  status: UserStatus
  passwordHash: string | null
  revision: number
  hasFactor: boolean
}

const identity = {
  userId: users.id,
  name: users.name,
  status: users.status,
  passwordHash: users.passwordHash,
  revision: users.authorityRevision,
  hasFactor: sql<boolean>`exists (select from ${secondFactors} where ${standing(users.id)})`,
}

/** The user who has *proven* the address; one that was only stated identifies nobody. */
export async function findByAddress(db: Database, address: string): Promise<Identity | undefined> {
  const [found] = await db
    .select(identity)
    .from(addresses)
    .innerJoin(users, eq(users.id, addresses.userId))
    .where(and(eq(addresses.address, address), isNotNull(addresses.provenAt)))
  return found
}

export async function passwordOf(db: Database, userId: string): Promise<string | null> {
  const [found] = await db.select({ passwordHash: users.passwordHash }).from(users).where(eq(users.id, userId))
  return found?.passwordHash ?? null
}

/** Whether the session is, or was, the user's. */
export async function isSessionOf(db: Database, userId: string, sessionId: string): Promise<boolean> {
  const found = await db
    .select({ id: sessions.id })
    .from(sessions)
    .where(and(eq(sessions.id, sessionId), eq(sessions.userId, userId)))
  return found.length > 0
}

/** The user's open sessions at an instant (epoch ms), newest first. `current` is the session of the request. */
export async function listSessions(
  db: Database,
  who: { userId: string; current: string; now: number },
  after: readonly [string, string] | undefined,
  limit: number,
): Promise<Session[]> {
  const rows = await db
    .select({ row: sessions, renewedAt })
    .from(sessions)
    .where(and(eq(sessions.userId, who.userId), isNull(sessions.endedAt), gt(sessions.expiresAt, new Date(who.now)), after && older(after)))
    .orderBy(desc(sessions.createdAt), desc(sessions.id))
    .limit(limit)
  return rows.map(({ row, renewedAt: at }) => toSession(row, at, who.current))
}

const older = ([at, id]: readonly [string, string]): SQL => sql`(${sessions.createdAt}, ${sessions.id}) < (${at}::timestamptz, ${id}::uuid)`

const renewedAt = sql<string | number | null>`(
  select floor(extract(epoch from max(r.created_at)) * 1000)::bigint from refresh_tokens r where r.session_id = sessions.id)`

function toSession(row: typeof sessions.$inferSelect, renewed: string | number | null, current: string): Session {
  return {
    id: row.id,
    kind: row.kind,
    method: row.method,
    level: row.level,
    createdAt: row.createdAt.toISOString(),
    authenticatedAt: row.authenticatedAt.toISOString(),
    expiresAt: row.expiresAt.toISOString(),
    lastRenewedAt: renewed === null ? null : new Date(Number(renewed)).toISOString(),
    current: row.id === current,
  }
}
