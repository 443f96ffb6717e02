/** A user was in somebody else's hands: one row says since when, and from that commit on nothing he granted in that time is live. */
import { eq, sql } from 'drizzle-orm'
import { eventOf } from '../authority/authorship.ts'
import type { Authority } from '../authority/judge.ts'
import type { Database } from '../database/open.ts'
import { users } from '../database/tables.ts'
import { newId } from '../id.ts'
import type { Jobs } from '../jobs/jobs.ts'
import { append } from '../journal/append.ts'
import { invalid } from '../problem.ts'

/**
 * States it of a user who is suspended, in the caller's transaction and under the user's key; `since` in epoch ms. What is stated already
 * stays as it is. The rows of the accounts follow by a job. Says whether it was stated now.
 * @throws Problem `validation_error` for a time to come
 */
export async function stateCompromise(jobs: Jobs, tx: Database, authority: Authority, user: string, since: number): Promise<boolean> {
  if (since > authority.at) throw invalid({ pointer: '#/compromisedSince', detail: 'must not be later than now', code: 'too_late' })
  const [from, until] = [since, authority.at].map((at) => sql`${new Date(at).toISOString()}::timestamptz`)
  // A suspended user grants nothing, so what was stated since he was covers it.
  const { rows } = await tx.execute(sql`
    insert into compromises (user_id, id, since, until) select u.id, ${newId()}, ${from}, ${until} from users u
    where u.id = ${user} and not exists (select from compromises k where k.user_id = u.id and k.since <= ${from} and k.until >= u.suspended_at)
    returning id`)
  if (rows.length === 0) return false
  await tx
    .update(users)
    .set({ version: sql`${users.version} + 1` })
    .where(eq(users.id, user))
  const value = { since: new Date(since).toISOString() }
  await append(tx, eventOf(authority, 'user.compromised', { resourceType: 'user', resourceId: user, value }))
  await jobs.enqueue(tx, 'compromises', { user })
  return true
}
