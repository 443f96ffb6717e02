import { and, eq } from 'drizzle-orm'
import { change } from '../authority/change.ts'
import { endContact } from '../authority/contact-terms.ts'
import type { Context } from '../authority/context.ts'
import { notFound } from '../authority/judge.ts'
import { personOf } from '../authority/load.ts'
import { ifAltering } from '../authority/locks.ts'
import type { Database } from '../database/open.ts'
import { contacts } from '../database/tables.ts'
import type { Standing } from '../http/types.ts'

/**
 * A contact leaves by himself; what he stood for falls, and the owners are told. It only takes away: one that has ended stays as it is.
 * Throws `not_found` for what is not his, or the `conflict` of the last owner.
 */
export async function resignContact(context: Context, standing: Standing, id: string): Promise<void> {
  const userId = personOf(standing.caller)
  const known = await findOwn(context.db, userId, id)
  if (known === undefined) throw notFound()
  const { accountId } = known
  await change(context, standing.caller, standing.ask, ifAltering({ accounts: [accountId] }), async (tx, authority) => {
    const { status, role } = (await findOwn(tx, userId, id)) as typeof known
    if (status === 'ended') return false
    await endContact(context.jobs, tx, authority, { accountId, id, userId, status }, role)
    return true
  })
}

async function findOwn(db: Database, userId: string, id: string) {
  const [found] = await db
    .select({ accountId: contacts.accountId, status: contacts.status, role: contacts.role })
    .from(contacts)
    .where(and(eq(contacts.userId, userId), eq(contacts.id, id)))
  return found
}
