/** What strangers tried on an account: read as counts, and told to its owners at most once a day. Who it was is not the account's to know. */
import { and, desc, eq, isNull, lt, lte, ne, type SQL, sql } from 'drizzle-orm'
import { notifyOwners } from '../authority/cascades.ts'
import { readClock } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import type { Database } from '../database/open.ts'
import { providerAccountId, refusedAttempts } from '../database/tables.ts'
import type { JobHandler } from '../jobs/jobs.ts'
import type { RefusedAttempts } from './attempt-schema.ts'

const { accountId, hour, principalId, attempts, toldAt } = refusedAttempts

/** By the hour, newest first, before the given hour. */
export async function listAttempts(db: Database, account: string, before: string | undefined, limit: number): Promise<RefusedAttempts[]> {
  const earlier: SQL | undefined = before === undefined ? undefined : lt(hour, new Date(before))
  const rows = await db
    .select({ hour, attempts: sql<number>`sum(${attempts})::int`, callers: sql<number>`count(distinct ${principalId})::int` })
    .from(refusedAttempts)
    .where(and(eq(accountId, account), earlier))
    .groupBy(hour)
    .orderBy(desc(hour))
    .limit(limit)
  return rows.map((row) => ({ ...row, hour: row.hour.toISOString() }))
}

/** The handler of the `attempts` queue: one letter to each owner of each account that something was tried on since the last time. */
export function tellAttempts({ db, clock, jobs }: Context): JobHandler {
  return async () => {
    const now = await readClock(db, clock.offset())
    await db.transaction(async (tx) => {
      const told = await tx
        .update(refusedAttempts)
        .set({ toldAt: new Date(now) })
        .where(and(isNull(toldAt), ne(accountId, providerAccountId), lte(hour, new Date(now - 3_600_000))))
        .returning({ account: accountId })
      for (const account of new Set(told.map((row) => row.account))) await notifyOwners(tx, jobs, account, 'account_attempted', account)
    })
  }
}
