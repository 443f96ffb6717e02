import { sql } from 'drizzle-orm'
import type { Database } from '../../src/database/open.ts'
import { sealJournal } from '../../src/journal/seal.ts'

/** Waits until every transaction that began before the newest event is over: other tests may work on the same PostgreSQL server. */
export async function settled(db: Database): Promise<void> {
  for (let open = true; open; ) {
    const { rows } = await db.execute<{ open: boolean }>(sql`select exists (select from journal_events
      where transaction_id >= pg_snapshot_xmin(pg_current_snapshot()) and transaction_id < pg_snapshot_xmax(pg_current_snapshot())) as open`)
    open = rows[0]?.open === true
  }
}

/** Seals all that was written, and says how many events that was. */
export async function sealed(db: Database, now = Date.now()): Promise<number> {
  await settled(db)
  return sealJournal(db, () => now)
}
