/**
 * Tells the contacts of an account that something waits for them: soon after the first, and then once a day at most, however much comes.
 * A job does it and not the one who submits, so that submitting takes as long for an account that does not exist.
 */
import { sql } from 'drizzle-orm'
import { roleHolds } from '../authority/actions.ts'
import { changeByTime } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import { accountNamed, submittedFor, waits } from '../authority/stated.ts'
import type { Database } from '../database/open.ts'
import type { JobHandler } from '../jobs/jobs.ts'
import { postNotice } from '../outbox/post.ts'
import type { ContactRole } from '../vocabulary.ts'

const dayMs = 86_400_000

/** The handler of the queue `submissions-announce`. */
export function announceSubmissions(context: Context): JobHandler {
  return async () => {
    const { rows } = await context.db.execute<{ id: string }>(sql`
      select x.id from (select distinct ${accountNamed(sql`s.stated_account`)} as id
        from submissions s where s.announced_at is null and s.verdict is null) x
      where (select a.state from accounts a where a.id = x.id) = 'open'`)
    for (const { id } of rows) await changeByTime(context, {}, (tx, now) => announce(context, tx, id, now))
  }
}

async function announce(context: Context, tx: Database, accountId: string, now: number): Promise<void> {
  const at = new Date(now).toISOString()
  const dayAgo = new Date(now - dayMs).toISOString()
  const { rows: due } = await tx.execute(sql`
    insert into submission_digests (account_id, sent_at)
    select a.id, ${at}::timestamptz from ${submittedFor} where a.id = ${accountId} and s.announced_at is null and ${waits(at)} limit 1
    on conflict (account_id) do update set sent_at = excluded.sent_at where submission_digests.sent_at <= ${dayAgo}::timestamptz
    returning account_id`)
  if (due.length === 0) return
  await tx.execute(sql`
    update submissions set announced_at = ${at}::timestamptz
    where id in (select s.id from ${submittedFor} where a.id = ${accountId} and s.announced_at is null and ${waits(at)})`)
  for (const recipientUserId of await deciders(tx, accountId)) {
    await postNotice(context.jobs, tx, { kind: 'submissions_waiting', accountId, subjectId: accountId, recipientUserId })
  }
}

/** Who may decide anything at all; what of it is within his limit is asked when his letter leaves. */
async function deciders(tx: Database, accountId: string): Promise<string[]> {
  const { rows } = await tx.execute<{ userId: string; role: ContactRole; confirmed: boolean }>(sql`
    select user_id as "userId", role, confirmed_at is not null as confirmed from contacts
    where account_id = ${accountId} and status = 'active' order by id`)
  return [...new Set(rows.filter((contact) => roleHolds(contact, 'submission.decide')).map(({ userId }) => userId))]
}
