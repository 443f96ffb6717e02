/**
 * `npm test`: runs tap and ends with one plain line, `N passed, N failed`, which counts assertions. The exit code is tap's own and says
 * more: a run can fail without a failed assertion. Arguments go to tap, so `npm test -- test/config.test.ts` runs one file.
 *
 * Coverage is collected but not demanded here: some of the code speaks to PostgreSQL only. `test/coverage.ts` demands all of it, over
 * the runs on both databases together.
 */
import { spawn } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const report = '.tap/report.tap'
rmSync(report, { force: true }) // or a run that dies early would repeat the numbers of the one before
const tap = fileURLToPath(import.meta.resolve('tap')).replace(/dist\/.*$/, 'dist/esm/run.mjs')
const limits = ['statements', 'branches', 'functions', 'lines'].map((limit) => `--${limit}=0`)
const reporter = process.stdout.isTTY ? 'base' : 'min'
const flags = [`--output-file=${report}`, `--reporter=${reporter}`, '--coverage-report=none', '--allow-empty-coverage', ...limits]
spawn(process.execPath, [tap, ...flags, ...process.argv.slice(2)], { stdio: 'inherit' }).on('close', (code) => {
  console.log(`\n${summary()}`) // on a line of its own, whatever tap's reporter left behind
  process.exitCode = code ?? 1
})

/** tap's closing comment, `# { total: 3, pass: 1, fail: 1, skip: 1 }`, leaves out what is zero. */
function summary(): string {
  const closing = /^# \{ total: \d+(?:, pass: (\d+))?(?:, fail: (\d+))?(?:, skip: (\d+))?.*\}/m.exec(read())
  if (closing === null) return '0 passed, 1 failed'
  const [, passed = 0, failed = 0, skipped = 0] = closing
  return `${passed} passed, ${failed} failed${skipped === 0 ? '' : `, ${skipped} skipped`}`
}

function read(): string {
  try {
    return readFileSync(report, 'utf8')
  } catch {
    return ''
  }
}
