/** The audit trail as lines of JSON, read in batches while the other side takes them: a long one costs no memory, a slow reader no query. */
import type { AuditEvent, ExportEnd, ExportLine } from './schema.ts'

export const eventsInBatch = 200

export type Source = {
  /** The next events, oldest first; null when the reader has no authority (any more), which is asked for every batch anew. */
  read(after: readonly [string, string] | undefined, limit: number): Promise<AuditEvent[] | null>
  isStopping(): boolean
  failed(error: unknown): void
}

/** Batches of lines. It always ends with an `end` line, which says whether that was all; without one the way was cut. */
export async function* exportLines({ read, isStopping, failed }: Source): AsyncGenerator<string> {
  let events = 0
  let after: readonly [string, string] | undefined
  const end = (reason: ExportEnd): string => lineOf({ end: { complete: reason === null, events, reason } })
  for (;;) {
    if (isStopping()) return yield end('stopping')
    const batch = await read(after, eventsInBatch).catch((error: unknown) => void failed(error))
    if (batch === undefined) return yield end('unavailable')
    if (batch === null) return yield end('no_authority')
    events += batch.length
    const last = batch.at(-1)
    const lines = batch.map((event) => lineOf({ event }))
    if (last === undefined || batch.length < eventsInBatch) return yield lines.join('') + end(null)
    after = [last.at, last.id]
    yield lines.join('') + lineOf({ progress: { events } })
  }
}

const lineOf = (line: ExportLine): string => `${JSON.stringify(line)}\n`
