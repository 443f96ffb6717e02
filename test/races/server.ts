/**
 * A PostgreSQL that remembers when each transaction was committed (`track_commit_timestamp`), which the race for a revocation is judged
 * by. It is off by default and needs a restart of the server, so unless the configured one has it, the test brings a server of its own.
 */
import { execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chownSync, existsSync, globSync, mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import pg from 'pg'
import type { Test } from 'tap'
import { serverUrl } from '../fixtures/database.ts'

/** Why concurrent sessions cannot be tried here; false when they can. */
export const noSessions: string | false =
  serverUrl === undefined && 'the embedded database has one session: set TEST_DATABASE_URL to try this on PostgreSQL'

/** The URL of an empty database, dropped at teardown, on a server that knows the order of its commits; undefined when there is none. */
export async function openServer(t: Pick<Test, 'teardown'>): Promise<string | undefined> {
  const given = serverUrl as string
  const server = (await remembersCommits(given)) ? given : await startServer(t)
  if (server === undefined) return undefined
  // Named as the fixtures name theirs, so that they sweep away what a test that was killed leaves behind.
  const name = `mandate_test_${process.pid}_${randomBytes(4).toString('hex')}_race`
  await ask(server, `create database ${name}`)
  t.teardown(() => ask(server, `drop database if exists ${name} with (force)`))
  const url = new URL(server)
  url.pathname = `/${name}`
  return url.href
}

async function remembersCommits(url: string): Promise<boolean> {
  const [row] = await ask(url, 'show track_commit_timestamp')
  return row?.['track_commit_timestamp'] === 'on'
}

/** One statement on a connection of its own. */
export async function ask(url: string, text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(text, values)).rows
  } finally {
    await client.end()
  }
}

const settings = {
  track_commit_timestamp: 'on',
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  fsync: 'off',
  shared_buffers: '64MB',
  autovacuum: 'off',
}

/**
 * Starts a server on a free port. It lives in a shell that ends it, and removes its folder, when the shell's input closes: at teardown,
 * or when this process dies, whatever it dies of.
 */
export async function startServer(
  t: { teardown(end: () => unknown): void },
  changed: Record<string, string> = {},
  parent = existsSync('/dev/shm') ? '/dev/shm' : tmpdir(),
): Promise<string | undefined> {
  const bin = globSync('/usr/lib/postgresql/*/bin')
    .filter((path) => existsSync(join(path, 'initdb')))
    .sort()
    .at(-1)
  if (bin === undefined) return undefined
  const owner = systemUser()
  const folder = mkdtempSync(join(parent, 'mandate-race-'))
  if (owner !== undefined) chownSync(folder, owner.uid, owner.gid)
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const data = join(folder, 'data')
  const options = ['-D', data, '-U', 'root', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync']
  execFileSync(join(bin, 'initdb'), options, { ...owner, cwd: folder, timeout: 60_000, stdio: 'ignore' })
  const port = await freePort()
  const flags = Object.entries({ ...settings, ...changed, port }).flatMap(([name, setting]) => ['-c', `${name}=${setting}`])
  const life = '"$@" & server=$!; cat > /dev/null; kill -QUIT $server; wait $server'
  const shell = spawn('sh', ['-c', life, 'sh', join(bin, 'postgres'), '-D', data, ...flags], {
    ...owner,
    cwd: folder,
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  const ended = once(shell, 'exit')
  t.teardown(async () => {
    shell.stdin.end()
    await ended
  })
  for await (const line of createInterface({ input: shell.stderr })) if (line.includes('ready to accept connections')) break
  shell.stderr.resume()
  return `postgres://root@127.0.0.1:${port}/postgres`
}

/** PostgreSQL refuses to run as root. */
export function systemUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
