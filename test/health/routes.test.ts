import t, { type Test } from 'tap'
import { healthRoutes } from '../../src/health/routes.ts'
import { createServer } from '../../src/http/server.ts'

async function serve(t: Test, ready: () => Promise<boolean>) {
  const app = createServer({ logger: false, trustProxy: [], corsOrigins: [], hsts: false, now: () => 0 })
  await app.register(healthRoutes, { ready })
  t.teardown(() => app.close())
  return app
}

t.test('a process that runs is alive, whether it is ready or not', async (t) => {
  for (const ready of [async () => true, async () => false, () => Promise.reject(new Error('no database'))]) {
    const reply = await (await serve(t, ready)).inject('/livez')
    t.strictSame([reply.statusCode, reply.json()], [200, { status: 'ok' }])
  }
})

t.test('it is sent requests only while it is ready', async (t) => {
  let ready = true
  const app = await serve(t, async () => ready)
  t.strictSame((await app.inject('/readyz')).json(), { status: 'ok' })
  ready = false
  const reply = await app.inject('/readyz')
  t.equal(reply.statusCode, 503)
  t.match(reply.headers, { 'retry-after': '5', 'content-type': 'application/problem+json', 'cache-control': 'no-store' })
  t.match(reply.json(), { code: 'unavailable', type: '/problems/unavailable', title: String, instance: /^urn:uuid:/ })
  ready = true
  t.equal((await app.inject('/readyz')).statusCode, 200)
})

t.test('no query and no content is taken', async (t) => {
  const app = await serve(t, async () => true)
  t.equal((await app.inject('/readyz?verbose=1')).statusCode, 422)
  t.equal((await app.inject({ method: 'POST', url: '/readyz' })).statusCode, 405)
})
