/** The provider is never without an admin. Whoever changes that holds the key of the provider's own account (`adminKeys`). */
import { and, eq, isNull, ne } from 'drizzle-orm'
import type { Database } from '../database/open.ts'
import { providerAccountId, staffMembers, users } from '../database/tables.ts'
import { Problem } from '../problem.ts'

/** Taken by every act that could make the first admin or lose the last one, so that two of them never happen at once. */
export const adminKeys = { accounts: [providerAccountId] } as const

/** Whether an active user is admin; `without` leaves one out. */
export async function hasAdmin(db: Database, without?: string): Promise<boolean> {
  const [found] = await db
    .select({ id: staffMembers.id })
    .from(staffMembers)
    .innerJoin(users, and(eq(users.id, staffMembers.userId), eq(users.status, 'active')))
    .where(
      and(
        eq(staffMembers.role, 'admin'),
        isNull(staffMembers.endedAt),
        without === undefined ? undefined : ne(staffMembers.userId, without),
      ),
    )
    .limit(1)
  return found !== undefined
}

/** @throws Problem `conflict` when the user is the last active admin. */
export async function demandAnotherAdmin(tx: Database, userId: string): Promise<void> {
  if (await hasAdmin(tx, userId)) return
  throw new Problem('conflict', { detail: 'This is the last admin: make another one first' })
}
