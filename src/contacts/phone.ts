/**
 * The number a contact can be called back at. Support calls back only numbers that have stood for days, so that a thief cannot put in his
 * own; another number starts the days anew. It is set by who may manage the contact, never by the provider or a service.
 */
import { and, eq, sql } from 'drizzle-orm'
import { eventOf } from '../authority/authorship.ts'
import { change } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import type { AccountFact } from '../authority/facts.ts'
import type { ContactRow } from '../authority/load.ts'
import { contacts } from '../database/tables.ts'
import type { Standing } from '../http/types.ts'
import { append } from '../journal/append.ts'
import { hasEnded } from './problems.ts'
import type { Contact } from './schema.ts'
import { readContact } from './store.ts'

/** Sets the number, or takes it away with null; the same number again changes nothing. @throws Problem `conflict` for one that has ended */
export function setPhone(context: Context, standing: Standing, number: string | null): Promise<Contact> {
  const { id: accountId } = standing.loaded.account as AccountFact
  let altered = false
  const keys = { accounts: [accountId], unless: () => !altered }
  return change(context, standing.caller, standing.ask, keys, async (tx, authority, loaded) => {
    const { id, status } = loaded.contact as ContactRow
    if (status === 'ended') throw hasEnded()
    const phoneStoredAt = number === null ? null : new Date(authority.at)
    const other = sql`${contacts.phone} is distinct from ${number}::text`
    const changed = await tx
      .update(contacts)
      .set({ phone: number, phoneStoredAt, version: sql`${contacts.version} + 1` })
      .where(and(eq(contacts.accountId, accountId), eq(contacts.id, id), other))
      .returning({ id: contacts.id })
    altered = changed.length > 0
    const about = { resourceType: 'contact', resourceId: id, changed: ['phone'], value: { phone: number } }
    await append(tx, ...changed.map(() => eventOf(authority, 'contact.updated', about)))
    return readContact(tx, loaded.account as AccountFact, id)
  })
}
