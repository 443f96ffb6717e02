/** How a contact comes to be: as an invitation to an address, which counts nowhere until whoever has proven that address accepts it. */
import { eventOf } from '../authority/authorship.ts'
import { notifyOwners } from '../authority/cascades.ts'
import { demandNotClosed } from '../authority/closed.ts'
import { limitContact } from '../authority/contact-terms.ts'
import type { Context } from '../authority/context.ts'
import type { Authority } from '../authority/judge.ts'
import type { Database } from '../database/open.ts'
import { contacts } from '../database/tables.ts'
import { newId } from '../id.ts'
import { append } from '../journal/append.ts'
import type { ContactRole } from '../vocabulary.ts'
import { mailToken } from './tokens.ts'

export type Invited = {
  accountId: string
  role: ContactRole
  /** Normalised. Whether anybody has it makes no difference here. */
  address: string
  /** What the inviter calls the person; a new user may take it or give another. */
  name?: string | undefined
  /** The domains he is limited to; null for none. */
  limit: readonly string[] | null
}

const dayMs = 86_400_000

/**
 * Writes the invited contact, its single-use token and letter and the event, in the caller's transaction, and returns its id. What staff
 * adds is told to all owners of the account at once. @throws Problem `conflict` for a closed account
 */
export async function inviteContact(
  { jobs, config }: Pick<Context, 'jobs' | 'config'>,
  tx: Database,
  authority: Authority,
  { accountId, role, address, name, limit }: Invited,
): Promise<string> {
  await demandNotClosed(tx, authority, accountId)
  const id = newId()
  const addedByStaff = authority.capacity !== 'contact'
  const invitedBy = authority.actorUserId
  const row = { id, accountId, role, limited: limit !== null, status: 'invited' as const, invitedAddress: address, invitedBy, addedByStaff }
  await tx.insert(contacts).values({ ...row, createdAt: new Date(authority.at) })
  await limitContact(tx, accountId, id, limit)
  const token = { purpose: 'contact_invitation' as const, address, name: name ?? null, accountId, contactId: id, invitedBy }
  await mailToken(jobs, tx, token, authority.at, config.invitationDays * dayMs)
  const about = { accountId, resourceType: 'contact', resourceId: id }
  await append(tx, eventOf(authority, 'contact.invited', { ...about, value: { address, role, domains: limit ?? 'all' } }))
  if (addedByStaff) await notifyOwners(tx, jobs, accountId, 'contact_added_by_staff', id)
  return id
}
