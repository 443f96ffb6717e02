/** Reading accounts, and their form on the wire. */
import { and, eq, type SQL, sql } from 'drizzle-orm'
import { type Clause, predicate } from '../authority/reach.ts'
import { newestFirst } from '../database/columns.ts'
import type { Database } from '../database/open.ts'
import { accounts } from '../database/tables.ts'
import type { AccountState } from '../vocabulary.ts'
import type { Account } from './schema.ts'

/** An account that is there: accounts are never deleted. */
export async function readAccount(db: Database, id: string): Promise<Account> {
  const [row] = await db.select().from(accounts).where(eq(accounts.id, id))
  return toAccount(row as Row)
}

export type AccountFilter = { number?: string; name?: string; state?: AccountState }

/** Newest first, after the position of a cursor, within the clauses. */
export async function listAccounts(
  db: Database,
  clauses: readonly Clause[],
  { number, name, state }: AccountFilter,
  after: readonly [string, string] | undefined,
  limit: number,
): Promise<Account[]> {
  const rows = await db
    .select()
    .from(accounts)
    .where(
      and(
        predicate(clauses, { accountId: sql`${accounts.id}` }),
        number === undefined ? undefined : eq(accounts.number, number),
        name === undefined ? undefined : sql`starts_with(lower(${accounts.name}), lower(${name}))`,
        state === undefined ? undefined : eq(accounts.state, state),
        after && older(after),
      ),
    )
    .orderBy(...newestFirst(accounts.createdAt, accounts.id))
    .limit(limit)
  return rows.map(toAccount)
}

const older = ([at, id]: readonly [string, string]): SQL => sql`(${accounts.createdAt}, ${accounts.id}) < (${at}::timestamptz, ${id}::uuid)`

type Row = typeof accounts.$inferSelect

function toAccount({ id, number, name, state, stateChangedAt, accessUntil, createdAt, version }: Row): Account {
  const since = { stateChangedAt: stateChangedAt.toISOString(), accessUntil: accessUntil?.toISOString() ?? null }
  return { id, number, name, state, ...since, createdAt: createdAt.toISOString(), version }
}
