import { and, desc, eq, isNull } from 'drizzle-orm'
import { holdDomains, type NewDomain, readDomainNames } from '../authority/holdings.ts'
import { giveUpDomain } from '../authority/releases.ts'
import { domains } from '../database/tables.ts'
import { toUnicode } from '../hostname.ts'
import type { Result, Work } from './realm.ts'
import type { ProvisionedDomain, PutDomain } from './schema.ts'

/**
 * Puts a domain into an account. A domain never changes its name: under another one the first is released, with all that hung on it, and
 * another takes its place. @throws Problem for what is no name, or the conflict when it is held or the account is closed; the row must be undone with it.
 */
export async function putDomain(
  step: Work,
  accountId: string,
  external: string,
  { name }: PutDomain,
): Promise<ProvisionedDomain & { result: Result }> {
  const { jobs, tx, authority } = step
  const [wanted] = readDomainNames([{ text: name, pointer: '#/name' }]) as [NewDomain]
  const known = await findDomain(step, accountId, external)
  const held = known?.releasedAt === null ? known : undefined
  if (held?.name === wanted.name) return answer(external, held, 'unchanged')
  if (held !== undefined) await giveUpDomain(jobs, tx, authority, accountId, held.id)
  await holdDomains(tx, authority, accountId, [wanted])
  await tx
    .update(domains)
    .set({ externalId: external })
    .where(and(eq(domains.accountId, accountId), eq(domains.id, wanted.id)))
  return answer(external, wanted, held === undefined ? 'created' : 'changed')
}

/** The domain an external id stands for, or stood for last; undefined when it never did. */
export async function findDomain({ tx }: Work, accountId: string, external: string) {
  const [found] = await tx
    .select({ id: domains.id, name: domains.name, releasedAt: domains.releasedAt })
    .from(domains)
    .where(and(eq(domains.accountId, accountId), eq(domains.externalId, external)))
    .orderBy(desc(domains.releasedAt), desc(domains.id)) // descending, those without an end come first
    .limit(1)
  return found
}

/** What the realm has put into the account, and the account still holds. Others, which staff put in, are none of its business. */
export async function heldDomains({ tx }: Work, accountId: string): Promise<{ id: string; external: string | null }[]> {
  return tx
    .select({ id: domains.id, external: domains.externalId })
    .from(domains)
    .where(and(eq(domains.accountId, accountId), isNull(domains.releasedAt)))
    .orderBy(domains.id)
}

function answer(external: string, { id, name }: { id: string; name: string }, result: Result) {
  return { external, id, name, unicode: toUnicode(name), changed: result !== 'unchanged', result }
}
