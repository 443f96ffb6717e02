import { changeByProof } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import { loadSecret } from '../database/secrets.ts'
import { openKeys } from '../http/keys.ts'
import { append } from '../journal/append.ts'
import { byOperator } from './event.ts'

/** Makes a signing key: every running process signs with it from now on. */
export async function rotateKey(context: Context): Promise<string> {
  const { db, clock, config } = context
  const keys = await openKeys(db, loadSecret(config), config.publicUrl, clock.now(), config.signingAlgorithm)
  const { kid, algorithm } = await changeByProof(context, {}, async (tx, now) => {
    const row = await keys.rotate(tx, config.signingAlgorithm, now)
    await append(tx, byOperator(now)('key.rotated', { resourceType: 'key', resourceId: row.kid }))
    return row
  })
  return `The new key ${kid} (${algorithm}) signs from now on; tokens of the others are taken until DELETE /v1/keys/{key}.`
}
