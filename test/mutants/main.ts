/**
 * `npm run test:mutants`: checks the check. Plants one bug of authority after the other into a copy of the tree and demands that the
 * tests named for it fail, in the invariant named for it. A survivor, and a bug that no longer finds its place, fail the run.
 *
 * `--quick`: the quick part of the list. `--only TEXT`: the bugs whose name contains it. What needs several sessions runs only with
 * TEST_DATABASE_URL, and is counted as skipped without.
 */
import { spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type Mutant, mutants } from './mutants.ts'

type Outcome = { mutant: Mutant; outcome: 'caught' | 'survived' | 'misplaced' | 'skipped'; by: string }

const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false }, only: { type: 'string' } } })
const root = fileURLToPath(new URL('../..', import.meta.url))
const needsSessions = (mutant: Mutant): boolean =>
  mutant.tests.some((test) => test.startsWith('test/races/') && !test.includes('revisions'))

const chosen = mutants.filter(({ quick, name }) => (quick || !values.quick) && name.includes(values.only ?? ''))
const outcomes: Outcome[] = []
const queue = [...chosen]
await Promise.all([worker(), worker()])
report()

/** Works through the queue in a copy of its own. */
async function worker(): Promise<void> {
  const copy = mkdtempSync(join(tmpdir(), 'mandate-mutants-'))
  try {
    for (const name of ['src', 'test', 'migrations', 'openapi', 'docs', 'package.json'])
      cpSync(join(root, name), join(copy, name), { recursive: true })
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
    for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
      const outcome = await plant(copy, mutant)
      outcomes.push(outcome)
      console.log(`${outcome.outcome.padEnd(9)}  ${mutant.name}${outcome.by && `\n${' '.repeat(11)}by ${outcome.by}`}`)
    }
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

async function plant(copy: string, mutant: Mutant): Promise<Outcome> {
  if (process.env['TEST_DATABASE_URL'] === undefined && needsSessions(mutant)) return { mutant, outcome: 'skipped', by: '' }
  const path = join(copy, mutant.file)
  const sound = readFileSync(path, 'utf8')
  if (sound.split(mutant.find).length !== 2) return { mutant, outcome: 'misplaced', by: '' }
  writeFileSync(
    path,
    sound.replace(mutant.find, () => mutant.replace),
  )
  try {
    const caught: string[] = []
    for (const test of mutant.tests) {
      caught.push(...(await failures(copy, test)).filter((name) => mutant.invariant.test(name)))
      if (values.quick && caught.length > 0) break
    }
    return { mutant, outcome: caught.length > 0 ? 'caught' : 'survived', by: caught.slice(0, 4).join('\n              ') }
  } finally {
    writeFileSync(path, sound)
  }
}

/** The names of the subtests that fail, outermost last. A test file that does not even run tells nothing. */
function failures(copy: string, test: string): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const environment = {
      ...process.env,
      FC_RUNS: process.env['FC_RUNS'] ?? '400',
      RACE_ROUNDS: process.env['RACE_ROUNDS'] ?? '120',
      TAP_TIMEOUT: '300',
    }
    const child = spawn(process.execPath, ['--liftoff-only', test], { cwd: copy, env: environment, stdio: ['ignore', 'pipe', 'ignore'] })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
    child.on('error', reject)
    child.on('close', (code) => {
      const names = [...output.matchAll(/^ *not ok \d+ - (.*?)(?: # time=.*)?$/gm)].map((match) => match[1] as string)
      if (code !== 0 && names.length === 0) return reject(new Error(`${test} did not run to its end: exit code ${code}`))
      resolve(names)
    })
  })
}

function report(): void {
  const count = (outcome: Outcome['outcome']): number => outcomes.filter((each) => each.outcome === outcome).length
  const lost = outcomes.filter(({ outcome }) => outcome === 'survived' || outcome === 'misplaced')
  for (const { mutant, outcome } of lost) console.log(`\n${outcome}: ${mutant.name} (${mutant.file})`)
  const skipped = count('skipped') > 0 ? `, ${count('skipped')} skipped` : ''
  if (skipped !== '') console.log('\nskipped: needs TEST_DATABASE_URL')
  console.log(`\n${count('caught')} passed, ${lost.length} failed${skipped}`)
  process.exitCode = lost.length === 0 ? 0 : 1
}
