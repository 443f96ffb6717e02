/** Letting a lost admin in again: whoever has, or had, a staff role gets it as admin, with a new password and nothing of before. */
import { and, desc, eq, isNull, sql } from 'drizzle-orm'
import { changeByProof } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import { StartError } from '../config.ts'
import type { Database } from '../database/open.ts'
import { secondFactors, staffMembers, users } from '../database/tables.ts'
import { newId } from '../id.ts'
import { adminKeys } from '../identity/admins.ts'
import { endSessions, type Telling } from '../identity/end-sessions.ts'
import { dropRecoveryCodes } from '../identity/recovery-codes.ts'
import { append } from '../journal/append.ts'
import { byOperator } from './event.ts'

type Lost = { userId: string; address: string; passwordHash: string }

/** His name stays as it is. @throws StartError for a customer: who works for the provider is another user, with an address of its own */
export function recoverAdmin(context: Context, { userId, address, passwordHash }: Lost): Promise<string> {
  return changeByProof(context, { users: [userId], ...adminKeys }, async (tx, now) => {
    const event = byOperator(now)
    await giveRole(tx, userId, now, event)
    await tx
      .update(users)
      .set({ passwordHash, status: 'active', suspendedAt: null, suspendedReason: null, version: sql`${users.version} + 1` })
      .where(eq(users.id, userId))
    await removeFactors(tx, userId, now, event)
    await endSessions(tx, userId, [], now, event)
    await append(tx, event('user.recovered', { resourceType: 'user', resourceId: userId }))
    return `The admin of ${address} can sign in with this password; second factors, sessions and tokens of before are gone.`
  })
}

async function giveRole(tx: Database, userId: string, now: number, event: Telling): Promise<void> {
  const [newest] = await tx.select().from(staffMembers).where(eq(staffMembers.userId, userId)).orderBy(desc(staffMembers.givenAt)).limit(1)
  if (newest === undefined) throw new StartError('This address belongs to a customer; an admin needs an address of its own.')
  if (newest.role === 'admin' && newest.endedAt === null) return
  const at = new Date(now)
  const ended = await tx
    .update(staffMembers)
    .set({ endedAt: at })
    .where(and(eq(staffMembers.id, newest.id), isNull(staffMembers.endedAt)))
    .returning({ id: staffMembers.id })
  const id = newId()
  await tx.insert(staffMembers).values({ id, userId, role: 'admin', givenAt: at })
  const roles = [...ended.map((row) => ['staff.ended', row.id] as const), ['staff.given', id] as const]
  await append(tx, ...roles.map(([kind, resourceId]) => event(kind, { resourceType: 'staff_member', resourceId })))
}

async function removeFactors(tx: Database, userId: string, now: number, event: Telling): Promise<void> {
  const removed = await tx
    .update(secondFactors)
    .set({ removedAt: new Date(now), sealedSecret: null })
    .where(and(eq(secondFactors.userId, userId), isNull(secondFactors.removedAt)))
    .returning({ id: secondFactors.id })
  await dropRecoveryCodes(tx, userId)
  await append(tx, ...removed.map(({ id }) => event('factor.removed', { resourceType: 'second_factor', resourceId: id })))
}
