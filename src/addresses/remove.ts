import { eq } from 'drizzle-orm'
import { eventOf } from '../authority/authorship.ts'
import { change } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import { notFound } from '../authority/judge.ts'
import { personOf } from '../authority/load.ts'
import { ifAltering } from '../authority/locks.ts'
import { addresses } from '../database/tables.ts'
import { isUuid } from '../http/access.ts'
import type { Standing } from '../http/types.ts'
import { demandShownFactor } from '../identity/shown.ts'
import { append } from '../journal/append.ts'
import { postSecurityNotice } from '../outbox/post.ts'
import { Problem } from '../problem.ts'
import { findAddress, hasOtherProven } from './store.ts'

/**
 * Takes one of the caller's addresses away; one that is gone already stays so. The address itself is told, and so is he, at one that
 * stays. @throws Problem `not_found` for what is none of his, `conflict` for the last one he has proven
 */
export async function removeAddress(context: Context, { caller, ask }: Standing, id: string): Promise<void> {
  const userId = personOf(caller)
  await change(context, caller, ask, ifAltering({ users: [userId] }), async (tx, authority, loaded) => {
    const row = isUuid(id) ? await findAddress(tx, userId, id) : undefined
    if (row === undefined) throw notFound()
    if (row.removedAt !== null) return false
    await demandShownFactor(tx, loaded, userId)
    if (row.provenAt !== null && !(await hasOtherProven(tx, userId, id))) throw lastOne()
    await tx
      .update(addresses)
      .set({ provenAt: null, removedAt: new Date(authority.at) })
      .where(eq(addresses.id, id))
    const value = { address: row.address }
    await append(tx, eventOf(authority, 'address.removed', { resourceType: 'address', resourceId: id, value }))
    if (row.provenAt === null) return true
    await postSecurityNotice(context.jobs, tx, 'address_removed', userId, id)
    await postSecurityNotice(context.jobs, tx, 'address_removed', userId)
    return true
  })
}

function lastOne(): Problem {
  return new Problem('conflict', { detail: 'This is the last address you have proven: add and prove another one first' })
}
