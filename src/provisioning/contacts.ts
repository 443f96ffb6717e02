import { and, desc, eq, ne, sql } from 'drizzle-orm'
import { normaliseAddress } from '../address.ts'
import { eventOf } from '../authority/authorship.ts'
import { notifyOwners } from '../authority/cascades.ts'
import { demandNotClosed } from '../authority/closed.ts'
import { changeTerms, endContact, limitContact, type StandingContact, type Terms } from '../authority/contact-terms.ts'
import { activeOwners, openForOwner } from '../authority/owners.ts'
import { contacts } from '../database/tables.ts'
import { newId } from '../id.ts'
import { append } from '../journal/append.ts'
import { invalid } from '../problem.ts'
import { readLimit, termsOf } from './limit.ts'
import { ensureUser } from './people.ts'
import type { Result, Work } from './realm.ts'
import type { ProvisionedContact, PutContact } from './schema.ts'

/**
 * Makes or changes a contact; it is in force at once. Another subject is another person, and so another contact.
 * @throws Problem for a wrong field, a closed account, the last owner, or a person who has the role already; the row must be undone with it.
 */
export async function putContact(
  step: Work,
  accountId: string,
  external: string,
  body: PutContact,
): Promise<ProvisionedContact & { result: Result }> {
  const terms = { role: body.role, limit: await readLimit(step, accountId, body) }
  const address = readAddress(body.address)
  const userId = await ensureUser(step, body.subject, body.name)
  const known = await findContact(step, accountId, external)
  if (known === undefined || known.status === 'ended') {
    const id = await add(step, { accountId, external, userId, address: address ?? '', terms })
    return answer(step, accountId, external, id, 'created')
  }
  if (known.userId !== userId) {
    // Added before the other ends, so that an owner can be replaced by another.
    await set(step, accountId, known.id, { externalId: null })
    const id = await add(step, { accountId, external, userId, address: address ?? '', terms })
    await end(step, accountId, known)
    return answer(step, accountId, external, id, 'changed')
  }
  const changed = await changeTerms(
    step.jobs,
    step.tx,
    step.authority,
    standing(accountId, known),
    await termsOf(step, accountId, known),
    terms,
  )
  const moved = address !== undefined && address !== known.address
  if (moved) await set(step, accountId, known.id, { invitedAddress: address, version: sql`${contacts.version} + 1` })
  return answer(step, accountId, external, known.id, changed || moved ? 'changed' : 'unchanged')
}

/** Ends a contact, with all that stood on it. @throws Problem `conflict` for the last owner. */
export function end({ jobs, tx, authority }: Work, accountId: string, contact: Known): Promise<void> {
  return endContact(jobs, tx, authority, standing(accountId, contact), contact.role)
}

export type Known = Awaited<ReturnType<typeof selectContacts>>[number]

/** The contact an external id stands for, or stood for last; undefined when it never did. */
export async function findContact(step: Work, accountId: string, external: string): Promise<Known | undefined> {
  const [found] = await selectContacts(step)
    .where(and(eq(contacts.accountId, accountId), eq(contacts.externalId, external)))
    .orderBy(desc(contacts.endedAt), desc(contacts.id))
    .limit(1)
  return found
}

/** Every contact that has not ended; those without an external id were invited, and are none of the realm's business. */
export function standingContacts(step: Work, accountId: string): Promise<Known[]> {
  return selectContacts(step)
    .where(and(eq(contacts.accountId, accountId), ne(contacts.status, 'ended')))
    .orderBy(contacts.id)
}

function selectContacts({ tx }: Work) {
  const { id, userId, role, limited, status, invitedAddress: address, externalId: external } = contacts
  return tx.select({ id, userId, role, limited, status, address, external }).from(contacts).$dynamic()
}

const standing = (accountId: string, { id, userId, status }: Known): StandingContact => ({
  accountId,
  id,
  userId,
  status: status as StandingContact['status'],
})

type New = { accountId: string; external: string; userId: string; address: string; terms: Terms }

/** It needs no invitation: the client says who he is. Where there is an owner, his powers over others wait for an owner's yes. */
async function add({ tx, jobs, authority }: Work, { accountId, external, userId, address, terms: { role, limit } }: New): Promise<string> {
  await demandNotClosed(tx, authority, accountId)
  const id = newId()
  const at = new Date(authority.at)
  const owners = await activeOwners(tx, accountId)
  const row = { id, accountId, externalId: external, userId, role, limited: limit !== null, status: 'active' as const }
  const said = { invitedAddress: address, addedByStaff: true, createdAt: at, acceptedAt: at, confirmedAt: owners.length > 0 ? null : at }
  await tx.insert(contacts).values({ ...row, ...said })
  await limitContact(tx, accountId, id, limit)
  const value = { role, domains: limit ?? 'all', user: userId }
  await append(tx, eventOf(authority, 'contact.added', { accountId, resourceType: 'contact', resourceId: id, value }))
  if (role === 'owner') await openForOwner(tx, authority, accountId)
  if (owners.length > 0) await notifyOwners(tx, jobs, accountId, 'contact_added_by_staff', id)
  return id
}

async function set({ tx }: Work, accountId: string, id: string, values: object): Promise<void> {
  await tx
    .update(contacts)
    .set(values)
    .where(and(eq(contacts.accountId, accountId), eq(contacts.id, id)))
}

async function answer({ tx }: Work, accountId: string, external: string, id: string, result: Result) {
  const [found] = await tx
    .select({ id: contacts.id, user: contacts.userId, role: contacts.role, confirmed: sql<boolean>`${contacts.confirmedAt} is not null` })
    .from(contacts)
    .where(and(eq(contacts.accountId, accountId), eq(contacts.id, id)))
  return { ...(found as Omit<ProvisionedContact, 'external' | 'changed'>), external, changed: result !== 'unchanged', result }
}

function readAddress(text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  const normal = normaliseAddress(text)
  if ('error' in normal) throw invalid({ pointer: '#/address', detail: normal.error, code: 'format' })
  return normal.address
}
