/**
 * An offer of a grant is never worth more than who made it: it stands while he could give it now, and not while his user is suspended.
 * Asked when it is shown, when its letter leaves and when it is accepted; what he lost for good has ended it by row (`cascades.ts`).
 */
import { type SQL, sql } from 'drizzle-orm'
import type { Database } from '../database/open.ts'
import { grantorStands } from './conditions.ts'
import type { GrantFact } from './facts.ts'
import { grantColumns, objectOf } from './objects.ts'

/** Whether who stands for it holds all of it, and there is a domain left that it is for. */
export function offerStands(grant: GrantFact): boolean {
  return grant.domains.length > 0 && grantorStands(grant)
}

/** The ids of what is offered to a person by name and stands. */
export function offersTo(db: Database, userId: string): Promise<string[]> {
  return standing(db, sql`g.grantee_user_id = ${userId}`)
}

/** Whether an offer still waits for its answer, and stands. */
export async function isOffered(db: Database, accountId: string, id: string): Promise<boolean> {
  return (await standing(db, sql`g.account_id = ${accountId} and g.id = ${id}`)).length > 0
}

async function standing(db: Database, which: SQL): Promise<string[]> {
  const { rows } = await db.execute<{ offer: GrantFact }>(
    sql`select ${objectOf(grantColumns)} as offer from grants g where ${which} and g.status = 'invited'`,
  )
  return rows.flatMap(({ offer }) => (offerStands(offer) ? [offer.id] : []))
}
