import { Problem } from '../problem.ts'

export type Queue = {
  /** Runs the work when its turn comes. @throws Problem `unavailable` at once when too many wait already. */
  run<T>(work: () => Promise<T>): Promise<T>
  /** How many wait. */
  waiting(): number
}

/** Lets `running` pieces of work go on at once and `most` more wait, first come, first served. */
export function createQueue(running: number, most: number): Queue {
  let free = running
  const waiting: (() => void)[] = []
  return {
    async run(work) {
      if (free > 0) free--
      else if (waiting.length < most) await new Promise<void>((resolve) => waiting.push(resolve))
      else throw new Problem('unavailable', { detail: 'Too many at once', headers: { 'retry-after': '2' } })
      try {
        return await work()
      } finally {
        const next = waiting.shift()
        if (next === undefined) free++
        else next()
      }
    },
    waiting: () => waiting.length,
  }
}
