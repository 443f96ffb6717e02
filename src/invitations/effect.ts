/** What accepting an invitation does, in the transaction that spends its token and under the account's key. */
import { and, eq, sql } from 'drizzle-orm'
import type { Context } from '../authority/context.ts'
import { bringIntoForce } from '../authority/in-force.ts'
import type { Database } from '../database/open.ts'
import { accounts, contacts, staffMembers } from '../database/tables.ts'
import { newId } from '../id.ts'
import { type About, append, type JournalEvent } from '../journal/append.ts'
import type { EventKind } from '../journal/kinds.ts'
import type { ContactTerms, GrantTerms, StaffTerms } from '../outbox/offer.ts'
import { postNotice } from '../outbox/post.ts'
import type { AcceptedInvitation } from './schema.ts'
import type { InvitationOffer } from './show.ts'

/** Who accepts. `at` in epoch ms; `event` makes one about what he does. */
export type Acceptor = { userId: string; at: number; event: (kind: EventKind, rest: About) => JournalEvent }

export type Effect = Pick<AcceptedInvitation, 'contact' | 'grant' | 'staff'>

const nothing: Effect = { contact: null, grant: null, staff: null }

export async function takeEffect(context: Context, tx: Database, who: Acceptor, { terms }: InvitationOffer): Promise<Effect> {
  switch (terms.kind) {
    case 'contact':
      return { ...nothing, contact: await becomeContact(tx, who, terms) }
    case 'grant':
      return { ...nothing, grant: await becomeGrantee(context, tx, who, terms) }
    case 'staff':
      return { ...nothing, staff: await becomeStaff(tx, who, terms) }
  }
}

/** Confirmed from the start, unless staff added it to an account that has an owner. The first owner opens the account. */
async function becomeContact(
  tx: Database,
  { userId, at, event }: Acceptor,
  { account, id, role }: ContactTerms,
): Promise<Effect['contact']> {
  const instant = new Date(at)
  const confirmedAt = sql`coalesce(contacts.confirmed_at, case when contacts.added_by_staff and exists (
    select from contacts o where o.account_id = contacts.account_id and o.role = 'owner' and o.status = 'active'
  ) then null else ${instant.toISOString()}::timestamptz end)`
  const accepted = { status: 'active', userId, acceptedAt: instant, confirmedAt, version: sql`${contacts.version} + 1` } as const
  const [contact] = await tx
    .update(contacts)
    .set(accepted)
    .where(and(eq(contacts.accountId, account.id), eq(contacts.id, id)))
    .returning({ confirmedAt: contacts.confirmedAt })
  const about = { accountId: account.id, resourceType: 'contact', resourceId: id }
  await append(tx, event('contact.accepted', { ...about, changed: ['status', 'user'] }))
  if (role === 'owner' && account.state === 'new') {
    await tx
      .update(accounts)
      .set({ state: 'open', stateChangedAt: instant, version: sql`${accounts.version} + 1` })
      .where(eq(accounts.id, account.id))
    const opened = { accountId: account.id, resourceType: 'account', resourceId: account.id }
    await append(tx, event('account.opened', { ...opened, changed: ['state'] }))
  }
  return { id, role, confirmed: contact?.confirmedAt !== null }
}

/** In force from now, or later if the terms say so. */
async function becomeGrantee(context: Context, tx: Database, who: Acceptor, { account, id }: GrantTerms): Promise<Effect['grant']> {
  const agreeing = { ...who, jobs: context.jobs, clockOffset: context.clock.offset() }
  const { grantor, notBefore, expiresAt } = await bringIntoForce(tx, { account, id, granteeUserId: who.userId }, agreeing)
  await postNotice(context.jobs, tx, { kind: 'grant_accepted', accountId: account.id, subjectId: id, recipientUserId: grantor.userId })
  return { id, notBefore: new Date(notBefore).toISOString(), expiresAt: new Date(expiresAt).toISOString() }
}

async function becomeStaff(tx: Database, { userId, at, event }: Acceptor, { role, givenBy }: StaffTerms): Promise<Effect['staff']> {
  const id = newId()
  await tx.insert(staffMembers).values({ id, userId, role, givenBy, givenAt: new Date(at) })
  await append(tx, event('staff.given', { resourceType: 'staff_member', resourceId: id }))
  return { role }
}
