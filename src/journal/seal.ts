/** Seals the journal: what was numbered is hashed into a chain, in which nothing can be changed, left out or put in between unnoticed. */
import { desc, sql } from 'drizzle-orm'
import type { Database } from '../database/open.ts'
import { journalSeals } from '../database/tables.ts'
import { eventBytes, type SealRow, sealHash } from './canonical.ts'
import { leafHash, MerkleTree } from './merkle.ts'
import { batchSize, type Numbered, numberEvents } from './number.ts'

/**
 * Numbers and seals what there is, in batches of a transaction each, and returns how many events it sealed. Several processes may call it
 * at once: one works, and the others find nothing to do. `now` is epoch ms.
 */
export async function sealJournal(db: Database, now: () => number, signal?: AbortSignal): Promise<number> {
  let sealed = 0
  for (;;) {
    signal?.throwIfAborted()
    const events = await sealBatch(db, now())
    sealed += events
    if (events < batchSize) return sealed
  }
}

/** Before everything is read, so that the snapshot is later than the lock. A first run on a large journal takes its time. */
const begin = sql`select set_config('statement_timeout', '10min', true),
  pg_try_advisory_xact_lock(hashtextextended('mandate.seal', 0)) as locked`

function sealBatch(db: Database, now: number): Promise<number> {
  return db.transaction(async (tx) => {
    const { rows } = await tx.execute<{ locked: boolean }>(begin)
    if (rows[0]?.locked !== true) return 0
    const [last] = await tx.select().from(journalSeals).orderBy(desc(journalSeals.number)).limit(1)
    const numbered = await numberEvents(tx, last)
    if (numbered === undefined) return 0
    await tx.insert(journalSeals).values(sealOf(numbered, last, new Date(now)))
    return numbered.events.length
  })
}

function sealOf({ events, firstPosition, next }: Numbered, last: SealRow | undefined, sealedAt: Date): SealRow {
  const tree = new MerkleTree()
  for (const event of events) tree.add(leafHash(eventBytes(event)))
  const lastPosition = firstPosition + events.length - 1
  const seal = { number: (last?.number ?? 0) + 1, firstPosition, lastPosition, root: tree.root(), sealedAt, ...next }
  return { ...seal, hash: sealHash(seal, last?.hash ?? null) }
}
