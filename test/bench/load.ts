/** One run of autocannon against one or several processes. */
import { readFileSync } from 'node:fs'
import autocannon from 'autocannon'
import type { Desk } from './people.ts'
import type { Served } from './processes.ts'
import type { Make } from './works.ts'

export type Run = {
  /** Answered with 2xx, per second. */
  perSecond: number
  achieved: number
  /** Other answers, errors and time-outs. */
  dropped: number
  p50: number
  p99: number
  /** CPU of the server processes for one request, and of PostgreSQL where it can be seen. */
  cpuMicros: number
  databaseMicros: number | null
}

export type Target = { served: readonly Served[]; databasePids?: () => Promise<number[]> }

/**
 * Closed loop: each connection sends its next request when it has the answer to the one before; with `rate` not more than that many in
 * a second.
 */
export async function load(
  target: Target,
  make: Make,
  desks: readonly Desk[],
  connections: number,
  seconds: number,
  rate?: number,
): Promise<Run> {
  const pids = (await target.databasePids?.()) ?? null
  const before = await usedBy(target.served)
  const ticksBefore = pids === null ? null : ticksOf(pids)
  const each = Math.max(1, Math.floor(connections / target.served.length))
  const runs = await Promise.all(
    target.served.map(({ origin }) =>
      shoot(origin, make, desks, { connections: each, duration: seconds, ...(rate && { overallRate: rate }) }),
    ),
  )
  const used = (await usedBy(target.served)) - before
  const ticks = pids === null || ticksBefore === null ? null : ticksOf(pids) - ticksBefore
  const times = runs.flatMap((run) => run.times).sort((a, b) => a - b)
  const answered = runs.reduce((sum, run) => sum + run.answered, 0)
  const achieved = runs.reduce((sum, run) => sum + run.achieved, 0)
  return {
    perSecond: runs.reduce((sum, run) => sum + run.achieved / run.seconds, 0),
    achieved,
    dropped: runs.reduce((sum, run) => sum + run.dropped, 0),
    p50: at(times, 0.5),
    p99: at(times, 0.99),
    cpuMicros: used / Math.max(1, answered),
    // A connection that was closed meanwhile takes what it used along: then nothing can be said.
    databaseMicros: ticks === null || ticks < 0 ? null : (ticks * 10_000) / Math.max(1, answered),
  }
}

const at = (sorted: readonly number[], share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0

async function usedBy(served: readonly Served[]): Promise<number> {
  const usages = await Promise.all(served.map((one) => one.usage()))
  return usages.reduce((sum, { cpuMicros }) => sum + cpuMicros, 0)
}

/** Ticks (10 ms) that the database's processes have used; those that are gone count nothing. */
function ticksOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    try {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
      return sum + Number(fields[11]) + Number(fields[12])
    } catch {
      return sum
    }
  }, 0)
}

type Shot = { achieved: number; answered: number; dropped: number; seconds: number; times: number[] }

type Shape = { connections: number; duration: number; overallRate?: number }

async function shoot(origin: string, make: Make, desks: readonly Desk[], shape: Shape): Promise<Shot> {
  const times: number[] = []
  let next = Math.floor(Math.random() * desks.length)
  let refusal: string | undefined
  const onResponse = (status: number, body: string): void => {
    if (status > 299) refusal ??= `${status} ${body}`
  }
  const setupRequest = (request: autocannon.Request): autocannon.Request => {
    const desk = desks[next++ % desks.length] as Desk
    const { headers = {}, ...sent } = make(desk)
    return { ...request, ...sent, headers }
  }
  const began = performance.now()
  const result = await new Promise<autocannon.Result>((resolve, reject) => {
    const instance = autocannon({ url: origin, ...shape, timeout: 10, requests: [{ setupRequest, onResponse }] }, (error, done) =>
      error ? reject(error) : resolve(done as autocannon.Result),
    )
    instance.on('response', (_client, _status, _bytes, milliseconds) => times.push(milliseconds))
  })
  // What is measured must be the work, and not how fast it is refused.
  if (refusal !== undefined) console.error(`not everything was answered: ${refusal}`)
  const taken = (performance.now() - began) / 1000
  return {
    achieved: result['2xx'],
    answered: result['2xx'] + result.non2xx,
    dropped: result.non2xx + result.errors + result.timeouts,
    seconds: Math.min(taken, result.duration),
    times,
  }
}
