import { connect, type Socket } from 'node:net'
import { Writable } from 'node:stream'
import type { Test } from 'tap'
import { createServer, type Server, type ServerOptions } from '../../src/http/server.ts'

const standard: ServerOptions = { logger: false, trustProxy: [], corsOrigins: [], hsts: false, now: () => Date.now() }
const uuidForm = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/** A server with throwaway routes, closed at the end of the test. */
export async function serverWith(t: Test, routes: (app: Server) => void, options: Partial<ServerOptions> = {}): Promise<Server> {
  const app = createServer({ ...standard, ...options })
  t.teardown(() => app.close())
  app.register(async (scope) => routes(scope as unknown as Server))
  await app.ready()
  return app
}

/** The same, listening; the port comes with it. */
export async function listeningWith(t: Test, routes: (app: Server) => void, options: Partial<ServerOptions> = {}) {
  const app = await serverWith(t, routes, options)
  await app.listen({ host: '127.0.0.1', port: 0 })
  return { app, port: (app.server.address() as { port: number }).port }
}

export type Answer = { status: number; headers: Record<string, string>; body: string }

/** Sends bytes as they are and reads until the server closes the connection. */
export function exchange(port: number, bytes: string | Buffer): Promise<string> {
  const { socket, received } = dial(port)
  socket.write(bytes)
  return received
}

/** An open connection, and everything that will have come over it when it is closed. */
export function dial(port: number): { socket: Socket; received: Promise<string> } {
  const socket = connect(port, '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  // A reset after the answer is the server's way to hang up on a client that still sends.
  socket.on('error', () => {})
  const received = new Promise<string>((resolve) => socket.on('close', () => resolve(Buffer.concat(chunks).toString())))
  return { socket, received }
}

/** Takes a raw reply apart, the first if there are more. */
export function parseReply(text: string): Answer {
  const [head = '', rest = ''] = text.split('\r\n\r\n')
  const [line = '', ...fields] = head.split('\r\n')
  const headers = Object.fromEntries(
    fields.map((field) => [field.slice(0, field.indexOf(':')).toLowerCase(), field.replace(/^[^:]*: /, '')]),
  )
  const body = Buffer.from(rest)
    .subarray(0, Number(headers['content-length'] ?? rest.length))
    .toString()
  return { status: Number(line.split(' ')[1]), headers, body }
}

type Reply = { statusCode: number; headers: Record<string, unknown>; body: string }

/** Holds a reply to everything that a problem promises, and returns its body. */
export function holdsProblem(t: Test, reply: Reply | Answer, status: number, code: string): Record<string, unknown> {
  const received = 'statusCode' in reply ? reply.statusCode : reply.status
  const body = JSON.parse(reply.body) as Record<string, unknown>
  t.equal(received, status)
  t.equal(reply.headers['content-type'], 'application/problem+json')
  t.equal(reply.headers['cache-control'], 'no-store')
  t.equal(reply.headers['content-security-policy'], "default-src 'none'; frame-ancestors 'none'")
  t.equal(reply.headers['x-content-type-options'], 'nosniff')
  t.equal(reply.headers['referrer-policy'], 'no-referrer')
  t.equal(reply.headers['server'], undefined)
  t.equal(body['status'], status)
  t.equal(body['code'], code)
  t.equal(body['type'], `/problems/${code.replaceAll('_', '-')}`)
  t.type(body['title'], 'string')
  t.equal(body['instance'], `urn:uuid:${String(reply.headers['x-request-id'])}`)
  t.match(String(reply.headers['x-request-id']), uuidForm)
  return body
}

/** The lines a server logs, as they are written. */
export function logLines(): { lines: Record<string, unknown>[]; logger: { level: string; stream: Writable } } {
  const lines: Record<string, unknown>[] = []
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(String(chunk)))
      done()
    },
  })
  return { lines, logger: { level: 'trace', stream } }
}
