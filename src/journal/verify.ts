/**
 * Proves the chain from its first seal to its last: every event at its place and as it was sealed, every seal as it was made, nothing in
 * between missing. It reads in pages, so that it needs the same memory for any length.
 */
import { and, asc, eq, getTableColumns, gt, lte, type SQL, sql } from 'drizzle-orm'
import { StartError } from '../config.ts'
import type { Database } from '../database/open.ts'
import { journalEvents, journalPositions, journalSeals, journalValues } from '../database/tables.ts'
import { digestOf } from './append.ts'
import { eventBytes, type SealRow, sealHash } from './canonical.ts'
import { leafHash, MerkleTree } from './merkle.ts'

/** The chain is broken; the message names the first place. */
export class BrokenChain extends StartError {
  override readonly name: string = 'BrokenChain'
}

export type Proof = {
  events: number
  seals: number
  /** Hash of the newest seal, in hex; null when nothing is sealed yet. */
  head: string | null
  lastPosition: number
  /** Values that are kept and match, and those that were erased. */
  values: { kept: number; erased: number }
  /** Number of the seal whose hash was expected; null when none was. */
  expectedSeal: number | null
  /** Events that are in no seal yet. */
  unsealed: number
}

type Options = {
  /** The hash of a seal that was noted down earlier: the chain must contain it. */
  head?: string | undefined
  /** Told after every seal. */
  progress?: (proof: Readonly<Proof>) => void
}

const sealsAtOnce = 100
const eventsAtOnce = 1_000

/** @throws BrokenChain with the first broken place */
export async function verifyJournal(db: Database, { head, progress = () => {} }: Options = {}): Promise<Proof> {
  const proof: Proof = { events: 0, seals: 0, head: null, lastPosition: 0, values: { kept: 0, erased: 0 }, expectedSeal: null, unsealed: 0 }
  for (let seals = await sealsAfter(db, 0); seals.length > 0; seals = await sealsAfter(db, proof.seals)) {
    for (const seal of seals) {
      await verifySeal(db, seal, proof)
      if (proof.head === head) proof.expectedSeal = proof.seals
      progress(proof)
    }
  }
  await refuseLoose(db, proof.lastPosition)
  if (head !== undefined && proof.expectedSeal === null) throw new BrokenChain('No seal of the chain has the expected head hash.')
  return { ...proof, unsealed: await countUnsealed(db) }
}

function sealsAfter(db: Database, number: number): Promise<SealRow[]> {
  return db.select().from(journalSeals).where(gt(journalSeals.number, number)).orderBy(asc(journalSeals.number)).limit(sealsAtOnce)
}

async function verifySeal(db: Database, seal: SealRow, proof: Proof): Promise<void> {
  const { number, firstPosition, lastPosition, root, hash, ...rest } = seal
  if (number !== proof.seals + 1) throw new BrokenChain(`Seal ${proof.seals + 1} is missing.`)
  const previous = proof.head === null ? null : Buffer.from(proof.head, 'hex')
  const hashed = sealHash({ number, firstPosition, lastPosition, root, ...rest }, previous)
  if (firstPosition !== proof.lastPosition + 1 || !hashed.equals(hash)) throw new BrokenChain(`Seal ${number} was changed.`)
  const tree = new MerkleTree()
  while (proof.lastPosition < lastPosition) await addPage(db, lastPosition, proof, tree)
  if (!tree.root().equals(root)) {
    throw new BrokenChain(`An event at the positions ${firstPosition} to ${lastPosition} (seal ${number}) was changed.`)
  }
  proof.seals = number
  proof.head = hash.toString('hex')
}

async function addPage(db: Database, until: number, proof: Proof, tree: MerkleTree): Promise<void> {
  const rows = await eventsAt(db, proof.lastPosition, until)
  for (const { position, event, salt, value } of rows) {
    if (position !== proof.lastPosition + 1 || event === null) break
    const kept = salt !== null
    if (kept && (event.valueDigest === null || !digestOf(salt, value).equals(event.valueDigest))) {
      throw new BrokenChain(`The value of the event at position ${position} was changed.`)
    }
    if (event.valueDigest !== null) proof.values[kept ? 'kept' : 'erased']++
    tree.add(leafHash(eventBytes(event)))
    proof.lastPosition = position
    proof.events++
  }
  const whole = rows.length > 0 && proof.lastPosition === rows.at(-1)?.position
  if (!whole) throw new BrokenChain(`The event at position ${proof.lastPosition + 1} is missing.`)
}

function eventsAt(db: Database, after: number, until: number) {
  const { accountId, eventId, position } = journalPositions
  return db
    .select({ position, event: getTableColumns(journalEvents), salt: journalValues.salt, value: journalValues.value })
    .from(journalPositions)
    .leftJoin(journalEvents, and(eq(journalEvents.accountId, accountId), eq(journalEvents.id, eventId)))
    .leftJoin(journalValues, and(eq(journalValues.accountId, accountId), eq(journalValues.eventId, eventId)))
    .where(and(gt(position, after), lte(position, until)))
    .orderBy(asc(position))
    .limit(eventsAtOnce)
}

/** Positions come with their seal, in one commit. */
async function refuseLoose(db: Database, last: number): Promise<void> {
  const { position } = journalPositions
  const covered = sql`exists (select from ${journalSeals} where ${position} between ${journalSeals.firstPosition} and ${journalSeals.lastPosition})`
  const [loose] = await db
    .select({ position })
    .from(journalPositions)
    .where(and(gt(position, last), sql`not ${covered}`))
    .orderBy(asc(position))
    .limit(1)
  if (loose !== undefined) throw new BrokenChain(`The seal of position ${loose.position} is missing.`)
}

const unsealed: SQL = sql`select count(*)::int as events from ${journalEvents} where not exists (select from ${journalPositions}
  where ${journalPositions.accountId} = ${journalEvents.accountId} and ${journalPositions.eventId} = ${journalEvents.id})`

function countUnsealed(db: Database): Promise<number> {
  return db.transaction(async (tx) => {
    await tx.execute(sql`select set_config('statement_timeout', '10min', true)`)
    const { rows } = await tx.execute<{ events: number }>(unsealed)
    return (rows[0] as { events: number }).events
  })
}
