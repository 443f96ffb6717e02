import { and, asc, eq, isNull, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import type { Database } from '../database/open.ts'
import { staffMembers, users } from '../database/tables.ts'
import type { StaffMember } from './schema.ts'

const giver = alias(users, 'giver')

/** Everyone with a staff role, who has it longest first. */
export async function listStaff(db: Database, after: readonly [string, string] | undefined, limit: number): Promise<StaffMember[]> {
  const later = after && sql`(${staffMembers.givenAt}, ${staffMembers.id}) > (${after[0]}::timestamptz, ${after[1]}::uuid)`
  const rows = await db
    .select({ member: staffMembers, name: users.name, status: users.status, giverName: giver.name })
    .from(staffMembers)
    .innerJoin(users, eq(users.id, staffMembers.userId))
    .leftJoin(giver, eq(giver.id, staffMembers.givenBy))
    .where(and(isNull(staffMembers.endedAt), later))
    .orderBy(asc(staffMembers.givenAt), asc(staffMembers.id))
    .limit(limit)
  return rows.map(({ member, name, status, giverName }) => ({
    id: member.id,
    user: { id: member.userId, name },
    role: member.role,
    status,
    givenAt: member.givenAt.toISOString(),
    givenBy: member.givenBy === null ? null : { id: member.givenBy, name: giverName as string },
  }))
}
