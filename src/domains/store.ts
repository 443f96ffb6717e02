/** Reading domains, and their form on the wire. */
import { and, desc, eq, isNotNull, isNull, type SQL, sql } from 'drizzle-orm'
import type { AccountFact } from '../authority/facts.ts'
import { type Clause, predicate } from '../authority/reach.ts'
import type { Database } from '../database/open.ts'
import { domains } from '../database/tables.ts'
import { toUnicode } from '../hostname.ts'
import type { Domain } from './schema.ts'

/** A domain that is there: its rows are never deleted. */
export async function readDomain(db: Database, account: AccountFact, id: string): Promise<Domain> {
  const [row] = await db
    .select()
    .from(domains)
    .where(and(eq(domains.accountId, account.id), eq(domains.id, id)))
  return toDomain(row as Row, account)
}

/** Newest first, after the position of a cursor, within the clauses: those the account holds, or those it has released. */
export async function listDomains(
  db: Database,
  account: AccountFact,
  clauses: readonly Clause[],
  released: boolean,
  after: readonly [string, string] | undefined,
  limit: number,
): Promise<Domain[]> {
  const columns = { accountId: sql`${domains.accountId}`, domainId: sql`${domains.id}` }
  const life = released ? isNotNull(domains.releasedAt) : isNull(domains.releasedAt)
  const rows = await db
    .select()
    .from(domains)
    .where(and(eq(domains.accountId, account.id), predicate(clauses, columns), life, after && older(after)))
    .orderBy(desc(domains.createdAt), desc(domains.id))
    .limit(limit)
  return rows.map((row) => toDomain(row, account))
}

const older = ([at, id]: readonly [string, string]): SQL => sql`(${domains.createdAt}, ${domains.id}) < (${at}::timestamptz, ${id}::uuid)`

type Row = typeof domains.$inferSelect

function toDomain({ id, name, createdAt, releasedAt, version }: Row, account: AccountFact): Domain {
  return {
    id,
    account: { id: account.id, number: account.number, name: account.name },
    name,
    unicode: toUnicode(name),
    createdAt: createdAt.toISOString(),
    releasedAt: releasedAt?.toISOString() ?? null,
    version,
  }
}
