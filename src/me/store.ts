import { and, asc, eq, isNull, sql } from 'drizzle-orm'
import type { DomainFact } from '../authority/facts.ts'
import { type Clause, predicate } from '../authority/reach.ts'
import type { Database } from '../database/open.ts'
import { addresses, domains, users } from '../database/tables.ts'
import type { Me } from './schema.ts'

/** The domains that are held now and that any of the clauses is about, by name. */
export async function domainsWithin(db: Database, clauses: readonly Clause[]): Promise<DomainFact[]> {
  const rows = await db
    .select({ id: domains.id, accountId: domains.accountId, name: domains.name })
    .from(domains)
    .where(and(isNull(domains.releasedAt), predicate(aboutDomains(clauses), columns)))
    .orderBy(asc(domains.name))
  return rows.map((row) => ({ ...row, releasedAt: null }))
}

const columns = { accountId: sql`${domains.accountId}`, domainId: sql`${domains.id}` }

/** Only account and domains of each clause, each pair once: the rest is about tickets. */
function aboutDomains(clauses: readonly Clause[]): Clause[] {
  const narrowed = clauses.map(({ account, domains: about }): Clause => {
    const tickets = { topics: 'all', contactsOnly: true, openedUnder: 'any', openedAfter: null } as const
    return { account, domains: about, ...tickets }
  })
  return [...new Map(narrowed.map((clause) => [JSON.stringify(clause), clause])).values()]
}

/** The addresses of a user, oldest first, and since when he is one. */
export async function readPerson(db: Database, userId: string): Promise<Pick<Me, 'addresses' | 'createdAt'>> {
  const rows = await db
    .select({ createdAt: users.createdAt, address: addresses.address, provenAt: addresses.provenAt })
    .from(users)
    .leftJoin(addresses, and(eq(addresses.userId, users.id), isNull(addresses.removedAt)))
    .where(eq(users.id, userId))
    .orderBy(asc(addresses.createdAt), asc(addresses.id))
  return {
    createdAt: (rows[0] as (typeof rows)[number]).createdAt.toISOString(),
    addresses: rows.flatMap(({ address, provenAt }) => (address === null ? [] : { address, provenAt: provenAt?.toISOString() ?? null })),
  }
}
