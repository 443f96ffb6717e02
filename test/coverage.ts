/**
 * Coverage over several runs. The suite runs once on each database, and only together do the runs reach every line:
 *
 *     npm test && node test/coverage.ts keep pglite
 *     TEST_DATABASE_URL=… npm test && node test/coverage.ts keep postgresql
 *     node test/coverage.ts report pglite postgresql
 *
 * `report` prints a table of what is missing and exits with 1 when less is reached than `floor` says. The aim is 100 %: raise the floor
 * with every gap that closes, and never lower it.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, globSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))

/** Percent of statements, branches, functions and lines. */
const floor = [99.5, 99, 99, 99.5]

/** What `npm run check` runs, and no test. */
const elsewhere = ['src/describe.ts']

/** Where tap collects, one JSON file for each process that ran. */
const collected = '.tap/coverage'
const kept = (name: string) => `${collected}-${name}`

const [verb, ...names] = process.argv.slice(2)
if (verb === 'keep' && names.length === 1) keep(names[0] as string)
else if (verb === 'report' && names.length > 0) process.exitCode = report(names) ? 0 : 1
else throw new Error('Say: keep NAME, or: report NAME…')

function keep(name: string): void {
  rmSync(kept(name), { recursive: true, force: true })
  renameSync(collected, kept(name))
}

function report(names: string[]): boolean {
  rmSync(collected, { recursive: true, force: true })
  for (const name of names) cpSync(kept(name), collected, { recursive: true })
  const tap = fileURLToPath(import.meta.resolve('tap')).replace(/dist\/.*$/, 'dist/esm/run.mjs')
  const { stdout } = spawnSync(process.execPath, [tap, 'report', 'text'], { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' })
  console.log(stdout)
  const idle = neverLoaded()
  for (const path of idle) console.log(`${path} was never loaded`)
  return reached(stdout) && idle.length === 0
}

function reached(table: string): boolean {
  const [, ...sums] = (/^All files.*$/m.exec(table)?.[0] ?? '').split('|').map((cell) => cell.trim())
  return floor.every((least, index) => Number(sums[index]) >= least)
}

/** A file that no test loads is not in the table at all. One of types only is never loaded, and has nothing to cover. */
function neverLoaded(): string[] {
  const loaded = readdirSync(collected).flatMap((name) => scripts(`${collected}/${name}`))
  const seen = new Set(loaded)
  return globSync('src/**/*.ts').filter(
    (path) => !seen.has(new URL(`../${path}`, import.meta.url).href) && !elsewhere.includes(path) && hasCode(path),
  )
}

function scripts(path: string): string[] {
  const { result }: { result: { url: string }[] } = JSON.parse(readFileSync(path, 'utf8'))
  return result.map(({ url }) => url)
}

function hasCode(path: string): boolean {
  return /^(export )?(async )?(function|const|let|class|for|if|await)\b/m.test(readFileSync(path, 'utf8'))
}
