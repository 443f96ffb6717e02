import { and, eq, isNull } from 'drizzle-orm'
import { changeByProof } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import { singleUseTokens } from '../database/tables.ts'
import { newId } from '../id.ts'
import { adminKeys, hasAdmin } from '../identity/admins.ts'
import { newSecret } from '../outbox/secret.ts'

const lifeMs = 24 * 3_600_000

/**
 * A token that makes the first admin (`POST /v1/bootstrap`), to be shown once to whoever starts the service; good for 24 hours. Null
 * when there is an active admin. It replaces the one of an earlier start, so the last one shown is the one that counts.
 */
export function ensureBootstrapToken(context: Context): Promise<string | null> {
  return changeByProof(context, adminKeys, async (tx, now) => {
    if (await hasAdmin(tx)) return null
    const at = new Date(now)
    await tx
      .update(singleUseTokens)
      .set({ usedAt: at })
      .where(and(eq(singleUseTokens.purpose, 'bootstrap'), isNull(singleUseTokens.usedAt)))
    const { secret, hash } = newSecret()
    const row = { id: newId(), purpose: 'bootstrap', secretHash: hash, createdAt: at, expiresAt: new Date(now + lifeMs) } as const
    await tx.insert(singleUseTokens).values(row)
    return secret
  })
}
