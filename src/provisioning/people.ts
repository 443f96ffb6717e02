/** How a client's user comes to be: new, by issuer and subject, and never somebody whom we know by an address. */
import { and, eq, sql } from 'drizzle-orm'
import { eventOf } from '../authority/authorship.ts'
import { providerAccountId, subjects } from '../database/tables.ts'
import { newId } from '../id.ts'
import { append } from '../journal/append.ts'
import type { Work } from './realm.ts'

/** The user whom the realm calls `subject`; made, with this name, if there is none. Two that make the same one meet at the directory's key. */
export async function ensureUser({ tx, authority, realm }: Work, subject: string, name: string): Promise<string> {
  const tied = and(eq(subjects.issuer, realm), eq(subjects.subject, subject))
  const at = new Date(authority.at).toISOString()
  // Foreign keys are checked at the end of the statement.
  const { rows: made } = await tx.execute<{ id: string }>(sql`
    with tied as (
      insert into subjects (issuer, subject, user_id, created_at)
      values (${realm}, ${subject}, ${newId()}::uuid, ${at}::timestamptz)
      on conflict do nothing
      returning user_id)
    insert into users (id, name, created_at)
    select user_id, ${name}::text, ${at}::timestamptz from tied
    returning id`)
  const events = made.map(({ id }) =>
    eventOf(authority, 'user.created', {
      accountId: providerAccountId,
      resourceType: 'user',
      resourceId: id,
      value: { issuer: realm, subject },
    }),
  )
  await append(tx, ...events)
  const [row] = await tx.select({ userId: subjects.userId }).from(subjects).where(tied)
  return (row as { userId: string }).userId
}
