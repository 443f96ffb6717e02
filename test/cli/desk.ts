/** The command line on a test's own database, and the service on it before and after. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { createApp } from '../../src/app.ts'
import { runCommand } from '../../src/cli/run.ts'
import { settableClock } from '../../src/clock.ts'
import { readConfig } from '../../src/config.ts'
import { openDatabase } from '../../src/database/open.ts'
import { loadSecret } from '../../src/database/secrets.ts'
import { openKeys } from '../../src/http/keys.ts'
import type { Jobs } from '../../src/jobs/jobs.ts'
import { issuer, type TestApp } from '../fixtures/app.ts'
import { openTestDatabase, quiet } from '../fixtures/database.ts'

export type Said = { code: number; out: string; err: string }
export type Desk = {
  env: Readonly<Record<string, string>>
  /** Runs a command in this process; `input` is what its standard input holds. */
  run(args: string[], input?: string): Promise<Said>
  /** The same in a process of its own, as the operator does. */
  spawn(args: string[], input?: string): Promise<Said>
  /** The service on the database; the embedded one belongs to one process at a time, so no command runs meanwhile. */
  within<T>(work: (test: TestApp) => Promise<T>): Promise<T>
}

const entry = fileURLToPath(new URL('../../src/mandate.ts', import.meta.url))
export const command = [process.execPath, '--liftoff-only', entry]

export async function openDesk(t: Pick<Test, 'teardown'>): Promise<Desk> {
  const opened = await openTestDatabase(t)
  const env = { PUBLIC_URL: issuer, ...opened.settings }
  if (opened.kind === 'pglite') await opened.close()
  return {
    env,
    run: (args, input = '') => runHere(args, input, env),
    spawn: (args, input = '') => {
      const [program = '', ...rest] = [...command, ...args]
      const child = spawn(program, rest, { env: { ...process.env, ...env } })
      child.stdin.end(input)
      return said(child)
    },
    within: (work) => withService(env, work),
  }
}

async function runHere(args: string[], input: string, env: Desk['env']): Promise<Said> {
  const texts = { out: '', err: '' }
  const into = (name: keyof typeof texts) => ({ write: (text: string) => (texts[name] += text) })
  const code = await runCommand(args, { env, stdin: Readable.from([input]), stdout: into('out'), stderr: into('err') })
  return { code, ...texts }
}

/** What a process said until its end. */
export async function said(child: ChildProcess): Promise<Said> {
  const texts = { out: '', err: '' }
  child.stdout?.on('data', (chunk: Buffer) => {
    texts.out += chunk
  })
  child.stderr?.on('data', (chunk: Buffer) => {
    texts.err += chunk
  })
  const [code] = await once(child, 'close')
  return { code, ...texts }
}

async function withService<T>(env: Desk['env'], work: (test: TestApp) => Promise<T>): Promise<T> {
  const config = readConfig(env)
  const opened = await openDatabase(config, quiet)
  const clock = settableClock()
  const context = { db: opened.db, clock, config, jobs: {} as Jobs }
  const secret = loadSecret(config)
  const keys = await openKeys(opened.db, secret, config.publicUrl, clock.now())
  const app = await createApp({ context, keys, ready: () => opened.ready(), secret, logger: false })
  try {
    return await work({ app, keys, context, clock, opened: { ...opened, settings: env }, jobs: context.jobs, config, zone: new Map() })
  } finally {
    await app.close()
    await opened.close()
  }
}
