/** What becomes the surviving user's, in the transaction that holds the keys of both and of all their accounts. */
import { and, eq, isNotNull, isNull, sql } from 'drizzle-orm'
import { eventOf } from '../authority/authorship.ts'
import { cascadeGrants } from '../authority/cascades.ts'
import type { Authority } from '../authority/judge.ts'
import type { Database } from '../database/open.ts'
import { addresses, contacts, grantRequests, grants, singleUseTokens, subjects } from '../database/tables.ts'
import type { Jobs } from '../jobs/jobs.ts'
import { append } from '../journal/append.ts'
import type { EventKind } from '../journal/kinds.ts'

/** Who is joined to whom. */
export type Move = { from: string; to: string }

type Row = { accountId: string; id: string }

/**
 * The other's active contacts. One that both have, on one account in one role, is there once: the wider of the two stays, or the
 * survivor's own; what the one that ends stood for falls with it. Two limits are not added up: that is for the account to do.
 */
export async function moveContacts(
  tx: Database,
  jobs: Jobs,
  authority: Authority,
  { from, to }: Move,
): Promise<{ moved: number; ended: number }> {
  const at = new Date(authority.at).toISOString()
  const { rows: ended } = await tx.execute<Row>(sql`
    update contacts c set status = 'ended', ended_at = ${at}::timestamptz, version = c.version + 1
    from (
      select own.account_id, case when (double.limited, double.confirmed_at is null) < (own.limited, own.confirmed_at is null)
        then own.id else double.id end as id
      from contacts own join contacts double on double.account_id = own.account_id and double.role = own.role
        and double.user_id = ${from} and double.status = 'active'
      where own.user_id = ${to} and own.status = 'active') narrower
    where c.account_id = narrower.account_id and c.id = narrower.id
    returning c.account_id as "accountId", c.id`)
  const moved = await tx
    .update(contacts)
    .set({ userId: to, version: sql`${contacts.version} + 1` })
    .where(and(eq(contacts.userId, from), eq(contacts.status, 'active')))
    .returning({ accountId: contacts.accountId, id: contacts.id })
  // What he has invited stands on the survivor, who holds no less than he did.
  await tx
    .update(contacts)
    .set({ invitedBy: to })
    .where(and(eq(contacts.invitedBy, from), eq(contacts.status, 'invited')))
  await tx
    .update(singleUseTokens)
    .set({ invitedBy: to })
    .where(and(eq(singleUseTokens.invitedBy, from), isNull(singleUseTokens.usedAt)))
  await tell(tx, authority, 'contact.ended', 'contact', ended, 'status')
  await tell(tx, authority, 'contact.moved', 'contact', moved, 'user')
  for (const accountId of new Set(ended.map((row) => row.accountId))) await cascadeGrants(tx, jobs, authority, accountId)
  return { moved: moved.length, ended: ended.length }
}

/** The permissions given to the other that have not ended; those that have are history, and history names who it was. */
export async function moveGrants(tx: Database, authority: Authority, { from, to }: Move): Promise<number> {
  const moved = await tx
    .update(grants)
    .set({ granteeUserId: to, version: sql`${grants.version} + 1` })
    .where(and(eq(grants.granteeUserId, from), isNull(grants.endedAt)))
    .returning({ accountId: grants.accountId, id: grants.id, given: isNotNull(grants.approvedAt) })
  await tx.update(grantRequests).set({ userId: to }).where(eq(grantRequests.userId, from))
  await tell(tx, authority, 'grant.moved', 'grant', moved, 'grantee')
  // What he only asked for is not told: he would learn that his code was right.
  return moved.filter(({ given }) => given).length
}

/** What he is known by: to mail, and to control panels. Of an address that both have, the proven one stays. */
export async function moveNames(tx: Database, { at }: Authority, { from, to }: Move): Promise<void> {
  await tx.update(subjects).set({ userId: to }).where(eq(subjects.userId, from))
  await tx
    .update(addresses)
    .set({ userId: to })
    .where(and(eq(addresses.userId, from), isNull(addresses.removedAt)))
  await tx.execute(sql`
    update addresses a set removed_at = ${new Date(at).toISOString()}::timestamptz
    where a.user_id = ${to} and a.proven_at is null and a.removed_at is null and exists (
      select from addresses b where b.user_id = a.user_id and b.address = a.address and b.removed_at is null
        and (b.proven_at is not null or b.id < a.id))`)
}

/** The addresses to tell: all that were proven by either. */
export async function provenAddressIds(tx: Database, userId: string): Promise<string[]> {
  const rows = await tx
    .select({ id: addresses.id })
    .from(addresses)
    .where(and(eq(addresses.userId, userId), isNotNull(addresses.provenAt)))
    .orderBy(addresses.id)
  return rows.map(({ id }) => id)
}

function tell(
  tx: Database,
  authority: Authority,
  kind: EventKind,
  resourceType: string,
  rows: readonly Row[],
  changed: string,
): Promise<void> {
  return append(
    tx,
    ...rows.map(({ accountId, id }) => eventOf(authority, kind, { accountId, resourceType, resourceId: id, changed: [changed] })),
  )
}
