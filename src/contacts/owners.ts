/** An account that has an owner keeps one. */
import { and, eq, inArray, sql } from 'drizzle-orm'
import { eventOf } from '../authority/authorship.ts'
import type { Authority } from '../authority/judge.ts'
import type { Database } from '../database/open.ts'
import { contacts } from '../database/tables.ts'
import { append } from '../journal/append.ts'
import { Problem } from '../problem.ts'

/** The active owners of an account, in the order of their ids. */
export function activeOwners(tx: Database, accountId: string): Promise<{ id: string; confirmed: boolean }[]> {
  return tx
    .select({ id: contacts.id, confirmed: sql<boolean>`${contacts.confirmedAt} is not null` })
    .from(contacts)
    .where(and(eq(contacts.accountId, accountId), eq(contacts.role, 'owner'), eq(contacts.status, 'active')))
    .orderBy(contacts.id)
}

/**
 * After an owner was removed or demoted, in the same transaction, under the account's key. Where only owners are left whom staff added
 * and who wait for an owner's yes, there is nobody to say it, so they stand from now on: that is how staff replace an owner.
 * @throws Problem `conflict` when it was the last.
 */
export async function keepAnOwner(tx: Database, authority: Authority, accountId: string): Promise<void> {
  const left = await activeOwners(tx, accountId)
  if (left.length === 0) throw lastOwner()
  if (left.some(({ confirmed }) => confirmed)) return
  const ids = left.map(({ id }) => id)
  await tx
    .update(contacts)
    .set({ confirmedAt: new Date(authority.at), version: sql`${contacts.version} + 1` })
    .where(and(eq(contacts.accountId, accountId), inArray(contacts.id, ids)))
  await append(tx, ...ids.map((id) => confirmedEvent(authority, id)))
}

/** A contact that staff added holds its powers over others from now on. */
export function confirmedEvent(authority: Authority, id: string) {
  return eventOf(authority, 'contact.confirmed', { resourceType: 'contact', resourceId: id, changed: ['confirmed'] })
}

function lastOwner(): Problem {
  const detail = 'This is the last owner of the account, and an account keeps one: first let another owner accept an invitation'
  return new Problem('conflict', { detail })
}
