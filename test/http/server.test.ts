import t from 'tap'
import { createServer, type Server } from '../../src/http/server.ts'
import { dial, exchange, holdsProblem, listeningWith, logLines, parseReply, serverWith } from './wire.ts'

function routes(app: Server): void {
  app.get('/things', async () => ({ ok: true }))
  app.post('/things', async () => ({ ok: true }))
  app.get('/things/:id', async (request) => request.params)
  app.get('/missing', async (_request, reply) => reply.callNotFound())
  app.get('/address', async ({ ip }) => ({ ip }))
}

const close = 'Host: x\r\nConnection: close\r\n\r\n'

t.test('what is not HTTP is answered with a problem and hung up on', async (t) => {
  const { lines, logger } = logLines()
  const { port } = await listeningWith(t, routes, { logger, now: () => Date.UTC(2026, 10, 22, 14, 5) })
  const cases = [
    'NONSENSE\r\n\r\n',
    'get /things HTTP/1.1\r\n\r\n',
    `GET /things HTTP/9.9\r\n${close}`,
    `GET /th ings HTTP/1.1\r\n${close}`,
    'GET /things HTTP/1.1\r\nBad Header: x\r\n\r\n',
    'POST /things HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n',
    'POST /things HTTP/1.1\r\nHost: x\r\nContent-Length: nine\r\n\r\n',
  ]
  for (const bytes of cases) {
    const reply = parseReply(await exchange(port, bytes))
    t.equal(holdsProblem(t, reply, 400, 'malformed_request')['detail'], 'This is not HTTP/1.1')
    t.equal(reply.headers['connection'], 'close')
    t.equal(reply.headers['date'], 'Sun, 22 Nov 2026 14:05:00 GMT')
    t.equal(Number(reply.headers['content-length']), Buffer.byteLength(reply.body))
  }
  t.match(
    lines.filter(({ msg }) => msg === 'refused a connection'),
    cases.map(() => ({ level: 20, code: /^HPE_/ })),
  )
})

t.test('a header that is too large is 431', async (t) => {
  const { port } = await listeningWith(t, routes)
  const reply = parseReply(await exchange(port, `GET /things HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(17_000)}\r\n\r\n`))
  holdsProblem(t, reply, 431, 'header_fields_too_large')
})

t.test('a client that is too slow with its header or its body is 408', async (t) => {
  const { port } = await listeningWith(t, routes, { headersTimeout: 60, requestTimeout: 120, checkInterval: 20 })
  const slow = [
    'GET /things HTTP/1.1\r\nHost: x\r\n',
    'POST /things HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{',
  ]
  for (const reply of await Promise.all(slow.map((bytes) => exchange(port, bytes)))) {
    const answer = parseReply(reply)
    holdsProblem(t, answer, 408, 'request_timeout')
    t.equal(answer.headers['connection'], 'close')
  }
})

t.test('a reply that was sent is not followed by a second one while it lasts', async (t) => {
  const { port } = await listeningWith(
    t,
    (app) => {
      app.get('/stream', (_request, reply) => {
        reply.hijack()
        reply.raw.writeHead(200, { 'content-length': '10' })
        reply.raw.write('half')
      })
    },
    {},
  )
  const { socket, received } = dial(port)
  socket.write(`GET /stream HTTP/1.1\r\nHost: x\r\n\r\n`)
  socket.once('data', () => socket.write('NONSENSE\r\n\r\n'))
  const text = await received
  t.match(text, /^HTTP\/1\.1 200 OK/)
  t.notMatch(text, /problem/)
})

t.test('each HTTP/1.1 request names one host', async (t) => {
  const { port } = await listeningWith(t, routes)
  for (const hosts of ['', 'Host: a\r\nhost: b\r\n']) {
    const reply = parseReply(await exchange(port, `GET /things HTTP/1.1\r\n${hosts}Connection: close\r\n\r\n`))
    t.equal(holdsProblem(t, reply, 400, 'malformed_request')['detail'], 'The request needs exactly one Host header')
  }
  t.equal(parseReply(await exchange(port, 'GET /things HTTP/1.0\r\n\r\n')).status, 200)
  t.equal(parseReply(await exchange(port, `GET http://x/things HTTP/1.1\r\n${close}`)).status, 200)
})

t.test('CONNECT, unknown expectations and offers to upgrade get an answer of ours', async (t) => {
  const { port } = await listeningWith(t, routes)
  const connect = parseReply(await exchange(port, 'CONNECT other:443 HTTP/1.1\r\nHost: other\r\n\r\n'))
  holdsProblem(t, connect, 405, 'method_not_allowed')
  t.equal(connect.headers['allow'], '')
  t.equal(parseReply(await exchange(port, `GET /things HTTP/1.1\r\nExpect: miracles\r\n${close}`)).status, 200)
  const upgrade = 'GET /things HTTP/1.1\r\nHost: x\r\nConnection: close, Upgrade\r\nUpgrade: websocket\r\n\r\n'
  t.equal(parseReply(await exchange(port, upgrade)).status, 200)
})

t.test('a body that is far too large is refused, and the refusal arrives', async (t) => {
  const { port } = await listeningWith(t, routes)
  const big = 'x'.repeat(1_000_000)
  const counted = `POST /things HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: ${big.length}\r\nHost: x\r\n\r\n${big}`
  const chunked = `POST /things HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nHost: x\r\n\r\n${big.length.toString(16)}\r\n${big}\r\n0\r\n\r\n`
  for (const request of [counted, chunked]) {
    const replies = await exchange(port, `${request}GET /things HTTP/1.1\r\n${close}`)
    holdsProblem(t, parseReply(replies), 413, 'content_too_large')
    t.match(replies, /HTTP\/1\.1 200 OK[\s\S]*\{"ok":true\}$/, 'the connection goes on')
  }
})

t.test('a URI that is too long is 414, in its path and in a part of it', async (t) => {
  const { port } = await listeningWith(t, routes)
  for (const path of [
    `/${'x'.repeat(10_000)}`,
    `/things/${'x'.repeat(10_000)}`,
    `/things?${'x'.repeat(10_000)}`,
    `/things/${'x'.repeat(1_025)}`,
  ]) {
    holdsProblem(t, parseReply(await exchange(port, `GET ${path} HTTP/1.1\r\n${close}`)), 414, 'uri_too_long')
  }
  t.equal(parseReply(await exchange(port, `GET /things/${'x'.repeat(1_024)} HTTP/1.1\r\n${close}`)).status, 200)
})

t.test('broken percent-encoding and hidden NULs are 400 in path and query', async (t) => {
  const app = await serverWith(t, routes)
  for (const url of [
    '/things/%',
    '/things/%zz',
    '/things/%ff',
    '/things/%ED%A0%80',
    '/things/a%00b',
    '/%00',
    '/things?a=%',
    '/things?a=%ff',
    '/things?a=%00',
  ]) {
    const { detail } = holdsProblem(t, await app.inject(url), 400, 'malformed_request')
    t.equal(detail, 'The URI contains percent-encoding that is not UTF-8 text')
  }
  t.strictSame((await app.inject('/things/b%C3%BCcher%2F%2500')).json(), { id: 'bücher/%00' })
})

t.test('an unknown path is 404, a path of other methods 405 with Allow, before the body is looked at', async (t) => {
  const app = await serverWith(t, routes)
  for (const url of ['/nothing', '/thing', '/things/1/x', '/', '*']) {
    holdsProblem(t, await app.inject({ url, method: 'POST', headers: { 'content-type': 'text/plain' }, payload: '{' }), 404, 'not_found')
  }
  for (const method of ['DELETE', 'PUT', 'PATCH', 'OPTIONS', 'PROPFIND', 'TRACE'] as const) {
    for (const [url, allow] of [
      ['/things', 'GET, HEAD, POST'],
      ['/things?a=1', 'GET, HEAD, POST'],
      ['/things/a%2Fb', 'GET, HEAD'],
    ] as const) {
      const reply = await app.inject({ url, method: method as 'PUT' })
      const { allowed } = holdsProblem(t, reply, 405, 'method_not_allowed')
      t.equal(reply.headers['allow'], allow)
      t.strictSame(allowed, allow.split(', '))
    }
  }
  const bytes = (url: string) => app.inject(url).then(({ body }) => body.replace(/urn:uuid:[^"]*/, ''))
  t.equal(await bytes('/missing'), await bytes('/nothing'), 'a route may say so as well, in the same words')
})

t.test('HEAD is GET without a body, also when it is refused', async (t) => {
  const { port } = await listeningWith(t, routes)
  for (const [path, status] of [
    ['/things', 200],
    ['/nothing', 404],
    ['/things?a=1', 422],
  ] as const) {
    const get = parseReply(await exchange(port, `GET ${path} HTTP/1.1\r\n${close}`))
    const head = parseReply(await exchange(port, `HEAD ${path} HTTP/1.1\r\n${close}`))
    t.match([get.status, head.status, head.body], [status, status, ''])
    t.equal(head.headers['content-type'], get.headers['content-type'])
    t.equal(head.headers['content-length'], get.headers['content-length'])
  }
})

t.test('a request with a reply to come is finished when the server closes, and the connection with it', async (t) => {
  let finish = () => {}
  const arrived = Promise.withResolvers<void>()
  const { app, port } = await listeningWith(t, (app) => {
    app.get('/slow', async () => {
      arrived.resolve()
      await new Promise<void>((resolve) => {
        finish = resolve
      })
      return { done: true }
    })
    app.get('/fails', async () => Promise.reject(new Error('x')))
  })
  const { socket, received } = dial(port)
  socket.write('GET /slow HTTP/1.1\r\nHost: x\r\n\r\nGET /fails HTTP/1.1\r\nHost: x\r\n\r\n')
  await arrived.promise
  const closed = app.close()
  await t.rejects(fetch(`http://127.0.0.1:${port}/slow`), 'no new connection')
  finish()
  const text = await received
  t.match(parseReply(text), { status: 200, headers: { connection: 'close' }, body: '{"done":true}' })
  await closed
})

t.test('a request that arrives while the server closes is still served', async (t) => {
  const inPreClose = Promise.withResolvers<void>()
  const goOn = Promise.withResolvers<void>()
  const app = createServer({ logger: false, trustProxy: [], corsOrigins: [], hsts: false, now: Date.now })
  app.get('/things', async () => ({ ok: true }))
  app.get('/fails', async () => Promise.reject(new Error('x')))
  app.addHook('preClose', async () => {
    inPreClose.resolve()
    await goOn.promise
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as { port: number }
  const closed = app.close()
  await inPreClose.promise
  for (const [path, status] of [
    ['/things', 200],
    ['/fails', 500],
  ] as const) {
    const reply = parseReply(await exchange(port, `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`))
    t.match(reply, { status, headers: { connection: 'close' } })
  }
  goOn.resolve()
  await closed
})

t.test('only a trusted proxy is believed about where a request comes from', async (t) => {
  for (const [trustProxy, ip] of [
    [[], '127.0.0.1'],
    [['10.0.0.0/8'], '127.0.0.1'],
    [['127.0.0.1'], '203.0.113.9'],
  ] as const) {
    const app = await serverWith(t, routes, { trustProxy })
    t.strictSame((await app.inject({ url: '/address', headers: { 'x-forwarded-for': '203.0.113.9' } })).json(), { ip })
  }
})

t.test('a logger that is there already is used', async (t) => {
  const { lines, logger } = logLines()
  const first = await serverWith(t, routes, { logger })
  const second = await serverWith(t, routes, { logger: first.log })
  await second.inject('/things')
  t.match(lines, [{ msg: 'request', status: 200 }])
})
