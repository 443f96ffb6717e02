/** Cold and long: how soon the service is there, what memory it takes, and whether it grows while it works. */
import { load } from './load.ts'
import type { Options } from './options.ts'
import { type Desk, openDesks } from './people.ts'
import type { Ends, Place } from './places.ts'
import type { Usage } from './probe.ts'
import { type Served, startMandate } from './processes.ts'
import { machine, spreadOf } from './report.ts'
import { mixed } from './works.ts'

const mebi = 2 ** 20
const clients = 8

/** Starts it several times on the same database; the first compiles. Then loads it, and looks again. */
export async function cold(place: Place, options: Options, ends: Ends): Promise<object> {
  const desks = await openDesks(place, options.sizes)
  const starts: number[] = []
  for (let turn = 0; turn < options.pairs; turn++) {
    const served = await startMandate(place, ends)
    starts.push(served.readyMs)
    await served.stop()
  }
  const served = await startMandate(place, ends)
  const idle = await served.usage()
  const run = await load({ served: [served] }, mixed, desks, clients, options.seconds * 2)
  const loaded = await served.usage()
  await served.stop()
  const ready = spreadOf(starts)
  console.log(`ready after ${ready.median.toFixed(0)} ms (${ready.least.toFixed(0)}–${ready.most.toFixed(0)} in ${starts.length} starts)`)
  console.log(`memory ${told(idle)} when ready, ${told(loaded)} after ${run.achieved} requests (${run.dropped} dropped)`)
  return { machine: machine(), readyMs: ready, idle, loaded, achieved: run.achieved, dropped: run.dropped }
}

/** Half of what it can do, for minutes. The slope is of the second half: in the first the process still warms up. */
export async function soak(place: Place, options: Options, ends: Ends): Promise<object> {
  const desks = await openDesks(place, options.sizes)
  const served = await startMandate(place, ends)
  await load({ served: [served] }, mixed, desks, clients, options.seconds)
  const { perSecond } = await load({ served: [served] }, mixed, desks, clients, options.seconds)
  const samples = await watch(served, desks, options.minutes * 60, Math.ceil(perSecond / 2))
  const late = samples.slice(Math.floor(samples.length / 2))
  const mebiPerMinute = { rss: slope(late, ({ rss }) => rss), heap: slope(late, ({ heapUsed }) => heapUsed) }
  const [first, last] = [samples[0], samples.at(-1)] as [Sample, Sample]
  console.log(
    `${Math.ceil(perSecond / 2)} requests a second for ${options.minutes} min: ${last.achieved} achieved, ${last.dropped} dropped`,
  )
  console.log(`memory ${told(first)} at first, ${told(last)} in the end`)
  console.log(`slope of the second half ${mebiPerMinute.rss.toFixed(2)} MiB a minute (heap ${mebiPerMinute.heap.toFixed(2)})`)
  console.log(`handles ${first.handles} at first, ${last.handles} in the end`)
  return { machine: machine(), rate: perSecond / 2, mebiPerMinute, samples }
}

type Sample = Usage & { second: number; achieved: number; dropped: number }

const told = ({ rss, heapUsed }: Usage): string => `${(rss / mebi).toFixed(0)} MiB (heap ${(heapUsed / mebi).toFixed(0)})`

/** In stretches, with a look at the process after each. */
async function watch(served: Served, desks: readonly Desk[], seconds: number, rate: number): Promise<Sample[]> {
  const stretch = Math.max(2, Math.min(15, Math.floor(seconds / 8)))
  const samples: Sample[] = []
  let [achieved, dropped] = [0, 0]
  for (let second = 0; second < seconds; second += stretch) {
    const run = await load({ served: [served] }, mixed, desks, clients, stretch, rate)
    achieved += run.achieved
    dropped += run.dropped
    samples.push({ ...(await served.usage()), second: second + stretch, achieved, dropped })
  }
  return samples
}

/** Least squares, MiB per minute. */
function slope(samples: readonly Sample[], member: (sample: Sample) => number): number {
  const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
  const [x, y] = [samples.map(({ second }) => second / 60), samples.map((sample) => member(sample) / mebi)]
  const [mx, my] = [mean(x), mean(y)]
  const over = x.reduce((sum, value, index) => sum + (value - mx) * ((y[index] as number) - my), 0)
  return over / x.reduce((sum, value) => sum + (value - mx) ** 2, 0)
}
