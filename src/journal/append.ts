import { createHash, randomBytes } from 'node:crypto'
import type { Database } from '../database/open.ts'
import { journalEvents, journalValues } from '../database/tables.ts'
import { newId } from '../id.ts'
import { type Capacity, levelOfMethod, type VerificationLevel, type VerificationMethod } from '../vocabulary.ts'
import { canonical } from './canonical.ts'
import { type EventKind, eventKinds } from './kinds.ts'

/** How the actor was verified, what that is worth, and when (epoch ms); nothing of it where nobody was. */
export type Verified =
  | {
      verification: VerificationMethod
      /** Absent: what the method is worth by itself. */
      verificationLevel?: VerificationLevel
      verifiedAt: number
    }
  | { verification?: null; verificationLevel?: null; verifiedAt?: null }

/** What else an event says. Ids and closed words only. */
type Said = {
  accountId: string
  kind: EventKind
  /** Epoch ms. */
  at: number
  actorUserId?: string | null
  clientId?: string | null
  capacity?: Capacity | null
  viaId?: string | null
  sessionId?: string | null
  action?: string | null
  decision?: 'permit' | 'deny' | null
  reason?: string | null
  resourceType?: string | null
  resourceId?: string | null
  domainId?: string | null
  requestId?: string | null
  changed?: string[] | null
}

/** What is personal or free: kept apart, so that it can be erased. */
type Free = { value?: Record<string, unknown> }

/** An event that has no value. */
export type BareEvent = Said & Verified

export type JournalEvent = BareEvent & Free

/** What whoever makes an event is told of it; how its actor was verified he knows himself. */
export type About = Partial<Said> & Free

/** Appends events in the caller's transaction, in their order. An event's value goes to its own table under a salt. */
export function append(tx: Database, ...events: JournalEvent[]): Promise<void> {
  return appendAll(tx, events)
}

/** So many that one statement can carry their parameters. */
const atOnce = 1_000

/** The same for as many as there may be of an account. */
export async function appendAll(tx: Database, events: readonly JournalEvent[]): Promise<void> {
  for (let first = 0; first < events.length; first += atOnce) await insert(tx, events.slice(first, first + atOnce))
}

async function insert(tx: Database, events: readonly JournalEvent[]): Promise<void> {
  const rows = events.map((event) => toRows(event))
  await tx.insert(journalEvents).values(rows.map((row) => row.event))
  const values = rows.flatMap((row) => (row.value === undefined ? [] : [row.value]))
  if (values.length > 0) await tx.insert(journalValues).values(values)
}

/** The columns of an event without a value that a statement of several rows fills (`database/rows.ts`). */
export const eventKeys = [
  'accountId',
  'id',
  'at',
  'kind',
  'audience',
  'actorUserId',
  'capacity',
  'viaId',
  'sessionId',
  'clientId',
  'verification',
  'verificationLevel',
  'verifiedAt',
  'action',
  'decision',
  'resourceType',
  'resourceId',
  'domainId',
  'requestId',
  'changed',
] as const

/** The row of an event that has no value, for a statement that writes it with other rows. */
export const rowOf = (event: BareEvent): typeof journalEvents.$inferInsert => toRows(event).event

function toRows({ value, at, ...event }: JournalEvent) {
  const id = newId()
  const { verification = null, verificationLevel = verification && levelOfMethod[verification], verifiedAt = null } = event
  const instants = { at: new Date(at), verifiedAt: verifiedAt === null ? null : new Date(verifiedAt) }
  const row = { ...event, ...instants, verificationLevel, id, audience: eventKinds[event.kind] }
  if (value === undefined) return { event: row, value: undefined }
  const salt = randomBytes(16)
  const stored = { accountId: event.accountId, eventId: id, salt, value }
  return { event: { ...row, valueDigest: digestOf(salt, value) }, value: stored }
}

/** SHA-256 over the salt and the value with its keys in order: what an event keeps when the value itself is erased. */
export function digestOf(salt: Uint8Array, value: unknown): Buffer {
  return createHash('sha256').update(salt).update(canonical(value)).digest()
}
