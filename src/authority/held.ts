/** What is held for an account (`stated.ts` says which that is). */
import { sql } from 'drizzle-orm'
import type { Database } from '../database/open.ts'
import { appendAll } from '../journal/append.ts'
import { eventOf } from './authorship.ts'
import type { AccountFact } from './facts.ts'
import type { Authority } from './judge.ts'
import { type Clause, predicate } from './reach.ts'
import { statesAccount, submittedFor, waits } from './stated.ts'

/** Whether anything within the clauses waits at an instant (epoch ms). */
export async function somethingWaits(db: Database, accountId: string, clauses: readonly Clause[], now: number): Promise<boolean> {
  const within = predicate(clauses, { accountId: sql`a.id`, domainId: sql`d.id` })
  const { rows } = await db.execute(sql`
    select s.id from ${submittedFor} where a.id = ${accountId} and ${waits(new Date(now).toISOString())} and ${within} limit 1`)
  return rows.length > 0
}

/**
 * For the closing of an account, in its transaction and under its key: whatever waits for it is decided, and nobody is asked any more. The
 * submitters see it end when it would have ended anyway.
 */
export async function closeSubmissions(tx: Database, authority: Authority, account: Pick<AccountFact, 'id'>): Promise<void> {
  const at = new Date(authority.at).toISOString()
  const { rows } = await tx.execute<{ id: string }>(sql`
    update submissions s set verdict = 'account_closed', decided_at = ${at}::timestamptz, version = s.version + 1
    from accounts a where a.id = ${account.id} and ${statesAccount} and s.verdict is null and s.ends_at > ${at}::timestamptz
    returning s.id`)
  const about = { accountId: account.id, resourceType: 'submission', changed: ['verdict'] }
  await appendAll(
    tx,
    rows.map(({ id }) => eventOf(authority, 'submission.closed', { ...about, resourceId: id })),
  )
}
