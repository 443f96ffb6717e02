/** "Revocation takes effect at once" (docs/authority.md), by real concurrent sessions. Each check must also notice a broken guard. */
import t from 'tap'
import { type Arena, openArena } from './arena.ts'
import { race, spread, type Tally, writers } from './race.ts'
import { noSessions } from './server.ts'
import { type Stage, setStage } from './stage.ts'
import { type Way, ways } from './ways.ts'

/** In all, over every way; more for a night. */
const rounds = Number(process.env['RACE_ROUNDS'] ?? 320)
const roundsEach = Math.ceil(rounds / ways.length)

t.setTimeout(60_000 + rounds * 1_000)

const tell = ({ other, waits, ...counts }: Tally): string => [...Object.entries(counts).flat(), ...new Set(other)].join(' ')

t.test('R1, R2: no ticket follows a revocation', { skip: noSessions }, async (t) => {
  const arena = await openArena(t, writers + 4)
  if (arena === undefined) return
  const stage = await setStage(arena)
  const waits: number[] = []
  for (const way of ways) {
    await t.test(way.name, async (t) => {
      const tally = await race(stage, way, roundsEach)
      waits.push(...tally.waits)
      t.comment(tell(tally))
      t.equal(tally.late, 0, 'in the order of commits (R2)')
      t.equal(tally.lateForClients, 0, 'nor for a request that began after it was acknowledged (R1)')
      t.equal(tally.refused, roundsEach * writers, 'every writer was refused in the end, and told why')
      t.equal(tally.made, tally.told, 'and what was told to be made is there')
      t.strictSame(tally.other, [], 'nobody got any other answer')
    })
  }
  t.comment(`the revoker: ${spread(waits)}`)
  t.strictSame(arena.log, [], 'and nothing failed')
  await proveSight(t, arena, stage)
})

const wayOf = (name: string): Way => ways.find((way) => way.name === name) as Way

/** The row is compared, but not locked, so it is not read again after a change that was under way. */
const withoutLock = (alias: string) => (text: string) => text.replaceAll(new RegExp(` for (share|update) of ${alias}\\b`, 'g'), '')
/** What is compared no longer matters: authority is checked, and then the ticket is inserted. */
const checkThenInsert = (text: string) =>
  text
    .replaceAll(/\b(u|a)\.authority_revision = (\$\d+::bigint)/g, '$1.authority_revision >= least($2, 0)')
    .replaceAll(/ for share of (u|a)\b/g, '')

/** A guard without one of its parts, and in which race it must show. */
const broken: [string, (text: string) => string, Way][] = [
  ['without the lock on users', withoutLock('u'), wayOf('the user who holds the grant is suspended')],
  ['without the lock on users', withoutLock('u'), wayOf('the user who gave the grant is suspended')],
  ['without the lock on the client', withoutLock('cl'), wayOf('the control panel the writer came through is disabled')],
  ['without the lock on the account', withoutLock('a'), wayOf('the grant is revoked')],
  ['without the lock on the account', withoutLock('a'), wayOf('the domain is released')],
  ['without the lock on the ticket', withoutLock('tt'), wayOf('the ticket that is answered becomes confidential')],
  ['that checks and then inserts', checkThenInsert, wayOf('the contact who writes is removed')],
]

const brokenRoundsMax = 40

async function proveSight(t: Tap, arena: Arena, stage: Stage): Promise<void> {
  for (const [name, rewrite, way] of broken) {
    await t.test(`a guard ${name} would have been noticed when ${way.name}`, async (t) => {
      arena.wire.rewrite = rewrite
      const tallies: Tally[] = []
      do tallies.push(await race(stage, way, 5))
      while (late(tallies) === 0 && tallies.length * 5 < brokenRoundsMax)
      arena.wire.rewrite = undefined
      t.comment(`${late(tallies)} late tickets in ${tallies.length * 5} rounds`)
      t.ok(late(tallies) > 0)
    })
  }
}

type Tap = Parameters<typeof openArena>[0]
const late = (tallies: Tally[]): number => tallies.reduce((sum, tally) => sum + tally.late, 0)
