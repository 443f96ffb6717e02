/** Another role or another limit for a contact, in force at once. */
import { and, eq, sql } from 'drizzle-orm'
import { roleCovers } from '../authority/actions.ts'
import { eventOf } from '../authority/authorship.ts'
import { cascadeGrants, notifyOwners } from '../authority/cascades.ts'
import { change } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import { type AccountFact, question } from '../authority/facts.ts'
import type { Ask, Authority } from '../authority/judge.ts'
import type { ContactRow, Loaded } from '../authority/load.ts'
import { brokenConstraint } from '../database/errors.ts'
import type { Database } from '../database/open.ts'
import { contactDomains, contacts } from '../database/tables.ts'
import { stale } from '../http/preconditions.ts'
import type { Standing } from '../http/types.ts'
import { append } from '../journal/append.ts'
import type { ContactRole } from '../vocabulary.ts'
import { isLimitedOwner, limitedOwner, namedBy, readLimit, resolveLimit } from './limit.ts'
import { activeOwners, keepAnOwner } from './owners.ts'
import { hasEnded, roleTaken } from './problems.ts'
import type { Contact, UpdateContact } from './schema.ts'
import { readContact } from './store.ts'

/**
 * Changes role or limit. Both the role it has and the one it gets are part of the question: nobody changes one who holds more than he
 * does, or makes him so. Throws the refusal, `precondition_failed`, what is wrong with a field, or a `conflict`.
 */
export async function updateContact(context: Context, standing: Standing, body: UpdateContact): Promise<Contact> {
  const { id: accountId } = standing.loaded.account as AccountFact
  const limit = body.domains === undefined ? undefined : readLimit(body.domains)
  const ask: Ask = {
    ...standing.ask,
    named: { ...standing.ask.named, ...namedBy(limit ?? null) },
    about: (loaded, action) => {
      const { role } = loaded.contact as ContactRow
      return question(action, accountId, { targets: [{ role }, { role: body.role ?? role }] })
    },
  }
  try {
    return await change(context, standing.caller, ask, { accounts: [accountId] }, async (tx, authority, loaded) => {
      const contact = loaded.contact as ContactRow
      const account = loaded.account as AccountFact
      // Under the account's exclusive key: nobody else can change this version before the commit.
      if (standing.expectedVersion !== null && standing.expectedVersion !== contact.version) throw stale(contact.version)
      if (contact.status === 'ended') throw hasEnded()
      const before = termsOf(await readContact(tx, account, contact.id))
      const after = { role: body.role ?? before.role, limit: limit === undefined ? before.limit : resolveLimit(limit, loaded) }
      if (isLimitedOwner(after.role, after.limit !== null)) throw limitedOwner()
      await apply(context, tx, authority, loaded, before, after)
      return readContact(tx, account, contact.id)
    })
  } catch (error) {
    throw brokenConstraint(error) === 'contacts_active' ? roleTaken(error) : error
  }
}

/** `limit` are domain ids; null for none. */
type Terms = { role: ContactRole; limit: string[] | null }

function termsOf({ role, domains }: Contact): Terms {
  return { role, limit: domains === 'all' ? null : domains.map(({ id }) => id) }
}

async function apply(context: Context, tx: Database, authority: Authority, loaded: Loaded, before: Terms, after: Terms): Promise<void> {
  const { id: accountId } = loaded.account as AccountFact
  const contact = loaded.contact as ContactRow
  const changed = changesOf(before, after)
  if (changed.length === 0) return
  const unproven = authority.capacity !== 'contact' && widens(before, after) && (await hasOtherOwner(tx, accountId, contact.id))
  await write(tx, accountId, contact.id, after, unproven)
  const about = { resourceType: 'contact', resourceId: contact.id, changed }
  await append(tx, eventOf(authority, 'contact.updated', { ...about, value: { from: shown(before), to: shown(after) } }))
  if (before.role === 'owner' && contact.status === 'active' && after.role !== 'owner') await keepAnOwner(tx, authority, accountId)
  if (unproven) await notifyOwners(tx, context.jobs, accountId, 'contact_added_by_staff', contact.id)
  await cascadeGrants(tx, context.jobs, authority, accountId)
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
async function hasOtherOwner(tx: Database, accountId: string, contactId: string): Promise<boolean> {
  return (await activeOwners(tx, accountId)).some(({ id }) => id !== contactId)
}

/** What staff give is as if staff had added the contact: it waits for an owner's yes. */
async function write(tx: Database, accountId: string, contactId: string, { role, limit }: Terms, unproven: boolean): Promise<void> {
  const unconfirmed = unproven ? { addedByStaff: true, confirmedAt: null } : {}
  await tx
    .update(contacts)
    .set({ role, limited: limit !== null, ...unconfirmed, version: sql`${contacts.version} + 1` })
    .where(and(eq(contacts.accountId, accountId), eq(contacts.id, contactId)))
  await tx.delete(contactDomains).where(and(eq(contactDomains.accountId, accountId), eq(contactDomains.contactId, contactId)))
  if (limit !== null && limit.length > 0)
    await tx.insert(contactDomains).values(limit.map((domainId) => ({ accountId, contactId, domainId })))
}
