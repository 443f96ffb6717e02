/** What ties two users to accounts and to each other. */
import { sql } from 'drizzle-orm'
import type { Database } from '../database/open.ts'

/** The accounts on which any of the users is a contact or holds a permission that has not ended, by id. */
export async function accountsOf(db: Database, users: readonly string[]): Promise<string[]> {
  const ids = sql`any(${sql.param([...users])}::uuid[])`
  const { rows } = await db.execute<{ id: string }>(sql`
    select account_id as id from contacts where user_id = ${ids} and status = 'active'
    union select account_id from grants where grantee_user_id = ${ids} and ended_at is null order by 1`)
  return rows.map(({ id }) => id)
}

/** Whether one of two users stands for a permission that the other holds or asks for. */
export async function areGrantorAndGrantee(db: Database, one: string, other: string): Promise<boolean> {
  const { rows } = await db.execute(sql`
    select 1 as found from grants g join contacts c on c.account_id = g.account_id and c.id = g.grantor_contact_id
    where g.ended_at is null and ((c.user_id = ${one} and g.grantee_user_id = ${other}) or (c.user_id = ${other} and g.grantee_user_id = ${one}))
    limit 1`)
  return rows.length > 0
}
