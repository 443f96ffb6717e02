/** Public keys as verifying needs them, by `kid`: remembered, because a key never changes, and looked up when they are new. */
import { setTimeout } from 'node:timers/promises'
import { type CryptoKey, exportSPKI, importJWK, type JWK } from 'jose'
import type { Database } from '../database/open.ts'
import { isUuid } from './access.ts'
import { type KeyRow, readKeys } from './key-store.ts'

/**
 * The public key of a `kid` in PEM, for its own algorithm only; undefined when there is none. An unknown one is looked up in the
 * database. That a known one was removed a moment ago does not show here: every request asks that together with its session
 * (`authority/objects.ts`).
 * @throws KeysUnread when the database cannot be asked
 */
export type PublicPem = (kid: string, algorithm: string) => Promise<string | undefined>

/** An unknown key could not be looked up, so that nothing can be said about its token. */
export class KeysUnread extends Error {}

type PublicKey = { algorithm: string; pem: string; removed: boolean }

/** Reads the keys there are. */
export async function publicPems(db: Database): Promise<PublicPem> {
  let known = new Map<string, PublicKey>()
  const learn = async (): Promise<void> => {
    const rows = await readKeys(db)
    known = new Map(await Promise.all(rows.map(async (row) => [row.kid, await toPublicKey(row)] as const)))
  }
  const learnAgain = spaced(learn)
  await learn()
  return async (kid, algorithm) => {
    if (!known.has(kid) && isUuid(kid)) {
      await learnAgain().catch((cause: unknown) => {
        throw new KeysUnread('the signing keys could not be read', { cause })
      })
    }
    const key = known.get(kid)
    return key === undefined || key.removed || key.algorithm !== algorithm ? undefined : key.pem
  }
}

const pauseMs = 1_000

/**
 * The same work at most once a second, however many ask, so that invented keys are no amplifier. Nobody is sent away for it: who asks
 * in between waits for the next turn and shares it, so that a flood of forged tokens never turns down a good one by a new key.
 */
function spaced(work: () => Promise<void>): () => Promise<void> {
  let begun = Number.NEGATIVE_INFINITY
  let next: Promise<void> | undefined
  const turn = async () => {
    await setTimeout(Math.max(0, begun + pauseMs - performance.now()))
    begun = performance.now()
    next = undefined
    await work()
  }
  return () => {
    next ??= turn()
    return next
  }
}

async function toPublicKey({ publicKey, algorithm, removedAt }: KeyRow): Promise<PublicKey> {
  const key = (await importJWK(publicKey as JWK, algorithm)) as CryptoKey
  return { algorithm, pem: await exportSPKI(key), removed: removedAt !== null }
}
