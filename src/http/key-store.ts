/**
 * The rows of signing keys. The newest that is not removed signs; the others still verify what they signed. Whoever adds or removes one
 * holds them all first, so that two of them never meet.
 */
import { desc, isNull, sql } from 'drizzle-orm'
import { exportJWK, exportPKCS8, generateKeyPair } from 'jose'
import type { SigningAlgorithm } from '../config.ts'
import type { Database } from '../database/open.ts'
import { seal } from '../database/secrets.ts'
import { signingKeys } from '../database/tables.ts'
import { newId } from '../id.ts'

export type KeyRow = typeof signingKeys.$inferSelect

const lockName = 'mandate.signing_keys'

/** Keeps every other process from adding or removing a key until the transaction ends. */
export async function holdKeys(tx: Database): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${lockName}, 0))`)
}

/** Every key there is or was, newest first. */
export function readKeys(db: Database): Promise<KeyRow[]> {
  return db.select().from(signingKeys).orderBy(desc(signingKeys.createdAt), desc(signingKeys.kid))
}

/** The keys that verify, newest first: the first one signs. */
export function readLiveKeys(db: Database, limit = 1_000): Promise<KeyRow[]> {
  return db
    .select()
    .from(signingKeys)
    .where(isNull(signingKeys.removedAt))
    .orderBy(desc(signingKeys.createdAt), desc(signingKeys.kid))
    .limit(limit)
}

/** Makes a key that signs from now on; call it with the keys held. `now` in epoch ms. */
export async function makeKey(tx: Database, sealKey: Buffer, algorithm: SigningAlgorithm, now: number): Promise<KeyRow> {
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true })
  const kid = newId()
  const jwk = { ...(await exportJWK(publicKey)), kid, use: 'sig', alg: algorithm }
  const sealedPrivateKey = seal(sealKey, Buffer.from(await exportPKCS8(privateKey)))
  // Later than every other, whatever the clocks of the processes that made them said: the newest signs.
  const [newest] = await readKeys(tx)
  const createdAt = new Date(Math.max(now, (newest?.createdAt.getTime() ?? 0) + 1))
  const rows = await tx.insert(signingKeys).values({ kid, algorithm, publicKey: jwk, sealedPrivateKey, createdAt }).returning()
  return rows[0] as KeyRow
}
