/**
 * `npm test`: runs the test files named, or all, and ends with one plain line, `N passed, N failed`, which counts assertions. Each of a
 * few processes runs one file after the other. The longest come first, so that none is still busy when the others have nothing left.
 *
 * With `COVERAGE=name` it keeps, under that name, what of `src` was reached; `test/coverage.ts` reads it.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { collect } from './coverage.ts'
import { fileEnd, type Results, results } from './results.ts'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))

const jobs = Math.min(2, availableParallelism())
/** A fresh process now and then keeps what files leave in memory within bounds. */
const filesEach = 20

type Sum = { passed: number; failed: number; skipped: number }
const sum: Sum = { passed: 0, failed: 0, skipped: 0 }
const queue = filesOf(process.argv.slice(2))
/** One file alone says everything as it happens; of several only what failed is told. */
const everything = queue.length === 1 || process.env['TEST_LOG'] !== undefined
const coverage = collect(process.env['COVERAGE'])

await Promise.all(Array.from({ length: Math.min(jobs, queue.length) }, work))
coverage.keep()
const { passed, failed, skipped } = sum
console.log(`\n${passed} passed, ${failed} failed${skipped === 0 ? '' : `, ${skipped} skipped`}`)
process.exitCode = failed === 0 && passed > 0 ? 0 : 1

function filesOf(named: readonly string[]): string[] {
  for (const path of named) if (!existsSync(path)) throw new Error(`There is no ${path}`)
  const patterns = named.map((path) => (statSync(path).isDirectory() ? `${path}/**/*.test.ts` : path))
  const files = globSync(named.length === 0 ? 'test/**/*.test.ts' : patterns)
  return files
    .map((path) => ({ path, weight: weightOf(path) }))
    .sort((a, b) => b.weight - a.weight)
    .map(({ path }) => path)
}

/** How long a file may take, guessed: what asks for more time than usual is long, otherwise what has much to say. */
function weightOf(path: string): number {
  const text = readFileSync(path, 'utf8')
  return text.length + (/^t\.setTimeout\(/m.test(text) ? 1e6 : 0)
}

async function work(): Promise<void> {
  while (queue.length > 0) await runSome()
}

/** One process, from its first file to its last. */
async function runSome(): Promise<void> {
  const child = fork('test/worker.ts', { execArgv: ['--liftoff-only'], env: { ...process.env, ...coverage.env }, silent: true })
  let current: File | undefined
  let given = 0
  const next = () => {
    const path = given++ < filesEach ? queue.shift() : undefined
    current = path === undefined ? undefined : { path, since: Date.now(), results: results() }
    if (path === undefined) child.disconnect()
    else child.send(path)
  }
  child.stderr?.pipe(process.stderr, { end: false })
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
    if (everything) console.log(line)
    if (!line.startsWith(fileEnd)) return current?.results.take(line)
    if (current !== undefined) count({ ...current, worked: line.slice(fileEnd.length + 1) })
    next()
  })
  next()
  // Not `close`, which does not come where the channel was closed from this side.
  const [[code, signal]] = await Promise.all([once(child, 'exit'), once(lines, 'close')])
  const ending = String(signal ?? code)
  if (current !== undefined) count(current, `its process ended with ${ending}`)
  else if (ending !== '0' && sum.failed === 0) {
    sum.failed++
    console.log(`not ok  a process ended with ${ending} when its files were done`)
  }
}

/** `worked` is in seconds, without the processes a test starts; on a busy machine it says more than the clock. */
type File = { path: string; since: number; results: Results; worked?: string }

function count({ path, since, worked = '?', results: { passed, failed, skipped, failures } }: File, trouble = ''): void {
  const good = failures.length === 0 && passed + skipped > 0 && trouble === ''
  const bad = good ? 0 : Math.max(1, failed)
  sum.passed += passed
  sum.failed += bad
  sum.skipped += skipped
  const seconds = `${((Date.now() - since) / 1000).toFixed(1).padStart(6)} s (${worked.padStart(4)} of work)`
  const rest = `${bad === 0 ? '' : `, ${bad} failed`}${skipped === 0 ? '' : `, ${skipped} skipped`}`
  console.log(`${good ? 'ok    ' : 'not ok'} ${seconds}  ${path}  ${passed} passed${rest}  ${trouble}`.trimEnd())
  if (!everything) for (const line of failures) console.log(line)
}
