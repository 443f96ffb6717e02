/** A support code that somebody told an agent on the telephone: who it is, and by which right and through which service he made it. It decides nothing by itself. */
import { sql } from 'drizzle-orm'
import type { Database } from '../database/open.ts'

/** How long a code serves the agent it was told to, in milliseconds: a call. */
export const callMs = 3_600_000

/** When a code ends that is void: in the past, and so whatever a clock that is put back says. */
export const longOver = new Date(0)

export type Spoken = {
  id: string
  accountId: string
  userId: string
  name: string
  contactId: string | null
  /** The service he made it through: whoever uses it asks by `loadThrough`. */
  clientId: string | null
  domainId: string | null
  verifiedAt: number
}

/** The code that was verified by this agent within this call; undefined for every other. `now` in epoch ms. */
export async function spokenTo(db: Database, agentUserId: string, id: string, now: number): Promise<Spoken | undefined> {
  const since = new Date(now - callMs).toISOString()
  const { rows } = await db.execute<Omit<Spoken, 'verifiedAt'> & { verifiedAt: string | number }>(sql`
    select c.id, c.account_id as "accountId", c.user_id as "userId", u.name, c.contact_id as "contactId",
      c.client_id as "clientId", c.domain_id as "domainId",
      floor(extract(epoch from c.verified_at) * 1000)::bigint as "verifiedAt"
    from support_codes c join users u on u.id = c.user_id
    where c.verified_by = ${agentUserId} and c.id = ${id} and c.verified_at > ${since}::timestamptz`)
  return rows[0] && { ...rows[0], verifiedAt: Number(rows[0].verifiedAt) }
}
