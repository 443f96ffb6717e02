/**
 * Ids: UUIDs of version 7 (RFC 9562, section 5.7), which sort by when they were made; those of one process strictly so, also within a
 * millisecond and when the clock is put back (section 6.2, method 1).
 */
import { randomFillSync } from 'node:crypto'
import { v7 } from 'uuid'
import { systemClock } from './clock.ts'

const idBytes = 16
/** Random bytes are fetched for many ids at once: fetching them is most of what an id costs. None is used twice. */
const pool = new Uint8Array(256 * idBytes)
let used = pool.length
let msecs = Number.NEGATIVE_INFINITY
let seq = 0

/** A new id. It is no secret: most of it is the time. */
export function newId(): string {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  const random = pool.subarray(used, used + idBytes)
  used += idBytes
  count(systemClock.now(), random)
  return v7({ random, msecs, seq })
}

/** The next place in the order: of its 32 bits the first is free at the start, so two thousand million ids can follow in one millisecond. */
function count(now: number, random: Uint8Array): void {
  seq = now > msecs ? new DataView(random.buffer, random.byteOffset).getUint32(6) & 0x7fff_ffff : seq + 1
  msecs = Math.max(now, msecs)
}
