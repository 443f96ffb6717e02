import t from 'tap'
import { traceOf } from '../../src/http/request-id.ts'
import type { Server } from '../../src/http/server.ts'
import { logLines, serverWith } from './wire.ts'

function routes(app: Server): void {
  app.get('/', async () => ({ ok: true }))
  app.get('/own', async (_request, reply) => {
    reply.header('cache-control', 'private, no-cache')
    return {}
  })
}

t.test('every reply carries the headers that keep it from being a page or being kept', async (t) => {
  const app = await serverWith(t, routes)
  for (const url of ['/', '/nothing', '/%zz']) {
    const { headers } = await app.inject(url)
    t.match(headers, {
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    })
    for (const name of ['server', 'x-powered-by', 'strict-transport-security', 'access-control-allow-origin', 'vary'])
      t.notOk(name in headers, name)
  }
  t.equal((await app.inject('/own')).headers['cache-control'], 'private, no-cache', 'a route may set its own')
  const tls = await serverWith(t, routes, { hsts: true })
  for (const url of ['/', '/%zz']) t.equal((await tls.inject(url)).headers['strict-transport-security'], 'max-age=31536000')
})

t.test('a request id is taken over when it is plain, else made, and echoed on every reply', async (t) => {
  const app = await serverWith(t, routes)
  for (const id of ['a', 'A-b_c.~9', 'x'.repeat(128)]) {
    for (const url of ['/', '/nothing', '/%zz'])
      t.equal((await app.inject({ url, headers: { 'x-request-id': id } })).headers['x-request-id'], id)
  }
  for (const id of ['', 'a b', 'a"b', 'ä', 'x'.repeat(129), 'a\tb']) {
    t.match((await app.inject({ url: '/', headers: { 'x-request-id': id } })).headers['x-request-id'], /^[0-9a-f]{8}-[0-9a-f]{4}-7/)
  }
  const two = (await app.inject({ url: '/', headers: { 'x-request-id': ['a', 'b'] as never } })).headers['x-request-id']
  t.match(two, /^[0-9a-f]{8}-[0-9a-f]{4}-7/)
})

t.test('a valid trace is bound to the log lines of its request', async (t) => {
  const { lines, logger } = logLines()
  const app = await serverWith(t, routes, { logger })
  const traceId = '0af7651916cd43dd8448eb211c80319c'
  await app.inject({ url: '/', headers: { traceparent: `00-${traceId}-b7ad6b7169203331-01`, 'x-request-id': 'r1' } })
  await app.inject('/')
  t.match(lines, [{ requestId: 'r1', traceId, parentSpanId: 'b7ad6b7169203331' }, { traceId: undefined }])
  const valid = `${traceId}-b7ad6b7169203331-00`
  t.ok(traceOf(`00-${valid}`))
  t.ok(traceOf(`01-${valid}-more`), 'a later version may go on')
  for (const text of [
    undefined,
    '',
    `ff-${valid}`,
    `00-${valid}-more`,
    `01-${valid}more`,
    `00-${'0'.repeat(32)}-b7ad6b7169203331-00`,
    `00-${traceId}-${'0'.repeat(16)}-00`,
    `00-${traceId.toUpperCase()}-b7ad6b7169203331-00`,
  ]) {
    t.equal(traceOf(text), undefined, `${text}`)
  }
})

t.test('origins that are listed, and only they, may call from a browser', async (t) => {
  const app = await serverWith(t, routes, { corsOrigins: ['https://panel.example'] })
  const from = (origin: string | undefined, more = {}) => ({ url: '/', headers: { ...(origin && { origin }), ...more } })
  const allowed = (await app.inject(from('https://panel.example'))).headers
  t.equal(allowed['access-control-allow-origin'], 'https://panel.example')
  t.match(allowed['access-control-expose-headers'], /ETag.*Retry-After/)
  t.equal(allowed['access-control-allow-credentials'], undefined)
  for (const origin of ['https://panel.example.evil', 'https://PANEL.example', 'http://panel.example', 'null', undefined]) {
    const { headers } = await app.inject(from(origin))
    t.equal(headers['access-control-allow-origin'], undefined)
    t.equal(headers['vary'], 'Origin')
  }
  const refused = await app.inject({ url: '/?x=1', headers: { origin: 'https://panel.example' } })
  t.match([refused.statusCode, refused.headers['access-control-allow-origin']], [422, 'https://panel.example'], 'a page can read a problem')
})

t.test('a preflight is answered for listed origins and existing paths', async (t) => {
  const app = await serverWith(t, routes, { corsOrigins: ['https://panel.example'] })
  const preflight = (url: string, headers: object) =>
    app.inject({ method: 'OPTIONS', url, headers: { 'access-control-request-method': 'GET', ...headers } })
  const yes = await preflight('/', { origin: 'https://panel.example' })
  t.equal(yes.statusCode, 204)
  t.match(yes.headers, {
    'access-control-allow-origin': 'https://panel.example',
    'access-control-allow-methods': 'GET, HEAD',
    'access-control-allow-headers': /Authorization.*Idempotency-Key/,
    'access-control-max-age': '600',
  })
  t.equal((await preflight('/nothing', { origin: 'https://panel.example' })).statusCode, 404)
  t.equal((await preflight('/', { origin: 'https://other.example' })).statusCode, 405)
  t.equal((await app.inject({ method: 'OPTIONS', url: '/', headers: { origin: 'https://panel.example' } })).statusCode, 405)
  const off = await (await serverWith(t, routes)).inject({
    method: 'OPTIONS',
    url: '/',
    headers: { origin: 'https://panel.example', 'access-control-request-method': 'GET' },
  })
  t.match([off.statusCode, off.headers['access-control-allow-origin']], [405, undefined])
})
