/** Changing the keys that sign access tokens: a new one signs at once while the others still verify, until they are removed. */
import { eq } from 'drizzle-orm'
import { eventOf } from '../authority/authorship.ts'
import { change, changeOnce } from '../authority/change.ts'
import { notFound } from '../authority/judge.ts'
import type { Answer } from '../database/idempotency.ts'
import { signingKeys } from '../database/tables.ts'
import type { Feature } from '../http/feature.ts'
import { holdKeys, readKeys } from '../http/key-store.ts'
import type { Standing } from '../http/types.ts'
import { append } from '../journal/append.ts'
import { Problem } from '../problem.ts'
import { toKey } from './store.ts'

/** Makes a new key. Every process signs with it, and publishes it, from the commit on. */
export function rotateKey({ context, keys }: Feature, { caller, ask, repeatable }: Standing): Promise<Answer> {
  return changeOnce(context, caller, ask, {}, repeatable, async (tx, authority) => {
    const row = await keys.rotate(tx, context.config.signingAlgorithm, authority.at)
    await append(tx, eventOf(authority, 'key.rotated', { resourceType: 'key', resourceId: row.kid }))
    return {
      status: 201,
      headers: { location: '/v1/keys' },
      body: toKey(row, true),
      made: { action: 'staff.settings.manage', staffAction: 'staff.settings.manage', account: null, ticket: null },
    }
  })
}

/**
 * Removes a key, and with it every access token it signed, in every process from the commit on; the private half is destroyed. One that
 * was removed already stays so. @throws Problem `not_found`, `conflict` for the last one
 */
export async function removeKey({ context }: Feature, { caller, ask }: Standing, id: string): Promise<void> {
  await change(context, caller, ask, {}, async (tx, authority) => {
    await holdKeys(tx)
    const rows = await readKeys(tx)
    const key = rows.find(({ kid }) => kid === id)
    if (key === undefined) throw notFound()
    if (key.removedAt !== null) return
    if (rows.filter(({ removedAt }) => removedAt === null).length === 1) throw lastOne()
    await tx
      .update(signingKeys)
      .set({ removedAt: new Date(authority.at), sealedPrivateKey: Buffer.alloc(0) })
      .where(eq(signingKeys.kid, id))
    await append(tx, eventOf(authority, 'key.removed', { resourceType: 'key', resourceId: id }))
  })
}

const lastOne = (): Problem =>
  new Problem('conflict', { detail: 'Without this key nothing could be signed: make another one first, at POST /v1/keys/rotate' })
