import { type SQL, sql } from 'drizzle-orm'
import type { Database } from '../database/open.ts'
import type { JournalEvent } from './append.ts'
import { eventKinds } from './kinds.ts'

type Each = Omit<JournalEvent, 'resourceId' | 'domainId' | 'value' | 'reason'>

/**
 * The same event about each of many rows, in the statement that changes them: `changing` is one that returns `id` and `domain_id`. However
 * many there are, it is one round trip.
 */
export async function appendEach(tx: Database, event: Each, changing: SQL): Promise<void> {
  const at = new Date(event.at).toISOString()
  await tx.execute(sql`
    with changed_rows as (${changing})
    insert into journal_events (account_id, id, at, kind, audience, actor_user_id, client_id, capacity, via_id, session_id, verification,
      action, decision, resource_type, resource_id, domain_id, request_id, changed)
    select ${event.accountId}::uuid, ${newId(event.at)}, ${at}::timestamptz, ${event.kind}, ${eventKinds[event.kind]},
      ${given(event.actorUserId)}::uuid, ${given(event.clientId)}::uuid, ${given(event.capacity)}, ${given(event.viaId)}::uuid,
      ${given(event.sessionId)}::uuid, ${given(event.verification)}, ${given(event.action)}, ${given(event.decision)},
      ${given(event.resourceType)}, c.id, c.domain_id, ${given(event.requestId)}, ${given(event.changed)}::text[]
    from changed_rows c`)
}

/** What an event does not say is null. */
const given = (said: unknown) => sql.param(said ?? null)

/** A UUIDv7 (RFC 9562) for each row: PostgreSQL makes none by itself before version 18. */
function newId(at: number): SQL {
  const time = at.toString(16).padStart(12, '0')
  const head = `${time.slice(0, 8)}-${time.slice(8)}-7`
  return sql`(${head}::text || substr(gen_random_uuid()::text, 16))::uuid`
}
