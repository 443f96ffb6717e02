/** Medians of pairs, the table for people and the members of `--json`. */
import { cpus, totalmem } from 'node:os'
import type { Run } from './load.ts'
import type { Mode } from './places.ts'
import type { Sizes } from './sizes.ts'

/** One measured thing at one number of connections: a run for each pair, floor and Mandate by turns. */
export type Row = { mode: Mode; size: string; work: string; who: 'floor' | 'floor single' | 'mandate'; connections: number; runs: Run[] }

export type Spread = { median: number; least: number; most: number }
export type Report = {
  machine: Record<string, unknown>
  sizes: Sizes
  ratios: Record<string, Spread>
  growth: Record<string, Spread>
  cpuMicros: Record<string, number>
  rows: object[]
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = (sorted.length - 1) / 2
  const median = ((sorted[Math.floor(middle)] ?? 0) + (sorted[Math.ceil(middle)] ?? 0)) / 2
  return { median, least: sorted[0] ?? 0, most: sorted.at(-1) ?? 0 }
}

const medianOf = (runs: readonly Run[], member: (run: Run) => number): number => spreadOf(runs.map(member)).median

/** The runs of one thing, in the order of the pairs. */
function runsOf(rows: readonly Row[], work: string, who: Row['who'], connections: number): Run[] {
  return rows.find((row) => row.work === work && row.who === who && row.connections === connections)?.runs ?? []
}

/** Mandate's throughput over the floor's, pair by pair, at the largest number of connections. */
export function ratiosOf(rows: readonly Row[], connections: number): Record<string, Spread> {
  const over = (above: Run[], below: Run[]): Spread | undefined =>
    above.length === 0 || below.length === 0
      ? undefined
      : spreadOf(above.map((run, pair) => run.perSecond / (below[pair]?.perSecond ?? Number.NaN)))
  const mandate = (work: string): Run[] => runsOf(rows, work, 'mandate', connections)
  const floor = (work: string): Run[] => runsOf(rows, work, 'floor', connections)
  const ratios = {
    create: over(mandate('create'), floor('create')),
    createSingle: over(mandate('create'), runsOf(rows, 'create', 'floor single', connections)),
    counted: over(mandate('counted'), floor('create')),
    read: over(mandate('read'), floor('read')),
    list: over(mandate('list'), floor('list')),
    decision: over(mandate('decision'), floor('decision')),
    batch50: over(mandate('decision'), mandate('batch50')),
  }
  return Object.fromEntries(Object.entries(ratios).filter((entry): entry is [string, Spread] => entry[1] !== undefined))
}

/** p99 with all rows over p99 with few, pair by pair. */
export function growthOf(large: readonly Row[], small: readonly Row[]): Record<string, Spread> {
  return Object.fromEntries(
    large.map(({ work, runs, connections }) => {
      const few = runsOf(small, work, 'mandate', connections)
      return [work, spreadOf(runs.map((run, pair) => run.p99 / (few[pair]?.p99 ?? Number.NaN)))]
    }),
  )
}

export function cpuOf(rows: readonly Row[], connections: number): Record<string, number> {
  const chosen = rows.filter((row) => row.connections === connections)
  return Object.fromEntries(chosen.map(({ work, who, runs }) => [`${who}.${work}`, Math.round(medianOf(runs, (run) => run.cpuMicros))]))
}

const bars: Record<string, string> = {
  create: '≥ 1.0',
  createSingle: 'aim 0.7',
  read: '≥ 0.75',
  list: '≥ 0.7',
  decision: '≥ 0.75',
  batch50: '≤ 4',
}

const pad = (cells: readonly string[], widths: readonly number[]): string =>
  cells.map((cell, index) => (index < 3 ? cell.padEnd(widths[index] ?? 0) : cell.padStart(widths[index] ?? 0))).join('  ')

function table(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)))
  return lines.map((line) => pad(line, widths)).join('\n')
}

const ranged = ({ median, least, most }: Spread, digits = 2): string =>
  `${median.toFixed(digits)} (${least.toFixed(digits)}–${most.toFixed(digits)})`

export function rowsTable(rows: readonly Row[]): string {
  const head = ['mode', 'work', 'who', 'clients', 'per second', 'p50 ms', 'p99 ms', 'CPU µs', 'database µs', 'achieved', 'dropped']
  const lines = rows.map(({ mode, work, who, connections, runs }) => {
    const database = runs.some(({ databaseMicros }) => databaseMicros === null)
      ? '–'
      : medianOf(runs, (run) => run.databaseMicros ?? 0).toFixed(0)
    const sum = (member: (run: Run) => number): string => String(runs.reduce((total, run) => total + member(run), 0))
    return [
      mode,
      work,
      who,
      String(connections),
      ranged(spreadOf(runs.map((run) => run.perSecond)), 0),
      medianOf(runs, (run) => run.p50).toFixed(2),
      medianOf(runs, (run) => run.p99).toFixed(2),
      medianOf(runs, (run) => run.cpuMicros).toFixed(0),
      database,
      sum((run) => run.achieved),
      sum((run) => run.dropped),
    ]
  })
  return table([head, ...lines])
}

export function spreadsTable(title: string, spreads: Record<string, Spread>): string {
  const lines = Object.entries(spreads).map(([name, spread]) => [title, name, bars[name] ?? '', ranged(spread)])
  return table(lines)
}

export function machine(): Record<string, unknown> {
  const [cpu] = cpus()
  return {
    cpu: cpu?.model,
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    platform: process.platform,
  }
}
