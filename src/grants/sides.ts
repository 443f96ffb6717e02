/** Whom a letter about a grant goes to: the developer, and of the account the one who stands for it. */
import { type SQL, sql } from 'drizzle-orm'
import type { Context } from '../authority/context.ts'
import type { Database } from '../database/open.ts'
import { type NoticeKind, postNotice } from '../outbox/post.ts'

export type Sides = { grantee: string | null; account: string[] }

/**
 * Of a grant `g`: the grantor while he is a contact, otherwise the owners, since somebody of the account must know. Of a request that
 * nobody approved its developer is told nothing: he would learn that his code was right.
 */
export const sidesOf: SQL = sql`json_build_object('grantee', case when g.approved_at is not null then g.grantee_user_id end, 'account', coalesce(
  (select json_agg(c.user_id) from contacts c where c.account_id = g.account_id and c.id = g.grantor_contact_id and c.status = 'active'),
  (select json_agg(c.user_id order by c.id) from contacts c where c.account_id = g.account_id and c.role = 'owner' and c.status = 'active'),
  '[]'::json))`

/** Queues a letter to each, in the caller's transaction. */
export async function postToSides(
  { jobs }: Context,
  tx: Database,
  kind: NoticeKind,
  accountId: string,
  grantId: string,
  { grantee, account }: Sides,
): Promise<void> {
  const recipients = new Set([...(grantee === null ? [] : [grantee]), ...account])
  for (const recipientUserId of recipients) await postNotice(jobs, tx, { kind, accountId, subjectId: grantId, recipientUserId })
}
