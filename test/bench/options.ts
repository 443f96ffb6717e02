/** The options of `npm run bench`. */
import { parseArgs } from 'node:util'
import { type Mode, modes } from './places.ts'
import { full, hundredth, type Sizes } from './sizes.ts'

export const help = `npm run bench -- [options]

Measures Mandate against a bare server that does the same work without asking who may ("the floor"), in turn, on the same database.

  --quick              a hundredth of the rows, short runs
  --mode MODE          one (default), two (two processes), pglite, pgbouncer; several with commas
  --connections LIST   parallel clients; default 1,8,32
  --pairs N            how often floor and Mandate take turns; default 3
  --seconds N          length of one run; default 5, with --quick 2
  --only LIST          some of: create,counted,read,list,decision,batch50
  --growth             also compares p99 with a database of a hundredth (with --quick a tenth) of the rows
  --plans              only explains every hot statement: rows read, and what a plan reads in vain
  --start              only measures start and memory after load
  --soak               only a soak at half load: memory slope and handles
  --minutes N          length of the soak; default 10
  --json FILE          writes the result
  --keep               leaves the seeded database for the next run
  --help

BENCH_DATABASE_URL names a PostgreSQL whose user may create databases; without it one is started (fsync on) for as long as this runs.
DATABASE_POOL_SIZE is the pool of each process, floor or Mandate; default 10.
`

export type Options = {
  quick: boolean
  sizes: Sizes
  modes: Mode[]
  connections: number[]
  pairs: number
  seconds: number
  only: string[] | undefined
  what: 'ratios' | 'plans' | 'start' | 'soak' | 'help'
  growth: boolean
  minutes: number
  json: string | undefined
  keep: boolean
}

/** @throws Error for an option or value that does not exist */
export function readOptions(args: string[]): Options {
  const { values } = parseArgs({ args, options: shapes, strict: true })
  const quick = values.quick === true
  const what = (['help', 'plans', 'start', 'soak'] as const).find((name) => values[name] === true) ?? 'ratios'
  return {
    quick,
    sizes: quick ? hundredth(full) : full,
    modes: listOf(values.mode ?? 'one').map(modeOf),
    connections: listOf(values.connections ?? '1,8,32').map((text) => whole('connections', text)),
    pairs: whole('pairs', values.pairs ?? '3'),
    seconds: whole('seconds', values.seconds ?? (quick ? '2' : '5')),
    only: values.only === undefined ? undefined : listOf(values.only),
    what,
    growth: values.growth === true,
    minutes: whole('minutes', values.minutes ?? '10'),
    json: values.json,
    keep: values.keep === true,
  }
}

const flag = { type: 'boolean' } as const
const text = { type: 'string' } as const
const shapes = {
  quick: flag,
  mode: text,
  connections: text,
  pairs: text,
  seconds: text,
  only: text,
  growth: flag,
  plans: flag,
  start: flag,
  soak: flag,
  minutes: text,
  json: text,
  keep: flag,
  help: flag,
} as const

const listOf = (list: string): string[] => list.split(',').map((item) => item.trim())

function whole(name: string, given: string): number {
  const number = Number(given)
  if (!Number.isInteger(number) || number < 1) throw new Error(`--${name} wants whole numbers from 1 on, and ${given} is none`)
  return number
}

function modeOf(given: string): Mode {
  const mode = modes.find((known) => known === given)
  if (mode === undefined) throw new Error(`--mode wants ${modes.join(', ')}, and ${given} is none`)
  return mode
}
