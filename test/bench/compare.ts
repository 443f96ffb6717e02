/** Floor and Mandate by turns (A B A B …), so that what else the machine does falls on both alike. */
import { ask } from '../races/server.ts'
import { load, type Target } from './load.ts'
import type { Options } from './options.ts'
import { type Desk, openDesks } from './people.ts'
import { type Ends, type Mode, openPlace, type Place } from './places.ts'
import { startFloor, startMandate } from './processes.ts'
import type { Row } from './report.ts'
import { hundredth, part, type Sizes } from './sizes.ts'
import { type Make, works } from './works.ts'

type Turn = { who: Row['who']; work: string; target: Target; make: Make }

/** Every work in one mode. The embedded database is measured on a hundredth of the rows. */
export async function compare(mode: Mode, server: string, options: Options, ends: Ends): Promise<Row[]> {
  const sizes = mode === 'pglite' && !options.quick ? hundredth(options.sizes) : options.sizes
  const place = await openPlace(mode, server, sizes, options.keep, ends)
  const desks = await openDesks(place, sizes)
  const count = mode === 'two' ? 2 : 1
  const databasePids = place.url === undefined ? undefined : () => pidsOf(place.url as string)
  const target = async (start: typeof startMandate): Promise<Target> => {
    const served = []
    for (let index = 0; index < count; index++) served.push(await start(place, ends))
    return { served, ...(databasePids && { databasePids }) }
  }
  const mandate = await target(startMandate)
  const floor = await target(startFloor)
  const turns = works
    .filter(({ name }) => options.only === undefined || options.only.includes(name))
    .flatMap((work): Turn[] => [
      ...(work.floor ? [{ who: 'floor' as const, work: work.name, target: floor, make: work.floor }] : []),
      ...(work.floorSingle ? [{ who: 'floor single' as const, work: work.name, target: floor, make: work.floorSingle }] : []),
      { who: 'mandate' as const, work: work.name, target: mandate, make: work.mandate },
    ])
  const rows = await takeTurns(turns, desks, options, mode, 'full')
  await stopAll(mandate, floor)
  return rows
}

/** The same work with many rows and with few, by turns. */
export async function compareSizes(server: string, options: Options, ends: Ends): Promise<{ large: Row[]; small: Row[] }> {
  const few = options.quick ? part(options.sizes, 10) : hundredth(options.sizes)
  const [large, small] = [await open(server, options.sizes, options, ends), await open(server, few, options, ends)]
  const names = works.filter(({ name }) => options.only === undefined || options.only.includes(name))
  const rows: { large: Row[]; small: Row[] } = { large: [], small: [] }
  const connections = [Math.max(...options.connections.filter((count) => count <= 8), 1)]
  for (const { name, mandate: make } of names) {
    const turns = [small, large].map(({ target, desks }) => ({ who: 'mandate' as const, work: name, target, make, desks }))
    for (let pair = 0; pair <= options.pairs; pair++) {
      for (const [index, turn] of turns.entries()) {
        const list = index === 0 ? rows.small : rows.large
        const taken = await takeTurns([turn], turn.desks, { ...options, connections, pairs: 1 }, 'one', index === 0 ? 'small' : 'full')
        if (pair > 0) add(list, taken)
      }
    }
  }
  await stopAll(large.target, small.target)
  return rows
}

async function open(server: string, sizes: Sizes, options: Options, ends: Ends): Promise<{ target: Target; desks: Desk[]; place: Place }> {
  const place = await openPlace('one', server, sizes, options.keep, ends)
  const desks = await openDesks(place, sizes)
  return { target: { served: [await startMandate(place, ends)] }, desks, place }
}

async function stopAll(...targets: Target[]): Promise<void> {
  for (const { served } of targets) for (const one of served) await one.stop()
}

function add(rows: Row[], taken: readonly Row[]): void {
  for (const row of taken) {
    const known = rows.find(({ work, who, connections }) => work === row.work && who === row.who && connections === row.connections)
    if (known === undefined) rows.push(row)
    else known.runs.push(...row.runs)
  }
}

async function takeTurns(turns: readonly Turn[], desks: readonly Desk[], options: Options, mode: Mode, size: string): Promise<Row[]> {
  const rows: Row[] = []
  const count = Math.max(...options.connections)
  for (const { target, make } of turns) await load(target, make, desks, count, Math.min(2, options.seconds)) // warm
  for (let pair = 0; pair < options.pairs; pair++) {
    for (const connections of options.connections) {
      for (const { who, work, target, make } of turns) {
        const run = await load(target, make, desks, connections, options.seconds)
        add(rows, [{ mode, size, work, who, connections, runs: [run] }])
      }
    }
  }
  return rows
}

async function pidsOf(url: string): Promise<number[]> {
  if (!['127.0.0.1', 'localhost', '[::1]'].includes(new URL(url).hostname)) return []
  const rows = await ask(url, 'select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()')
  return rows.map(({ pid }) => Number(pid))
}
