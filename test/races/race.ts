/** Rounds of eight writers against one revoker, judged by the order of commits and by the order in which the clients saw them. */
import { sql } from 'drizzle-orm'
import type { Scene, Stage } from './stage.ts'
import type { Ending, Way } from './ways.ts'
import { call, request } from './writer.ts'

export type Tally = {
  rounds: number
  /** Tickets (or answers) of these rounds in the database, and the ones a writer was told of. */
  made: number
  told: number
  /** Made by a commit after the revocation's (R2). */
  late: number
  /** Made by a request that began after the revocation was acknowledged (R1). */
  lateForClients: number
  /** Requests that began after the acknowledgement and were refused as they should be. */
  refused: number
  /** How long each revocation took, in milliseconds. */
  waits: number[]
  /** Everything else that was answered: none is expected. */
  other: string[]
}

/** How many write at once, for one who revokes. */
export const writers = Number(process.env['RACE_WRITERS'] ?? 8)
const attemptsMax = 300

export async function race(stage: Stage, way: Way, rounds: number): Promise<Tally> {
  const tally: Tally = { rounds, made: 0, told: 0, late: 0, lateForClients: 0, refused: 0, waits: [], other: [] }
  for (let round = 0; round < rounds; round++) {
    const scene = await way.scene(stage)
    const ending = way.end(scene)
    // From the first ticket to some hundred: the revocation meets the writers in every state they can be in.
    await play(scene, way, ending.act, 1 + ((round * 7) % 40), tally)
    await judge(scene, ending, tally)
  }
  return tally
}

async function play(scene: Scene, way: Way, revoke: () => Promise<void>, startAfter: number, tally: Tally): Promise<void> {
  let tick = 0
  let made = 0
  let acknowledged = Number.POSITIVE_INFINITY
  const enough = Promise.withResolvers<void>()
  const writer = async () => {
    for (let count = 0; count < attemptsMax; count++) {
      const started = ++tick
      const answer = await attempt(scene, way)
      if (answer === 'made') {
        tally.told++
        if (++made === startAfter) enough.resolve()
        if (started > acknowledged) tally.lateForClients++
      } else if (answer !== 'refused') {
        tally.other.push(answer)
      } else if (started > acknowledged) {
        tally.refused++
        return
      }
    }
    tally.other.push('a writer was never refused')
    enough.resolve()
  }
  const revoker = async () => {
    await enough.promise
    const began = performance.now()
    await revoke()
    acknowledged = ++tick
    tally.waits.push(performance.now() - began)
  }
  await Promise.all([revoker(), ...Array.from({ length: writers }, writer)])
}

async function attempt(scene: Scene, way: Way): Promise<string> {
  const answer = await (way.viaHttp ? request(scene) : call(scene))
  if (answer === undefined) return 'made'
  const asExpected = answer.code === way.refused.code && answer.reason === way.refused.reason
  return asExpected ? 'refused' : JSON.stringify(answer)
}

/**
 * Which of them were committed after the revocation. These rows are written once and never again, so `xmin` is the transaction that
 * made them. (Equal times say nothing; what R1 asks of the clients' order is counted besides.)
 */
async function judge({ test, a, ticket }: Scene, { kind, resource }: Ending, tally: Tally): Promise<void> {
  const rowsMade = ticket === undefined ? sql`tickets` : sql`messages`
  const { rows } = await test.context.db.execute<{ made: number; late: number; known: boolean }>(sql`
    with revocation as (select max(pg_xact_commit_timestamp(xmin)) as at from journal_events where kind = ${kind} and resource_id = ${resource})
    select count(*)::int as made, count(*) filter (where pg_xact_commit_timestamp(w.xmin) > r.at)::int as late, bool_and(r.at is not null) as known
    from ${rowsMade} w, revocation r where w.account_id = ${a.id}`)
  const verdict = rows[0]
  if (verdict?.known !== true) throw new Error('the commit of the revocation is not known')
  tally.made += verdict.made - (ticket === undefined ? 0 : 1) // with a ticket comes its first message
  tally.late += verdict.late
}

/** For people: the middle, the longest but one in a hundred, and the longest. */
export function spread(waits: readonly number[]): string {
  const sorted = [...waits].sort((a, b) => a - b)
  const at = (part: number) => (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0).toFixed(1)
  return `${sorted.length} times, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms`
}
