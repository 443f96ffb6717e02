/** The first owner opens an account, and one that has an owner keeps one. */
import { and, eq, inArray, sql } from 'drizzle-orm'
import type { Database } from '../database/open.ts'
import { accounts, contacts } from '../database/tables.ts'
import { append } from '../journal/append.ts'
import { Problem } from '../problem.ts'
import { eventOf } from './authorship.ts'
import type { Authority } from './judge.ts'

/** The active owners of an account, in the order of their ids. */
export function activeOwners(tx: Database, accountId: string): Promise<{ id: string; confirmed: boolean }[]> {
  return tx
    .select({ id: contacts.id, confirmed: sql<boolean>`${contacts.confirmedAt} is not null` })
    .from(contacts)
    .where(and(eq(contacts.accountId, accountId), eq(contacts.role, 'owner'), eq(contacts.status, 'active')))
    .orderBy(contacts.id)
}

/** After an active contact became an owner, in the same transaction: an account that was `new` is open. */
export async function openForOwner(tx: Database, authority: Authority, accountId: string): Promise<void> {
  const opened = await tx
    .update(accounts)
    .set({ state: 'open', stateChangedAt: new Date(authority.at), version: sql`${accounts.version} + 1` })
    .where(and(eq(accounts.id, accountId), eq(accounts.state, 'new')))
    .returning({ id: accounts.id })
  if (opened.length === 0) return
  await append(tx, eventOf(authority, 'account.opened', { accountId, resourceType: 'account', resourceId: accountId, changed: ['state'] }))
}

/**
 * After an owner was removed or demoted, in the same transaction, under the account's key. Where only owners are left whom staff or a
 * client added and who wait for an owner's yes, there is nobody to say it, so they stand from now on: that is how an owner is replaced.
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
  await append(tx, ...ids.map((id) => confirmedEvent(authority, accountId, id)))
}

/** A contact that was added from outside holds its powers over others from now on. */
export function confirmedEvent(authority: Authority, accountId: string, id: string) {
  return eventOf(authority, 'contact.confirmed', { accountId, resourceType: 'contact', resourceId: id, changed: ['confirmed'] })
}

function lastOwner(): Problem {
  const detail = 'This is the last owner of the account, and an account keeps one: first give it another owner'
  return new Problem('conflict', { detail })
}
