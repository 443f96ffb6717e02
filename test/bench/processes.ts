/** The servers that are measured, each a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '../races/server.ts'
import type { Ends, Place } from './places.ts'
import type { Usage } from './probe.ts'

export type Served = {
  origin: string
  pid: number
  /** From the start of the process until it answered. */
  readyMs: number
  usage(): Promise<Usage>
  stop(): Promise<void>
}

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url))
const probe = path('probe.ts')
const cache = path('../../node_modules/.cache/node')

/** Where Mandate says it is, whatever port it got: the issuer of the tokens. */
export const issuer = 'http://mandate.bench'

/** The service as it is started by an operator, logging one line a request to a file. */
export function startMandate({ mandate, secret }: Place, ends: Ends): Promise<Served> {
  const settings = { PUBLIC_URL: issuer, RATE_LIMIT_REQUESTS: '1000000', SECRET_KEY: secret, ...mandate }
  return start(path('../../src/main.ts'), settings, ends)
}

export function startFloor({ floor }: Place, ends: Ends): Promise<Served> {
  return start(path('floor.ts'), floor, ends)
}

async function start(entry: string, settings: Record<string, string>, ends: Ends): Promise<Served> {
  const port = await freePort()
  const { PATH = '', DATABASE_POOL_SIZE = '10' } = process.env
  const env = { PATH, NODE_ENV: 'production', NODE_COMPILE_CACHE: cache, DATABASE_POOL_SIZE, PORT: String(port), ...settings }
  const file = join(tmpdir(), `mandate-bench-${port}.log`)
  const log = openSync(file, 'w')
  ends.teardown(() => rmSync(file))
  const began = performance.now()
  const child = spawn(process.execPath, ['--import', probe, entry], { env, stdio: ['ignore', log, 'inherit', 'ipc'] })
  closeSync(log)
  const stop = stopping(child)
  ends.teardown(stop)
  const origin = `http://127.0.0.1:${port}`
  await untilReady(origin, child)
  return { origin, pid: child.pid as number, readyMs: performance.now() - began, usage: () => usageOf(child), stop }
}

function stopping(child: ChildProcess): () => Promise<void> {
  const ended = once(child, 'exit')
  return async () => {
    child.kill('SIGTERM')
    await ended
  }
}

async function untilReady(origin: string, child: ChildProcess): Promise<void> {
  const end = performance.now() + 60_000
  while (performance.now() < end) {
    if (child.exitCode !== null) throw new Error(`a server ended with ${child.exitCode} before it was ready`)
    const ok = await fetch(`${origin}/readyz`).then(
      (answer) => answer.ok,
      () => false,
    )
    if (ok) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error('a server was not ready within a minute')
}

async function usageOf(child: ChildProcess): Promise<Usage> {
  child.send('usage')
  const [usage] = (await once(child, 'message')) as [Usage]
  return usage
}
