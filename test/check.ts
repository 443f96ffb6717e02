/**
 * `npm run check`: what must be true of the tree beside its tests. Every check runs, each prints one line, and any failure is exit code 1.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { configurationPage } from '../src/config.ts'
import * as tables from '../src/database/tables.ts'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))

type Entry = { idx: number; when: number; tag: string }

/** What is wrong; empty when all is well. */
const checks: Record<string, () => string | Promise<string>> = {
  types: () => run('node_modules/.bin/tsc'),
  lint: () => run('node_modules/.bin/biome', 'check'),
  architecture: () => run(process.execPath, 'test/architecture.test.ts'),
  openapi: () => run(process.execPath, 'src/describe.ts', '--check'),
  'configuration page': () =>
    read('docs/configuration.md') === configurationPage() ? '' : 'docs/configuration.md is not made from src/config.ts: npm run docs',
  'migrations match the tables': drift,
  'migrations are in order': order,
}

let failed = 0
for (const [name, check] of Object.entries(checks)) {
  const trouble = await attempt(check)
  if (trouble !== '') failed++
  console.log(trouble === '' ? `ok      ${name}` : `not ok  ${name}\n${trouble.replace(/^/gm, '        ')}`)
}
console.log(`${Object.keys(checks).length - failed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1

async function attempt(check: () => string | Promise<string>): Promise<string> {
  try {
    return await check()
  } catch (error) {
    return String(error)
  }
}

function run(command: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 2 ** 26 })
  return status === 0 ? '' : `${stdout ?? ''}${stderr ?? ''}${error ?? ''}`.trim() || `exit code ${status}`
}

function read(path: string): string {
  return readFileSync(path, 'utf8')
}

function journal(): Entry[] {
  return JSON.parse(read('migrations/meta/_journal.json')).entries
}

/** drizzle-kit's own check does not see a table that changed; comparing its newest snapshot with the tables does. */
async function drift(): Promise<string> {
  const { generateDrizzleJson, generateMigration } = createRequire(import.meta.url)('drizzle-kit/api')
  const newest = `migrations/meta/${String(journal().at(-1)?.idx).padStart(4, '0')}_snapshot.json`
  const before = JSON.parse(read(newest))
  const statements: string[] = await generateMigration(before, generateDrizzleJson(tables, before.id, undefined, 'snake_case'))
  return statements.length === 0 ? '' : `src/database/tables.ts has changed: npm run migration\n${statements.join('\n')}`
}

/** The migrator applies only what is later than the newest it applied, and skips the rest without a word. */
function order(): string {
  const entries = journal()
  const tags = globSync('migrations/*.sql').map((path) => basename(path, '.sql'))
  return [
    ...entries.filter(({ idx }, place) => idx !== place).map(({ tag }) => `${tag} is out of its place`),
    ...entries
      .filter(({ when }, place) => when <= (entries[place - 1]?.when ?? 0))
      .map(({ tag }) => `${tag} is not later than the one before it`),
    ...entries.filter(({ tag }) => !existsSync(`migrations/${tag}.sql`)).map(({ tag }) => `${tag}.sql is missing`),
    ...tags.filter((tag) => !entries.some((entry) => entry.tag === tag)).map((tag) => `${tag}.sql is not in the journal`),
  ].join('\n')
}
