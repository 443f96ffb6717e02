import { and, desc, eq, isNull } from 'drizzle-orm'
import { eventOf } from '../authority/authorship.ts'
import { changeOnce } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import type { AccountFact } from '../authority/facts.ts'
import type { ContactRow } from '../authority/load.ts'
import type { Answer } from '../database/idempotency.ts'
import { singleUseTokens } from '../database/tables.ts'
import { countAttempt } from '../database/throttle.ts'
import { etagOf } from '../http/preconditions.ts'
import type { Standing } from '../http/types.ts'
import { append } from '../journal/append.ts'
import { mailToken } from '../outbox/tokens.ts'
import { Problem } from '../problem.ts'
import { readContact } from './store.ts'

/** A mailbox is not to be filled with what its owner did not ask for. */
const limit = { free: 3, firstSeconds: 600, mostSeconds: 86_400, memorySeconds: 86_400 }

/**
 * Sends an open invitation again, with a new token and a new end; the one before is void. Throws the refusal, `quota_exceeded`, or the
 * `conflict` of a contact that is not invited any more.
 */
export async function resendInvitation(context: Context, standing: Standing): Promise<Answer> {
  const { jobs, config } = context
  const { id: accountId } = standing.loaded.account as AccountFact
  const { id: contactId } = standing.loaded.contact as ContactRow
  await countAttempt(context.db, context.clock.offset(), [{ kind: 'contact_resent', target: contactId, limit }])
  const keys = { accounts: [accountId] }
  return changeOnce(context, standing.caller, standing.ask, keys, standing.repeatable, async (tx, authority, loaded) => {
    if ((loaded.contact as ContactRow).status !== 'invited') throw notInvited()
    const ofContact = and(eq(singleUseTokens.accountId, accountId), eq(singleUseTokens.contactId, contactId))
    const [last] = (await tx
      .select({ name: singleUseTokens.name })
      .from(singleUseTokens)
      .where(ofContact)
      .orderBy(desc(singleUseTokens.id))
      .limit(1)) as [{ name: string | null }?] // deleted when it has served its time
    const used = { usedAt: new Date(authority.at) }
    await tx
      .update(singleUseTokens)
      .set(used)
      .where(and(ofContact, isNull(singleUseTokens.usedAt)))
    const body = await readContact(tx, loaded.account as AccountFact, contactId)
    const to = { purpose: 'contact_invitation', address: body.address, name: last?.name ?? null, accountId, contactId } as const
    await mailToken(jobs, tx, { ...to, invitedBy: authority.actorUserId }, authority.at, config.invitationDays * 86_400_000)
    await append(tx, eventOf(authority, 'contact.invited_again', { resourceType: 'contact', resourceId: contactId }))
    const made = { action: 'contact.read', staffAction: 'staff.directory.read', account: accountId, ticket: null }
    return { status: 200, headers: { etag: etagOf(body.version) }, body, made }
  })
}

function notInvited(): Problem {
  return new Problem('conflict', { detail: 'Only an invitation that is open is sent again; an ended one is made anew' })
}
