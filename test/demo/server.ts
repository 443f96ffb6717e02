/** A server of the demo's own: the real process on a free port, with a temporary folder and a temporary database. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import PostalMime from 'postal-mime'

export type DemoServer = {
  origin: string
  bootstrapToken: string
  /** The next secret mailed to an address, waiting for the mail if need be. */
  secretMailedTo(address: string): Promise<string>
  /** Resolves when the process has ended. */
  ended: Promise<void>
  stop(): Promise<void>
}

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const patienceMs = 60_000

/** Starts it. With `DATABASE_URL` a database of its own is made on that server, and dropped at the end. */
export async function startServer(env: Record<string, string>): Promise<DemoServer> {
  const folder = mkdtempSync(join(tmpdir(), 'mandate-demo-'))
  const database = await temporaryDatabase(process.env['DATABASE_URL'])
  const port = await freePort()
  const origin = `http://127.0.0.1:${port}`
  const child = spawn(process.execPath, [main], {
    env: { ...process.env, ...database.env, DATA_DIR: folder, PORT: String(port), PUBLIC_URL: origin, LOG_LEVEL: 'warn', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const stop = async () => {
    child.kill('SIGTERM')
    await ended
    await database.drop()
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    const bootstrapToken = await printedToken(child)
    return {
      origin,
      bootstrapToken,
      ended,
      stop,
      secretMailedTo: mailReader(folder),
    }
  } catch (error) {
    await stop()
    throw error
  }
}

async function temporaryDatabase(url: string | undefined): Promise<{ env: Record<string, string>; drop: () => Promise<void> }> {
  if (url === undefined) return { env: {}, drop: async () => {} }
  const name = `mandate_demo_${process.pid}`
  await administer(url, `create database ${name}`)
  const own = new URL(url)
  own.pathname = name
  const env = { DATABASE_URL: own.href, SECRET_KEY: randomBytes(32).toString('base64') }
  return { env, drop: () => administer(url, `drop database ${name} with (force)`) }
}

async function administer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(statement)
  await client.end()
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => (typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('no port'))))
    })
  })
}

/** The one-time token that a first start prints. */
function printedToken(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = ''
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}\n${output}`)))
    child.stdout?.on('data', (chunk: Buffer) => {
      output += chunk
      const token = /^ {2}([A-Za-z0-9_-]{32,})$/m.exec(output)?.[1]
      if (token !== undefined) resolve(token)
    })
  })
}

/** Reads the mail folder; a secret is handed out once. */
function mailReader(folder: string): (address: string) => Promise<string> {
  const handedOut = new Set<string>()
  return async (address) => {
    const secret = await waitFor(() => secretIn(folder, address, handedOut), `mail to ${address}`)
    handedOut.add(secret)
    return secret
  }
}

async function secretIn(folder: string, address: string, handedOut: ReadonlySet<string>): Promise<string | undefined> {
  const box = join(folder, 'mail')
  const names = readdirSync(box, { withFileTypes: false, recursive: false }).map(String)
  for (const name of names
    .filter((entry) => entry.endsWith('.eml'))
    .sort()
    .reverse()) {
    const mail = await PostalMime.parse(readFileSync(join(box, name)))
    const secret = /^\s*([A-Za-z0-9_-]{43})\s*$/m.exec(mail.text ?? '')?.[1]
    if (mail.to?.some((to) => to.address === address) && secret !== undefined && !handedOut.has(secret)) return secret
  }
  return undefined
}

/** Asks again until there is an answer. */
export async function waitFor<T>(ask: () => Promise<T | undefined>, what: string): Promise<T> {
  const giveUpAt = performance.now() + patienceMs
  while (performance.now() < giveUpAt) {
    const answer = await ask().catch(() => undefined)
    if (answer !== undefined) return answer
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`waited in vain for ${what}`)
}
