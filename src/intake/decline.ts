/** A no, and a no for good. They only take away: no version, harmless to repeat, and the submitter sees nothing of either. */
import { eventOf } from '../authority/authorship.ts'
import { changeOnce } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import type { Authority } from '../authority/judge.ts'
import type { SubmissionRow } from '../authority/load.ts'
import type { Answer } from '../database/idempotency.ts'
import type { Database } from '../database/open.ts'
import { submissionMutes } from '../database/tables.ts'
import type { Standing } from '../http/types.ts'
import { newId } from '../id.ts'
import { append } from '../journal/append.ts'
import { after, answerOf, conclude, decided, namedIn } from './decide.ts'

/** Declines what waits; what has ended stays as it is. @throws Problem `conflict` for what was accepted */
export function decline(context: Context, standing: Standing): Promise<Answer> {
  return under(context, standing, async (tx, authority, submission) => {
    if (submission.verdict === 'approved' || submission.verdict === 'released') throw decided(submission, authority.at)
    return say(tx, authority, submission)
  })
}

/**
 * Mutes the submitter on this account: nothing of his is shown to it any more. A contact who is limited speaks for the domain of this
 * submission alone. What waits of this one is declined.
 */
export function mute(context: Context, standing: Standing): Promise<Answer> {
  return under(context, standing, async (tx, authority, submission) => {
    const { submitterUserId: submitter, domain } = submission
    const { contact } = authority.via as Extract<Authority['via'], { capacity: 'contact' }>
    const row = {
      accountId: authority.accountId as string,
      id: newId(),
      submitterUserId: submitter,
      domainId: contact.limited ? domain.id : null,
      contactId: contact.id,
      createdAt: new Date(authority.at),
    }
    const muted = await tx.insert(submissionMutes).values(row).onConflictDoNothing().returning({ id: submissionMutes.id })
    const about = aboutOf(submission)
    await append(tx, ...muted.map(({ id }) => eventOf(authority, 'submission.muted', { ...about, value: { submitter, mute: id } })))
    const said = await say(tx, authority, submission)
    return { submission: said.submission, altered: said.altered || muted.length > 0 }
  })
}

type Outcome = { submission: SubmissionRow; altered: boolean }

function under(
  context: Context,
  standing: Standing,
  work: (tx: Database, authority: Authority, submission: SubmissionRow) => Promise<Outcome>,
): Promise<Answer> {
  const { accountId } = namedIn(standing)
  let altered = false
  const keys = { accounts: [accountId], unless: () => !altered }
  return changeOnce(context, standing.caller, standing.ask, keys, standing.repeatable, async (tx, authority, loaded) => {
    const outcome = await work(tx, authority, namedIn({ loaded }).submission)
    altered = outcome.altered
    return answerOf(accountId, outcome.submission, authority.at)
  })
}

async function say(tx: Database, authority: Authority, submission: SubmissionRow): Promise<Outcome> {
  const held = await conclude(tx, submission.id, 'declined', authority)
  if (held === undefined) return { submission, altered: false }
  await append(tx, eventOf(authority, 'submission.declined', { ...aboutOf(submission), changed: ['verdict'] }))
  return { submission: after(submission, held), altered: true }
}

const aboutOf = ({ id, domain }: SubmissionRow) => ({ resourceType: 'submission', resourceId: id, domainId: domain.id })
