/** What hangs on a user without being his authority, in the transaction that joins him to another. */
import { and, eq, isNull, sql } from 'drizzle-orm'
import { longOver } from '../authority/spoken.ts'
import type { Database } from '../database/open.ts'
import { submissionMutes, submissions, supportCodes } from '../database/tables.ts'
import type { Move } from './move.ts'

/**
 * All that he submitted, decided or not: which of it had been would show otherwise. Whom an account does not want to hear of it does not
 * hear of under the other name. A code told to support was his who made it, so it ends.
 */
export async function moveHeld(tx: Database, { from, to }: Move): Promise<void> {
  await tx.update(submissions).set({ submitterUserId: to }).where(eq(submissions.submitterUserId, from))
  await tx.execute(sql`
    update submission_mutes m set submitter_user_id = ${to}::uuid where m.submitter_user_id = ${from} and not exists (
      select from submission_mutes o where o.account_id = m.account_id and o.submitter_user_id = ${to} and o.lifted_at is null
        and m.lifted_at is null and o.domain_id is not distinct from m.domain_id)`)
  await tx.delete(submissionMutes).where(eq(submissionMutes.submitterUserId, from))
  await tx
    .update(supportCodes)
    .set({ expiresAt: longOver })
    .where(and(eq(supportCodes.userId, from), isNull(supportCodes.verifiedAt)))
}

/**
 * What was granted while the other was in somebody else's hands stands on contacts that are the survivor's from now on, and stays as it
 * is; so do those that ended with the other, so the other's rows stay too.
 */
export async function copyCompromises(tx: Database, { from, to }: Move): Promise<void> {
  await tx.execute(sql`
    insert into compromises (user_id, id, since, until) select ${to}::uuid, id, since, until from compromises where user_id = ${from}`)
}
