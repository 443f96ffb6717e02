/**
 * An invitation is never worth more than who gave it: it stands while he could give it now, and falls with what he loses. Asked when it is
 * shown, when its letter leaves and when it is accepted; a change of the account's contacts ends those that have fallen.
 */
import { and, eq, inArray, isNull, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../database/open.ts'
import { contacts, singleUseTokens } from '../database/tables.ts'
import { append } from '../journal/append.ts'
import type { ContactRole, StaffRole, UserStatus } from '../vocabulary.ts'
import { staffHolds } from './actions.ts'
import { eventOf } from './authorship.ts'
import { limitAllows, roleAllows } from './conditions.ts'
import { type ContactFact, question } from './facts.ts'
import type { Authority } from './judge.ts'
import { contactColumns, objectsOf, verified } from './objects.ts'

/** What an invited contact would get, and who stands for it as he is now. */
export type InvitedContact = { accountId: string; role: ContactRole; byStaff: boolean; inviter: Inviter | null; clientActive: boolean }

/** `contacts` are his active ones on the account. */
type Inviter = { id: string; status: UserStatus; verified: boolean; staffRole: StaffRole | null; contacts: ContactFact[] }

/** The fact, as JSON, of the row `c` of `contacts` on the account `a`. */
export const invitedContactObject: SQL = sql`json_build_object('accountId', c.account_id, 'role', c.role, 'byStaff', c.added_by_staff,
  'clientActive', exists (select from clients cl where cl.realm = a.realm and cl.status = 'active'),
  'inviter', (select json_build_object('id', u.id, 'status', u.status, 'verified', ${verified('u')},
      'staffRole', (select sm.role from staff_members sm where sm.user_id = u.id and sm.ended_at is null),
      'contacts', ${objectsOf(
        contactColumns('ic'),
        sql`contacts ic where ic.account_id = c.account_id and ic.user_id = u.id and ic.status = 'active'`,
      )})
    from users u where u.id = c.invited_by))`

/**
 * Whether who invited could still do so: a contact of the account who manages contacts, unlimited, and holds the role himself; of the
 * provider, who may provision; of a realm, while a client of it is active.
 */
export function invitationStands({ accountId, role, byStaff, inviter, clientActive }: InvitedContact): boolean {
  if (inviter === null) return clientActive
  if (inviter.status !== 'active' || !inviter.verified) return false
  if (byStaff) return inviter.staffRole !== null && staffHolds(inviter.staffRole, 'staff.provision')
  const asked = question('contact.manage', accountId, { targets: [{ role }] })
  return inviter.staffRole === null && inviter.contacts.some((contact) => roleAllows(contact, asked) && limitAllows(contact, asked))
}

/**
 * After contacts of the account changed, in the same transaction and under its key: ends the invitations of contacts that do not stand any
 * more, with one event each. A suspended user ends none by row: his do not stand while it lasts.
 */
export async function cascadeInvitations(tx: Database, authority: Authority, accountId: string): Promise<void> {
  const { rows } = await tx.execute<{ id: string; invited: InvitedContact }>(sql`
    select c.id, ${invitedContactObject} as invited
    from contacts c join accounts a on a.id = c.account_id join users iu on iu.id = c.invited_by and iu.status = 'active'
    where c.account_id = ${accountId} and c.status = 'invited' and not c.added_by_staff order by c.id`)
  const fallen = rows.filter(({ invited }) => !invitationStands(invited))
  if (fallen.length === 0) return
  const at = new Date(authority.at)
  const ids = fallen.map(({ id }) => id)
  await tx
    .update(contacts)
    .set({ status: 'ended', endedAt: at, version: sql`${contacts.version} + 1` })
    .where(and(eq(contacts.accountId, accountId), inArray(contacts.id, ids)))
  const unused = and(eq(singleUseTokens.accountId, accountId), inArray(singleUseTokens.contactId, ids), isNull(singleUseTokens.usedAt))
  await tx.update(singleUseTokens).set({ usedAt: at }).where(unused)
  await append(
    tx,
    ...fallen.map(({ id, invited: { role } }) => {
      const value = { role, cause: 'inviter_lost_authority' }
      return eventOf(authority, 'contact.ended', { accountId, resourceType: 'contact', resourceId: id, changed: ['status'], value })
    }),
  )
}
