import { and, eq, isNull, sql } from 'drizzle-orm'
import { eventOf } from '../authority/authorship.ts'
import { change } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import { ifAltering } from '../authority/locks.ts'
import { sessions, staffMembers, users } from '../database/tables.ts'
import type { Standing } from '../http/types.ts'
import { adminKeys, demandAnotherAdmin } from '../identity/admins.ts'
import { append } from '../journal/append.ts'

/**
 * Ends a user's staff role and every session he has; he stays a user like any other. Who has no role keeps none: nothing happens.
 * @throws Problem `conflict` for the last active admin
 */
export async function endStaffRole(context: Context, { caller, ask, loaded }: Standing): Promise<void> {
  const { id } = loaded.user as NonNullable<typeof loaded.user>
  await change(context, caller, ask, ifAltering({ users: [id], ...adminKeys }), async (tx, authority) => {
    const at = new Date(authority.at)
    const roles = await tx
      .update(staffMembers)
      .set({ endedAt: at, endedBy: caller.userId })
      .where(and(eq(staffMembers.userId, id), isNull(staffMembers.endedAt)))
      .returning({ id: staffMembers.id })
    if (roles.length === 0) return false
    await demandAnotherAdmin(tx, id)
    await tx
      .update(users)
      .set({ version: sql`${users.version} + 1` })
      .where(eq(users.id, id))
    const ended = await tx
      .update(sessions)
      .set({ endedAt: at })
      .where(and(eq(sessions.userId, id), isNull(sessions.endedAt)))
      .returning({ id: sessions.id })
    await append(
      tx,
      ...roles.map((role) => eventOf(authority, 'staff.ended', { resourceType: 'staff_member', resourceId: role.id })),
      ...ended.map((session) => eventOf(authority, 'session.ended', { resourceType: 'session', resourceId: session.id })),
    )
    return true
  })
}
