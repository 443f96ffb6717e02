/** The tour in the README is what a newcomer runs first, so it is run here as it stands, against a server that has just been started. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { startServer } from './demo/server.ts'
import { serverUrl } from './fixtures/database.ts'

const readme = readFileSync(fileURLToPath(new URL('../README.md', import.meta.url)), 'utf8')
const shown = '…'

type Step = { title: string; commands: string; answer: string }

/** Each `sh` block of the tour, and what the `text` block after it says it prints. */
function stepsOf(page: string): Step[] {
  const tour = /^## Five minutes with curl$(.*?)^## /ms.exec(page)?.[1] ?? ''
  const blocks = tour.matchAll(/([^\n]*)\n\n```sh\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?/gms)
  return [...blocks].map(([, title = '', commands = '', answer = '']) => ({ title, commands, answer }))
}

const mark = (step: number): string => `==== step ${step} ====`

/** All blocks in one shell, as somebody pastes them one after the other. */
async function run(
  steps: readonly Step[],
  env: Record<string, string>,
): Promise<{ outputs: string[]; code: number | null; errors: string }> {
  const script = steps.map(({ commands }, index) => `echo '${mark(index)}'\n${commands}`).join('')
  // Not the environment of the test: its NODE_OPTIONS would reach the reader's `node`.
  const shell = spawn('bash', ['--norc', '-euo', 'pipefail', '-c', script], { env: { PATH: process.env['PATH'] ?? '', ...env } })
  const ended = new Promise<number | null>((resolve) => shell.once('close', resolve))
  const [output, errors] = await Promise.all([text(shell.stdout), text(shell.stderr)])
  return { outputs: output.split(/^==== step \d+ ====\n/m).slice(1), code: await ended, errors }
}

/** The answer as the README shows it: line for line, where `…` stands for anything. */
function pattern(answer: string): RegExp {
  const parts = answer.trim().split(shown)
  const pieces = parts.map((part) => part.trim().split(/\s+/).map(exactly).join('\\s+'))
  return new RegExp(`^\\s*${pieces.join('[^]*?')}\\s*$`)
}

const exactly = (word: string): string => word.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&')

t.test('the tour of the README runs, and prints what the README says', async (t) => {
  const steps = stepsOf(readme)
  t.ok(steps.length >= 10, 'the blocks were found')
  const folder = mkdtempSync(join(tmpdir(), 'mandate-readme-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  if (serverUrl !== undefined) process.env['DATABASE_URL'] = serverUrl
  const server = await startServer({ DATA_DIR: folder })
  t.teardown(() => server.stop())

  const { outputs, code, errors } = await run(steps, {
    MANDATE: server.origin,
    BOOTSTRAP_TOKEN: server.bootstrapToken,
    DATA_DIR: folder,
    TMPDIR: folder,
  })
  t.equal(errors, '')
  t.equal(code, 0, 'no command failed')
  for (const [index, { title, answer }] of steps.entries()) t.match(outputs[index] ?? 'it was not run', pattern(answer), title)
})

t.test('what is shown is compared line for line', async (t) => {
  t.match('HTTP 201\n{\n  "id": "7",\n  "name": "Ada"\n}\n', pattern('HTTP 201\n{\n  "id": "…",\n  …\n}\n'))
  t.notMatch('HTTP 403\n{ "id": "7" }\n', pattern('HTTP 201\n…\n'))
  t.notMatch('HTTP 201\n{ "id": "7" }\n', pattern('HTTP 201\n'), 'nothing may be left out silently')
  t.notMatch('HTTP 201\nHTTP 500\n', pattern('HTTP 201\nHTTP 201\n'))
})
