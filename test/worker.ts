/**
 * One process of the suite. `tally.ts` sends it the test files to run, one after the other: to load the program and its packages takes
 * longer than most files run. Each file finds what it would find alone. What it tears down is torn down when it ends, and the
 * environment is put back.
 */
import { registerHooks } from 'node:module'
import { pathToFileURL } from 'node:url'
import { fileEnd, takenDown } from './results.ts'

const noDomain = new URL('no-domain.ts', import.meta.url).href
registerHooks({
  resolve: (name, context, next) => (name === 'async-hook-domain' ? { url: noDomain, shortCircuit: true } : next(name, context)),
})
const { default: t } = await import('tap')

type Undo = () => unknown

const timeoutMs = 240_000
const undo: Undo[] = []
t.teardown = (work: Undo) => {
  undo.unshift(work)
}

// Only while it waits for work does the channel keep the process alive: a file that waits for nothing ends it, and has failed.
const channel = process.channel as NonNullable<typeof process.channel>
process.on('message', (path) => {
  if (typeof path === 'string') void run(path)
})

async function run(path: string): Promise<void> {
  channel.unref()
  const environment = { ...process.env }
  const before = process.cpuUsage()
  t.setTimeout(timeoutMs)
  await import(pathToFileURL(path).href).catch((error: unknown) => t.threw(error))
  // What is asked of tap last is done last.
  await t.test(takenDown, async () => {
    for (const work of undo.splice(0)) await work()
  })
  process.env = environment
  channel.ref()
  const { user, system } = process.cpuUsage(before)
  process.stdout.write(`${fileEnd} ${((user + system) / 1e6).toFixed(1)}\n`)
}
