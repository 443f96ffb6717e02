/** Reading and writing what a user signs in with. */
import { and, eq, inArray, isNotNull, isNull } from 'drizzle-orm'
import type { Database } from '../database/open.ts'
import { accessTokens, addresses, sessions, singleUseTokens, users } from '../database/tables.ts'

/** The addresses a user has proven. */
export async function provenAddresses(db: Database, userId: string): Promise<string[]> {
  const rows = await db
    .select({ address: addresses.address })
    .from(addresses)
    .where(and(eq(addresses.userId, userId), isNotNull(addresses.provenAt)))
  return rows.map(({ address }) => address)
}

export async function passwordOf(db: Database, userId: string): Promise<string | null> {
  const [row] = await db.select({ passwordHash: users.passwordHash }).from(users).where(eq(users.id, userId))
  return row?.passwordHash ?? null
}

/** Whether an active user has the address, proven. */
export async function holdsAddress(db: Database, userId: string, address: string): Promise<boolean> {
  const rows = await db
    .select({ id: users.id })
    .from(users)
    .innerJoin(addresses, and(eq(addresses.userId, users.id), eq(addresses.address, address), isNotNull(addresses.provenAt)))
    .where(and(eq(users.id, userId), eq(users.status, 'active')))
  return rows.length > 0
}

/** Sets the hash, and withdraws every reset that is under way. `now` in epoch ms. */
export async function setPassword(tx: Database, userId: string, passwordHash: string, now: number): Promise<void> {
  await tx.update(users).set({ passwordHash }).where(eq(users.id, userId))
  const resets = and(eq(singleUseTokens.userId, userId), eq(singleUseTokens.purpose, 'password_reset'), isNull(singleUseTokens.usedAt))
  await tx
    .update(singleUseTokens)
    .set({ usedAt: new Date(now) })
    .where(resets)
}

/** Which of these are open sessions of the user. */
export async function openSessions(db: Database, userId: string, ids: readonly string[]): Promise<string[]> {
  const open = and(eq(sessions.userId, userId), inArray(sessions.id, [...ids]), isNull(sessions.endedAt))
  return (await db.select({ id: sessions.id }).from(sessions).where(open)).map(({ id }) => id)
}

/** Which of these are personal access tokens of the user that stand, and the sessions they hang on. */
export async function standingTokens(db: Database, userId: string, ids: readonly string[]): Promise<{ id: string; sessionId: string }[]> {
  return db
    .select({ id: accessTokens.id, sessionId: sessions.id })
    .from(accessTokens)
    .innerJoin(sessions, and(eq(sessions.id, accessTokens.sessionId), isNull(sessions.endedAt)))
    .where(and(eq(accessTokens.userId, userId), inArray(accessTokens.id, [...ids])))
}
