/** Suspending and restoring a user: one row, however many accounts he serves. While it lasts, `decide` denies him everything. */
import { and, eq, sql } from 'drizzle-orm'
import { eventOf } from '../authority/authorship.ts'
import { changeOnce } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import type { Authority } from '../authority/judge.ts'
import type { Answer } from '../database/idempotency.ts'
import type { Database } from '../database/open.ts'
import { users } from '../database/tables.ts'
import { etagOf } from '../http/preconditions.ts'
import type { Standing } from '../http/types.ts'
import { adminKeys, demandAnotherAdmin } from '../identity/admins.ts'
import { append } from '../journal/append.ts'
import { invalid } from '../problem.ts'
import { stateCompromise } from './compromise.ts'
import type { Suspend, User } from './schema.ts'
import { readUser } from './store.ts'

/**
 * Suspends; one who is suspended already keeps the first reason. His sessions stay, useless, until he is restored. With
 * `compromisedSince`, what he granted since then is not live any more, also when he is restored, until an owner adopts it.
 */
export function suspendUser(context: Context, standing: Standing, { reason, compromisedSince }: Suspend): Promise<Answer> {
  const since = compromisedSince === undefined ? undefined : Date.parse(compromisedSince)
  if (Number.isNaN(since))
    throw invalid({ pointer: '#/compromisedSince', detail: 'must be an instant without a leap second', code: 'format' })
  return alter(context, standing, async (tx, authority, id) => {
    const suspended = await suspend(tx, authority, id, reason)
    const stated = since !== undefined && (await stateCompromise(context.jobs, tx, authority, id, since))
    return suspended || stated
  })
}

async function suspend(tx: Database, authority: Authority, id: string, reason: string): Promise<boolean> {
  const suspended = await tx
    .update(users)
    .set({ status: 'suspended', suspendedAt: new Date(authority.at), suspendedReason: reason, version: sql`${users.version} + 1` })
    .where(and(eq(users.id, id), eq(users.status, 'active')))
    .returning({ id: users.id })
  if (suspended.length === 0) return false
  await demandAnotherAdmin(tx, id)
  await append(tx, eventOf(authority, 'user.suspended', { resourceType: 'user', resourceId: id, value: { reason } }))
  return true
}

/** Lifts a suspension; what he was allowed before holds again, as far as it still stands. */
export function restoreUser(context: Context, standing: Standing): Promise<Answer> {
  return alter(context, standing, async (tx, authority, id) => {
    const restored = await tx
      .update(users)
      .set({ status: 'active', suspendedAt: null, suspendedReason: null, version: sql`${users.version} + 1` })
      .where(and(eq(users.id, id), eq(users.status, 'suspended')))
      .returning({ id: users.id })
    await append(tx, ...restored.map(() => eventOf(authority, 'user.restored', { resourceType: 'user', resourceId: id })))
    return restored.length > 0
  })
}

function alter(
  context: Context,
  { caller, ask, loaded, repeatable }: Standing,
  work: (tx: Database, authority: Authority, id: string) => Promise<boolean>,
): Promise<Answer> {
  const { id } = loaded.user as NonNullable<typeof loaded.user>
  let altered = false
  const keys = { users: [id], ...adminKeys, unless: () => !altered }
  return changeOnce(context, caller, ask, keys, repeatable, async (tx, authority) => {
    altered = await work(tx, authority, id)
    const user = (await readUser(tx, id)) as User
    const made = { action: 'staff.directory.read', staffAction: 'staff.directory.read', account: null, ticket: null }
    return { status: 200, headers: { etag: etagOf(user.version) }, body: user, made }
  })
}
