import { Problem } from '../problem.ts'

export type Queue = {
  /** Runs the work when its turn comes. @throws Problem `unavailable` at once when too many wait already. */
  run<T>(work: () => Promise<T>): Promise<T>
  /** How many wait. */
  waiting(): number
}

/**
 * Lets `running` pieces of work go on at once and `most` more wait, first come, first served. Where somebody waits, a place rests after a
 * piece that took `worked` milliseconds for as many as `rest` says, so that a crowd here leaves time to everything else.
 */
export function createQueue(running: number, most: number, rest: (worked: number) => number = () => 0): Queue {
  let free = running
  const waiting: (() => void)[] = []
  const handOver = (worked: number): void => {
    const next = waiting.shift()
    if (next === undefined) free++
    else if (rest(worked) > 0) setTimeout(next, rest(worked))
    else next()
  }
  return {
    async run(work) {
      if (free > 0) free--
      else if (waiting.length < most) await new Promise<void>((resolve) => waiting.push(resolve))
      else throw new Problem('unavailable', { detail: 'Too many at once', headers: { 'retry-after': '2' } })
      const begun = performance.now()
      try {
        return await work()
      } finally {
        handOver(performance.now() - begun)
      }
    },
    waiting: () => waiting.length,
  }
}
