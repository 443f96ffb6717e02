/** The end of a contact: it takes effect at once, with all that stood on it. */
import { and, eq, isNull, sql } from 'drizzle-orm'
import { eventOf } from '../authority/authorship.ts'
import { cascadeGrants, notifyOwners } from '../authority/cascades.ts'
import { change } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import type { AccountFact } from '../authority/facts.ts'
import type { Authority } from '../authority/judge.ts'
import type { ContactRow } from '../authority/load.ts'
import type { Database } from '../database/open.ts'
import { contacts, singleUseTokens } from '../database/tables.ts'
import type { Standing } from '../http/types.ts'
import { append } from '../journal/append.ts'
import { postNotice } from '../outbox/post.ts'
import { keepAnOwner } from './owners.ts'

/**
 * Removes a contact, or withdraws one that is only invited. It only takes away: it needs no version, and one that has ended already stays
 * as it is. Throws the refusal, or `conflict` for the last owner.
 */
export function removeContact(context: Context, standing: Standing): Promise<void> {
  const { id: accountId } = standing.loaded.account as AccountFact
  return change(context, standing.caller, standing.ask, { accounts: [accountId] }, async (tx, authority, loaded) => {
    const contact = loaded.contact as ContactRow
    if (contact.status === 'ended') return
    await end(tx, authority, accountId, contact)
    if (contact.role === 'owner' && contact.status === 'active') await keepAnOwner(tx, authority, accountId)
    await tell(context, tx, authority, accountId, contact)
    await cascadeGrants(tx, context.jobs, authority, accountId)
  })
}

async function end(tx: Database, authority: Authority, accountId: string, { id, role }: ContactRow): Promise<void> {
  const at = new Date(authority.at)
  await tx
    .update(contacts)
    .set({ status: 'ended', endedAt: at, version: sql`${contacts.version} + 1` })
    .where(and(eq(contacts.accountId, accountId), eq(contacts.id, id)))
  const unused = and(eq(singleUseTokens.accountId, accountId), eq(singleUseTokens.contactId, id), isNull(singleUseTokens.usedAt))
  await tx.update(singleUseTokens).set({ usedAt: at }).where(unused)
  await append(tx, eventOf(authority, 'contact.ended', { resourceType: 'contact', resourceId: id, changed: ['status'], value: { role } }))
}

/** Who was removed is told; the owners too when it was not one of the account who did it. */
async function tell(context: Context, tx: Database, authority: Authority, accountId: string, { id, userId }: ContactRow): Promise<void> {
  const notice = { kind: 'contact_ended' as const, accountId, subjectId: id }
  if (userId !== null) await postNotice(context.jobs, tx, { ...notice, recipientUserId: userId })
  if (authority.capacity !== 'contact') await notifyOwners(tx, context.jobs, accountId, 'contact_ended', id)
}
