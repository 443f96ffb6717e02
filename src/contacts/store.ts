/** Reading contacts, and their form on the wire. */
import { and, desc, eq, ne, type SQL, sql } from 'drizzle-orm'
import type { AccountFact } from '../authority/facts.ts'
import type { Database } from '../database/open.ts'
import { contactDomains, contacts, domains, users } from '../database/tables.ts'
import { toUnicode } from '../hostname.ts'
import type { ContactRole, ContactStatus } from '../vocabulary.ts'
import type { Contact } from './schema.ts'

/** The domains of a limit that the account still holds: a released one has fallen out of it. */
const limitOf = sql<
  { id: string; name: string }[]
>`(select coalesce(json_agg(json_build_object('id', ld.id, 'name', ld.name) order by ld.name), '[]'::json)
  from ${contactDomains} l join ${domains} ld on ld.account_id = l.account_id and ld.id = l.domain_id
  where l.account_id = ${contacts.accountId} and l.contact_id = ${contacts.id} and ld.released_at is null)`

function selectContacts(db: Database) {
  return db
    .select({ contact: contacts, userName: users.name, limit: limitOf })
    .from(contacts)
    .leftJoin(users, eq(users.id, contacts.userId))
}

/** A contact that is there: its rows are never deleted. */
export async function readContact(db: Database, account: AccountFact, id: string): Promise<Contact> {
  const rows = await selectContacts(db).where(and(eq(contacts.accountId, account.id), eq(contacts.id, id)))
  return toContact(rows[0] as Row, account)
}

export type ContactFilter = { role?: ContactRole; status?: ContactStatus }

/** Newest first, after the position of a cursor; those that have ended only when asked for. */
export async function listContacts(
  db: Database,
  account: AccountFact,
  { role, status }: ContactFilter,
  after: readonly [string, string] | undefined,
  limit: number,
): Promise<Contact[]> {
  const rows = await selectContacts(db)
    .where(
      and(
        eq(contacts.accountId, account.id),
        status === undefined ? ne(contacts.status, 'ended') : eq(contacts.status, status),
        role && eq(contacts.role, role),
        after && older(after),
      ),
    )
    .orderBy(desc(contacts.createdAt), desc(contacts.id))
    .limit(limit)
  return rows.map((row) => toContact(row, account))
}

const older = ([at, id]: readonly [string, string]): SQL => sql`(${contacts.createdAt}, ${contacts.id}) < (${at}::timestamptz, ${id}::uuid)`

type Row = Awaited<ReturnType<typeof selectContacts>>[number]

function toContact({ contact, userName, limit }: Row, account: AccountFact): Contact {
  return {
    id: contact.id,
    account: { id: account.id, number: account.number, name: account.name },
    user: contact.userId === null ? null : { id: contact.userId, name: userName as string },
    role: contact.role,
    domains: contact.limited ? limit.map((domain) => ({ ...domain, unicode: toUnicode(domain.name) })) : 'all',
    status: contact.status,
    address: contact.invitedAddress,
    confirmed: contact.confirmedAt !== null,
    phone: contact.phone === null ? null : { number: contact.phone, since: (contact.phoneStoredAt as Date).toISOString() },
    createdAt: contact.createdAt.toISOString(),
    acceptedAt: contact.acceptedAt?.toISOString() ?? null,
    endedAt: contact.endedAt?.toISOString() ?? null,
    version: contact.version,
  }
}
