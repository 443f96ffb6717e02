/** Reading users, in their form on the wire for staff. */
import { and, eq, isNotNull, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../database/open.ts'
import { addresses, users } from '../database/tables.ts'
import type { StaffRole } from '../vocabulary.ts'
import type { User } from './schema.ts'

const columns = {
  user: users,
  addresses: sql<{ address: string; provenAt: number | null }[]>`(
    select coalesce(json_agg(json_build_object('address', a.address, 'provenAt', floor(extract(epoch from a.proven_at) * 1000)) order by a.id), '[]'::json)
    from addresses a where a.user_id = users.id and a.removed_at is null)`,
  compromisedSince: sql<string | number | null>`(select floor(extract(epoch from k.since) * 1000) from compromises k
    where k.user_id = users.id order by k.until desc, k.since limit 1)`,
  staffRole: sql<StaffRole | null>`(select s.role from staff_members s where s.user_id = users.id and s.ended_at is null)`,
}

const select = (db: Database, condition: SQL) => db.select(columns).from(users).where(condition)

/** One user; undefined when there is none. */
export async function readUser(db: Database, id: string): Promise<User | undefined> {
  const [row] = await select(db, eq(users.id, id))
  return row && toUser(row)
}

/** The user who has proven an address, if anybody has. */
export async function findUsers(db: Database, address: string): Promise<User[]> {
  const owner = db
    .select({ id: addresses.userId })
    .from(addresses)
    .where(and(eq(addresses.address, address), isNotNull(addresses.provenAt)))
  const rows = await select(db, sql`${users.id} in ${owner}`)
  return rows.map(toUser)
}

function toUser({ user, addresses: owned, staffRole, compromisedSince }: Awaited<ReturnType<typeof select>>[number]): User {
  return {
    id: user.id,
    name: user.name,
    status: user.status,
    addresses: owned.map(({ address, provenAt }) => ({ address, provenAt: provenAt === null ? null : new Date(provenAt).toISOString() })),
    staffRole,
    suspendedAt: user.suspendedAt?.toISOString() ?? null,
    suspendedReason: user.suspendedReason,
    compromisedSince: compromisedSince === null ? null : new Date(Number(compromisedSince)).toISOString(),
    createdAt: user.createdAt.toISOString(),
    version: user.version,
  }
}
