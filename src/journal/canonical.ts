/** The bytes of what is sealed. One form for one content, on every database and in every version of the program. */
import { createHash } from 'node:crypto'
import type { journalEvents, journalSeals } from '../database/tables.ts'

type EventRow = typeof journalEvents.$inferSelect
export type SealRow = typeof journalSeals.$inferSelect

/** JSON with the members of every object in the order of their names. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    member !== null && typeof member === 'object' && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  )
}

/**
 * Every column of an event, in particular the digest of its value and not the value. What is null is left out, so that a column which
 * comes later, and is null for the events before it, breaks no seal.
 */
export function eventBytes(event: EventRow): string {
  return canonical(present({ ...event, valueDigest: event.valueDigest?.toString('hex') ?? null }))
}

const sealPrefix = Buffer.of(2)

/** The hash of a seal: over all of it, and the hash of the seal before. */
export function sealHash({ root, ...seal }: Omit<SealRow, 'hash'>, previous: Buffer | null): Buffer {
  const text = canonical(present({ ...seal, root: root.toString('hex'), previous: previous?.toString('hex') ?? null }))
  return createHash('sha256').update(sealPrefix).update(text).digest()
}

function present(row: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null))
}
