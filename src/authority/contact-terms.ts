/** A contact gets another role or limit, or ends: the row, its event, its letters and all that stood on it, in the caller's transaction. */
import { and, eq, isNull, sql } from 'drizzle-orm'
import type { Database } from '../database/open.ts'
import { contactDomains, contacts, singleUseTokens } from '../database/tables.ts'
import type { Jobs } from '../jobs/jobs.ts'
import { append } from '../journal/append.ts'
import type { ContactRole, ContactStatus } from '../vocabulary.ts'
import { roleCovers } from './actions.ts'
import { eventOf } from './authorship.ts'
import { cascadeGrants, notifyOwners } from './cascades.ts'
import { demandNotClosed } from './closed.ts'
import { cascadeInvitations } from './invitations.ts'
import type { Authority } from './judge.ts'
import { activeOwners, keepAnOwner, openForOwner } from './owners.ts'

/** `limit` are domain ids; null for none. */
export type Terms = { role: ContactRole; limit: readonly string[] | null }

/** A contact that has not ended. `userId` is null while it is only invited. */
export type StandingContact = { accountId: string; id: string; userId: string | null; status: Exclude<ContactStatus, 'ended'> }

/**
 * Gives a contact other terms, under the account's key, and says whether they differ from those before. What staff or a client give is as
 * if they had added the contact: it waits for an owner's yes. @throws Problem `conflict` for the last owner, or for more on a closed account.
 */
export async function changeTerms(
  jobs: Jobs,
  tx: Database,
  authority: Authority,
  contact: StandingContact,
  before: Terms,
  after: Terms,
): Promise<boolean> {
  const { accountId, id } = contact
  const changed = changesOf(before, after)
  if (changed.length === 0) return false
  const wider = widens(before, after)
  if (wider) await demandNotClosed(tx, authority, accountId)
  const unproven = authority.capacity !== 'contact' && wider && (await hasOtherOwner(tx, contact))
  await write(tx, contact, after, unproven)
  if (contact.status === 'invited' && wider) await standFor(tx, authority, contact)
  const about = { accountId, resourceType: 'contact', resourceId: id, changed }
  await append(tx, eventOf(authority, 'contact.updated', { ...about, value: { from: shown(before), to: shown(after) } }))
  if (contact.status === 'active' && before.role === 'owner' && after.role !== 'owner') await keepAnOwner(tx, authority, accountId)
  if (contact.status === 'active' && after.role === 'owner') await openForOwner(tx, authority, accountId)
  if (unproven) await notifyOwners(tx, jobs, accountId, 'contact_added_by_staff', id)
  await cascadeInvitations(tx, authority, accountId)
  await cascadeGrants(tx, jobs, authority, accountId)
  return true
}

/** Ends a contact, under the account's key. @throws Problem `conflict` for the last owner. */
export async function endContact(
  jobs: Jobs,
  tx: Database,
  authority: Authority,
  { accountId, id, userId, status }: StandingContact,
  role: ContactRole,
): Promise<void> {
  const at = new Date(authority.at)
  await tx
    .update(contacts)
    .set({ status: 'ended', endedAt: at, version: sql`${contacts.version} + 1` })
    .where(and(eq(contacts.accountId, accountId), eq(contacts.id, id)))
  const unused = and(eq(singleUseTokens.accountId, accountId), eq(singleUseTokens.contactId, id), isNull(singleUseTokens.usedAt))
  await tx.update(singleUseTokens).set({ usedAt: at }).where(unused)
  const about = { accountId, resourceType: 'contact', resourceId: id, changed: ['status'] }
  await append(tx, eventOf(authority, 'contact.ended', { ...about, value: { role } }))
  if (role === 'owner' && status === 'active') await keepAnOwner(tx, authority, accountId)
  // Who was removed is told; the owners too when it was not one of the account who did it.
  const notice = { letter: 'notice', kind: 'contact_ended', account: accountId, subject: id }
  if (userId !== null) await jobs.enqueue(tx, 'mail', { ...notice, recipient: userId })
  if (authority.capacity !== 'contact') await notifyOwners(tx, jobs, accountId, 'contact_ended', id)
  await cascadeInvitations(tx, authority, accountId)
  await cascadeGrants(tx, jobs, authority, accountId)
}

const shown = ({ role, limit }: Terms) => ({ role, domains: limit ?? 'all' })

function changesOf(before: Terms, after: Terms): string[] {
  const sameLimit = JSON.stringify(before.limit?.toSorted() ?? null) === JSON.stringify(after.limit?.toSorted() ?? null)
  return [...(before.role === after.role ? [] : ['role']), ...(sameLimit ? [] : ['domains'])]
}

/** Whether the contact gets anything it did not hold. */
function widens(before: Terms, after: Terms): boolean {
  if (!roleCovers(before.role, after.role)) return true
  return before.limit !== null && (after.limit === null || after.limit.some((id) => !before.limit?.includes(id)))
}

/** Whether there is an owner who can be asked. */
async function hasOtherOwner(tx: Database, { accountId, id: contactId }: StandingContact): Promise<boolean> {
  return (await activeOwners(tx, accountId)).some(({ id }) => id !== contactId)
}

async function write(
  tx: Database,
  { accountId, id: contactId }: StandingContact,
  { role, limit }: Terms,
  unproven: boolean,
): Promise<void> {
  const unconfirmed = unproven ? { addedByStaff: true, confirmedAt: null } : {}
  await tx
    .update(contacts)
    .set({ role, limited: limit !== null, ...unconfirmed, version: sql`${contacts.version} + 1` })
    .where(and(eq(contacts.accountId, accountId), eq(contacts.id, contactId)))
  await tx.delete(contactDomains).where(and(eq(contactDomains.accountId, accountId), eq(contactDomains.contactId, contactId)))
  await limitContact(tx, accountId, contactId, limit)
}

/** Who makes an invitation wider is the one it stands on from now on: the one before him need not hold that much. */
async function standFor(tx: Database, { actorUserId, capacity }: Authority, { accountId, id }: StandingContact): Promise<void> {
  await tx
    .update(contacts)
    .set({ invitedBy: actorUserId, addedByStaff: capacity !== 'contact' })
    .where(and(eq(contacts.accountId, accountId), eq(contacts.id, id)))
  const itsTokens = and(eq(singleUseTokens.accountId, accountId), eq(singleUseTokens.contactId, id))
  await tx.update(singleUseTokens).set({ invitedBy: actorUserId }).where(itsTokens)
}

/** Writes what a contact is limited to. */
export async function limitContact(tx: Database, accountId: string, contactId: string, limit: Terms['limit']): Promise<void> {
  if (limit === null || limit.length === 0) return
  await tx.insert(contactDomains).values(limit.map((domainId) => ({ accountId, contactId, domainId })))
}
