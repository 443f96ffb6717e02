import { and, eq, isNull } from 'drizzle-orm'
import type { Terms } from '../authority/contact-terms.ts'
import { contactDomains, domains } from '../database/tables.ts'
import { type FieldError, invalid } from '../problem.ts'
import type { ContactRole } from '../vocabulary.ts'
import { heldDomains } from './domains.ts'
import type { Work } from './realm.ts'
import type { PutContact } from './schema.ts'

type Limited = { id: string; role: ContactRole; limited: boolean }

/** The ids of the domains it is limited to; null for none. Whether another account has one that is called so is not said. @throws Problem `validation_error` */
export async function readLimit(step: Work, accountId: string, { role, domains: stated = 'all' }: PutContact): Promise<string[] | null> {
  if (stated === 'all') return null
  if (role === 'owner') throw invalid(wrongLimit('#/domains', 'must be "all" for an owner, who is never limited', 'limited_owner'))
  const held = await heldDomains(step, accountId)
  const found = stated.map((external) => held.find((domain) => domain.external === external)?.id)
  const errors = found.flatMap((id, index) =>
    id === undefined ? [wrongLimit(`#/domains/${index}`, 'is no domain of this account', 'unknown_domain')] : [],
  )
  if (errors.length > 0) throw invalid(...errors)
  return [...new Set(found as string[])]
}

const wrongLimit = (pointer: string, detail: string, code: string): FieldError => ({ pointer, detail, code })

/** What a contact may now, of the domains that are still held. */
export async function termsOf({ tx }: Work, accountId: string, { id, role, limited }: Limited): Promise<Terms> {
  if (!limited) return { role, limit: null }
  const limit = await tx
    .select({ id: contactDomains.domainId })
    .from(contactDomains)
    .innerJoin(domains, and(eq(domains.accountId, contactDomains.accountId), eq(domains.id, contactDomains.domainId)))
    .where(and(eq(contactDomains.accountId, accountId), eq(contactDomains.contactId, id), isNull(domains.releasedAt)))
  return { role, limit: limit.map((domain) => domain.id) }
}
