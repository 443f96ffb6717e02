/** The service as it is started and ended: by its process, and by whoever starts one of his own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { on, once } from 'node:events'
import { createServer } from 'node:net'
import { PassThrough, type Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { isNull, sql } from 'drizzle-orm'
import pino from 'pino'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { readConfig } from '../src/config.ts'
import { type Database, openDatabase } from '../src/database/open.ts'
import { singleUseTokens } from '../src/database/tables.ts'
import { startService } from '../src/service.ts'
import { openDesk, said } from './cli/desk.ts'
import { quiet } from './fixtures/database.ts'
import { dial, exchange, holdsProblem, parseReply } from './http/wire.ts'

t.setTimeout(400_000) // each process opens a database of its own

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const start = (env: Record<string, string>) =>
  spawn(process.execPath, ['--liftoff-only', main], { env: { ...process.env, LOG_LEVEL: 'info', PORT: '0', ...env } })

/** Waits until the process has said both, in whatever order, and returns the first. */
async function told({ stdout }: ChildProcess, first: RegExp, second: RegExp): Promise<RegExpExecArray | []> {
  let text = ''
  for await (const [chunk] of on(stdout as Readable, 'data', { close: ['end'] })) {
    text += chunk
    const found = first.exec(text)
    if (found !== null && second.test(text)) return found
  }
  return []
}

/** The database between two processes on it; the embedded one belongs to one at a time. */
async function onDatabase<T>(env: Record<string, string>, work: (db: Database) => PromiseLike<T>): Promise<T> {
  const opened = await openDatabase(readConfig(env), quiet)
  try {
    return await work(opened.db)
  } finally {
    await opened.close()
  }
}

const unusedTokens = (env: Record<string, string>) =>
  onDatabase(env, (db) => db.select().from(singleUseTokens).where(isNull(singleUseTokens.usedAt)))

/** The token of an earlier start. */
const shown = {
  id: uuid(),
  purpose: 'bootstrap',
  secretHash: Buffer.from('of the one shown before'),
  createdAt: new Date(),
  expiresAt: new Date(Date.now() + 3_600_000),
} as const

t.test('the process', async (t) => {
  const { env } = await openDesk(t)
  const { PUBLIC_URL: _, ...rest } = env
  await onDatabase(env, (db) => db.insert(singleUseTokens).values(shown))

  await t.test('tells a wrong setting in one sentence, and ends', async (t) => {
    const err = 'PORT is "80a": it wants a whole number from 0 to 65535.\n'
    t.strictSame(await said(start({ ...rest, PORT: '80a' })), { code: 1, out: '', err })
  })

  await t.test('tells in one sentence where it cannot listen, and the token shown before stays good', async (t) => {
    const before = await unusedTokens(env)
    const taken = createServer().listen(0, '127.0.0.1')
    t.teardown(() => taken.close())
    await once(taken, 'listening')
    const { port } = taken.address() as { port: number }
    const wanted = 'they want an address of this machine, and a port that this user may take and no other program has'
    t.strictSame(await said(start({ ...rest, PORT: String(port) })), {
      code: 1,
      out: '',
      err: `HOST is "127.0.0.1" and PORT is "${port}": ${wanted} (EADDRINUSE).\n`,
    })
    const elsewhere = readConfig({ ...env, HOST: '203.0.113.7', PORT: '0' })
    await t.rejects(startService(elsewhere, pino({ level: 'silent' }) as never), {
      name: 'StartError',
      message: `HOST is "203.0.113.7" and PORT is "0": ${wanted} (EADDRNOTAVAIL).`,
    })
    t.strictSame(await unusedTokens(env), before)
  })

  await t.test('ends with its trace on what nobody foresaw', async (t) => {
    await onDatabase(env, (db) => db.execute(sql`alter table signing_keys rename to lost_keys`))
    const { code, err } = await said(start(rest))
    await onDatabase(env, (db) => db.execute(sql`alter table lost_keys rename to signing_keys`))
    t.equal(code, 1)
    t.match(err, /relation "signing_keys" does not exist\n +at /)
  })

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    await t.test(`shows the token of the first admin, serves, and ends in order on ${signal}`, async (t) => {
      const child = start(rest)
      t.teardown(() => child.kill('SIGKILL'))
      const ended = said(child)
      const [, origin] = await told(child, /Mandate serves on (http:\/\/127\.0\.0\.1:\d+);/, /^ {2}[A-Za-z0-9_-]{32,}$/m)
      t.equal((await fetch(`${origin}/readyz`)).status, 200)
      const metadata = (await (await fetch(`${origin}/.well-known/oauth-authorization-server`)).json()) as { issuer: string }
      t.equal(metadata.issuer, 'http://localhost', 'while its port was not chosen it had no address of its own')
      child.kill(signal)
      t.match(await ended, { code: 0, err: '', out: `${signal}: finishing what is in flight` })
    })
  }
})

t.test('a service of one’s own', async (t) => {
  const { env } = await openDesk(t)
  const service = await startService(readConfig({ ...env, PORT: '0' }), pino({ level: 'silent' }) as never)
  const port = Number(new URL(service.origin).port)

  await t.test('is ready, and tells by its clock when it refused what is not HTTP', async (t) => {
    t.equal((await fetch(`${service.origin}/readyz`)).status, 200)
    const began = Date.now()
    const { status, headers } = parseReply(await exchange(port, 'NONSENSE\r\n\r\n'))
    t.equal(status, 400)
    const at = Date.parse(String(headers['date']))
    t.ok(at >= began - 1_000 && at <= Date.now(), 'the date is in seconds')
  })

  await t.test('is not ready any more while it ends, and answers what is in flight', async (t) => {
    const { socket, received } = dial(port)
    socket.write('GET /livez HTTP/1.1\r\nHost: x\r\n\r\nGET /readyz HTTP/1.1\r\n')
    await once(socket, 'data')
    const ended = service.close()
    socket.write('Host: x\r\n\r\n')
    const [alive = '', ready = ''] = (await received).split(/(?=HTTP\/1\.1 503)/)
    t.equal(parseReply(alive).status, 200)
    const reply = parseReply(ready)
    holdsProblem(t, reply, 503, 'unavailable')
    t.equal(reply.headers['connection'], 'close')
    await ended
    await t.rejects(fetch(`${service.origin}/livez`), 'nobody listens any more')
  })
})

t.test('a service whose hashes are slow says so when it starts', async (t) => {
  const { env } = await openDesk(t)
  const slow = { PASSWORD_HASH_MEMORY_KIB: '131072', PASSWORD_HASH_PASSES: '20' }
  const lines = new PassThrough()
  const service = await startService(readConfig({ ...env, ...slow, PORT: '0' }), pino({ level: 'warn' }, lines) as never)
  t.teardown(() => service.close())
  const [line] = await once(lines, 'data')
  t.match(JSON.parse(String(line)), { level: 40, milliseconds: Number, msg: /a password hash is slow here/ })
})
