/**
 * What of `src` the tests reach. The suite runs once on each database, and only together do the runs reach every line:
 *
 *     COVERAGE=pglite npm test
 *     COVERAGE=postgresql TEST_DATABASE_URL=… npm test
 *     npm run coverage -- pglite postgresql
 *
 * The last names every place that is not reached, and exits with 1 below the floor that both runs together have reached; the floor is only
 * ever raised, until it is 100. After the names of runs it takes paths, to look at a part only: `COVERAGE=mine npm test -- test/grants && npm run coverage -- mine src/grants`.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, globSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = (name: string): string => resolve(root, `.tap/coverage-${name}`)

/** What `npm run check` runs, and no test. */
const elsewhere = ['src/describe.ts']

/** Per cent. Some places are reached by chance only (properties, races), so it stands a little below what was measured. */
const floor = { statements: 99.95, branches: 99.8, functions: 99.9 }

type Collection = { env: NodeJS.ProcessEnv; keep(): void }

/** The environment in which processes tell what they reach, and what puts it in order when they have ended. */
export function collect(name: string | undefined): Collection {
  // Compiled code that was kept between starts is counted less precisely.
  if (name === undefined) return { env: { NODE_COMPILE_CACHE: resolve(root, 'node_modules/.cache/tests') }, keep: () => {} }
  const raw = resolve(root, `.tap/raw-${name}`)
  for (const path of [raw, folder(name)]) rmSync(path, { recursive: true, force: true })
  return { env: { NODE_V8_COVERAGE: raw, NODE_DISABLE_COMPILE_CACHE: '1' }, keep: () => condense(raw, folder(name)) }
}

type Script = { url: string }

/** Most of what a process tells is about packages. */
function condense(from: string, to: string): void {
  const source = new URL('../src/', import.meta.url).href
  mkdirSync(to, { recursive: true })
  for (const name of readdirSync(from)) {
    const { result }: { result: Script[] } = JSON.parse(readFileSync(`${from}/${name}`, 'utf8'))
    const ours = result.filter(({ url }) => url.startsWith(source))
    if (ours.length > 0) writeFileSync(`${to}/${name}`, JSON.stringify({ result: ours }))
  }
  rmSync(from, { recursive: true })
}

type Range = { start: { line: number }; end: { line: number } }
type FileCoverage = {
  path: string
  statementMap: Record<string, Range>
  s: Record<string, number>
  branchMap: Record<string, { loc: Range }>
  b: Record<string, number[]>
  fnMap: Record<string, { name: string; loc: Range }>
  f: Record<string, number>
}
const kinds = ['statements', 'branches', 'functions'] as const
type Kind = (typeof kinds)[number]
type Place = { kind: Kind; first: number; last: number; reached: boolean }

if (import.meta.main) {
  const words = process.argv.slice(2)
  const paths = words.filter((word) => word.startsWith('src'))
  const names = words.filter((word) => !word.startsWith('src'))
  if (names.length === 0) throw new Error('Say which runs to look at: what COVERAGE was when the tests ran')
  process.chdir(root)
  process.exitCode = report(names, paths) ? 0 : 1
}

function report(names: readonly string[], paths: readonly string[]): boolean {
  const wanted = (path: string) =>
    paths.length === 0 || paths.some((part) => path === part || path.startsWith(`${part.replace(/\/$/, '')}/`))
  const files = merged(names)
    .map((file) => ({ path: relative(root, file.path), places: placesOf(file) }))
    .filter(({ path }) => wanted(path))
  for (const { path, places } of files) show(path, places)
  const seen = new Set(files.map(({ path }) => path))
  const idle = globSync('src/**/*.ts').filter((path) => wanted(path) && !seen.has(path) && !elsewhere.includes(path) && hasCode(path))
  for (const path of idle) console.log(`${path}\n         was never loaded`)
  const all = files.flatMap(({ places }) => places)
  const sums = kinds.map((kind) => `${shareOf(all, kind)} % of ${all.filter((place) => place.kind === kind).length} ${kind}`)
  console.log(`reached: ${sums.join(', ')}`)
  return idle.length === 0 && kinds.every((kind) => shareOf(all, kind) >= floor[kind])
}

/** tap brings the program that puts the runs together and knows what a statement is. For it a statement is a line. */
function merged(names: readonly string[]): FileCoverage[] {
  rmSync('.tap/coverage', { recursive: true, force: true })
  for (const name of names) cpSync(folder(name), '.tap/coverage', { recursive: true })
  const tap = fileURLToPath(import.meta.resolve('tap')).replace(/dist\/.*$/, 'dist/esm/run.mjs')
  spawnSync(process.execPath, [tap, 'report', 'json', '--show-full-coverage'], { stdio: ['ignore', 'ignore', 'inherit'] })
  return Object.values(JSON.parse(readFileSync('.tap/report/coverage-final.json', 'utf8')))
}

function placesOf({ statementMap, s, branchMap, b, fnMap, f }: FileCoverage): Place[] {
  const place = (kind: Kind, { start, end }: Range, count = 0) => ({ kind, first: start.line, last: end.line, reached: count > 0 })
  return [
    ...Object.entries(statementMap).map(([id, range]) => place('statements', range, s[id])),
    ...Object.entries(branchMap).map(([id, { loc }]) => place('branches', loc, b[id]?.[0])),
    ...Object.entries(fnMap).map(([id, { loc }]) => place('functions', loc, f[id])),
  ]
}

/** What was not reached, with the line where it begins. A line within a branch that is named already says nothing more. */
function show(path: string, places: readonly Place[]): void {
  const missing = places.filter(({ reached }) => !reached)
  const wider = missing.filter(({ kind }) => kind !== 'statements')
  const told = missing.filter(
    (place) => wider.includes(place) || !wider.some(({ first, last }) => first <= place.first && place.last <= last),
  )
  if (told.length === 0) return
  const lines = readFileSync(path, 'utf8').split('\n')
  console.log(path)
  for (const { kind, first, last } of told) {
    const where = first === last ? `${first}` : `${first}–${last}`
    console.log(`${where.padStart(9)}  ${kind.slice(0, 6)}  ${lines[first - 1]?.trim().slice(0, 100)}`)
  }
}

/** Per cent, to two decimals and never rounded up. */
function shareOf(places: readonly Place[], kind: Kind): number {
  const ofKind = places.filter((place) => place.kind === kind)
  const reached = ofKind.filter((place) => place.reached).length
  return ofKind.length === 0 ? 100 : Math.floor((reached / ofKind.length) * 10_000) / 100
}

/** A file that no test loads is not in the report at all. One of types only is never loaded, and has nothing to cover. */
function hasCode(path: string): boolean {
  return /^(export )?(async )?(function|const|let|class|for|if|await)\b/m.test(readFileSync(path, 'utf8'))
}
