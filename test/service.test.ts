/** The service as it is started and ended: by its process, and by whoever starts one of his own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { on, once } from 'node:events'
import { createServer } from 'node:net'
import { PassThrough, type Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import pino from 'pino'
import t from 'tap'
import { readConfig } from '../src/config.ts'
import { startService } from '../src/service.ts'
import { openDesk, said } from './cli/desk.ts'
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

t.test('the process', async (t) => {
  const { env } = await openDesk(t)
  const { PUBLIC_URL: _, ...rest } = env

  await t.test('tells a wrong setting in one sentence, and ends', async (t) => {
    const err = 'PORT is "80a": it wants a whole number from 0 to 65535.\n'
    t.strictSame(await said(start({ ...rest, PORT: '80a' })), { code: 1, out: '', err })
  })

  await t.test('ends with its trace on what nobody foresaw', async (t) => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as { port: number }
    const { code, err } = await said(start({ ...rest, PORT: String(port) }))
    taken.close()
    t.equal(code, 1)
    t.match(err, new RegExp(`EADDRINUSE: address already in use 127\\.0\\.0\\.1:${port}\\n +at `))
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
