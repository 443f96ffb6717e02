/** Hearing somebody again: what he has submitted and still waits is shown, and he learns nothing of either. */
import { and, eq, isNull } from 'drizzle-orm'
import { eventOf } from '../authority/authorship.ts'
import { change } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import { type AccountFact, question } from '../authority/facts.ts'
import { type Ask, notFound } from '../authority/judge.ts'
import { submissionMutes } from '../database/tables.ts'
import { isUuid } from '../http/access.ts'
import type { Standing } from '../http/types.ts'
import { append } from '../journal/append.ts'
import { findMute } from './mutes.ts'

/** Lifts a mute; one that is lifted already stays so. @throws Problem the refusal, or `not_found` */
export async function unmute(context: Context, standing: Standing, id: string): Promise<void> {
  const { id: accountId } = standing.loaded.account as AccountFact
  const found = isUuid(id) ? await findMute(context.db, accountId, standing.clauses, id) : undefined
  if (found === undefined) throw notFound()
  const { domain } = found
  // Also where the account has given the domain up since.
  const domains = domain === null ? [] : [{ ...domain, releasedAt: null }]
  const ask: Ask = { ...standing.ask, about: (_loaded, action) => question(action, accountId, { domains }) }
  const keys = { accounts: [accountId], unless: (lifted: unknown) => lifted === 0 }
  await change(context, standing.caller, ask, keys, async (tx, authority) => {
    const lifted = await tx
      .update(submissionMutes)
      .set({ liftedAt: new Date(authority.at) })
      .where(and(eq(submissionMutes.accountId, accountId), eq(submissionMutes.id, id), isNull(submissionMutes.liftedAt)))
      .returning({ submitter: submissionMutes.submitterUserId })
    const about = { resourceType: 'mute', resourceId: id, domainId: domain?.id ?? null, changed: ['liftedAt'] }
    await append(tx, ...lifted.map((value) => eventOf(authority, 'submission.unmuted', { ...about, value })))
    return lifted.length
  })
}
