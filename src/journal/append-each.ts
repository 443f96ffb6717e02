import { type SQL, sql } from 'drizzle-orm'
import type { Database } from '../database/open.ts'
import { insertRow, rowJson } from '../database/rows.ts'
import { journalEvents } from '../database/tables.ts'
import { type BareEvent, eventKeys, rowOf } from './append.ts'

/**
 * The same event about each of many rows, in the statement that changes them: `changing` is one that returns `id` and `domain_id`. However
 * many there are, it is one round trip.
 */
export async function appendEach(tx: Database, event: BareEvent, changing: SQL): Promise<void> {
  const row = sql`${rowJson(journalEvents, eventKeys, rowOf(event))}::jsonb`
  const own = { id: newId(event.at), resourceId: sql`c.id`, domainId: sql`c.domain_id` }
  await tx.execute(sql`with changed_rows as (${changing}) ${insertRow(journalEvents, eventKeys, sql`changed_rows c`, row, own)}`)
}

/** A UUIDv7 (RFC 9562) for each row: PostgreSQL makes none by itself before version 18. */
function newId(at: number): SQL {
  const time = at.toString(16).padStart(12, '0')
  const head = `${time.slice(0, 8)}-${time.slice(8)}-7`
  return sql`(${head}::text || substr(gen_random_uuid()::text, 16))::uuid`
}
