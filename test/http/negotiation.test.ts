import t from 'tap'
import { preferred } from '../../src/http/accept.ts'
import type { Server } from '../../src/http/server.ts'
import { holdsProblem, serverWith } from './wire.ts'

function routes(app: Server): void {
  app.get('/json', async () => ({ ok: true }))
  app.get('/text', { schema: { produces: ['text/plain'] } }, async () => 'x')
}

t.test('the best offer is the one the caller likes best, by the most specific range', async (t) => {
  const offers = ['application/json', 'text/html']
  for (const [accept, expected] of [
    [undefined, 'application/json'],
    ['', 'application/json'],
    ['nonsense', 'application/json'],
    ['*/*', 'application/json'],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'text/html'],
    ['text/html;q=0.5, application/json;q=0.5', 'application/json'],
    ['application/*;q=0.3, text/*;q=0.4', 'text/html'],
    ['application/*, application/json;q=0', undefined],
    ['application/json; q=0.1; v=1, TEXT/HTML;level=1;q=0.2', 'text/html'],
    ['*/*;q=0.1, application/json;q=0', 'text/html'],
    ['image/png', undefined],
    ['*/*;q=0', undefined],
  ] as const) {
    t.equal(preferred(accept, offers), expected, `${accept}`)
  }
})

t.test('406 only where everything a route produces is left out', async (t) => {
  const app = await serverWith(t, routes)
  for (const accept of ['text/html', 'application/vnd.api+json', 'application/json;q=0', 'image/*, text/*']) {
    const { detail } = holdsProblem(t, await app.inject({ url: '/json', headers: { accept } }), 406, 'not_acceptable')
    t.equal(detail, 'This path answers in application/json')
  }
  for (const accept of ['application/json', 'application/*', 'text/html, */*;q=0.1', 'application/problem+json', 'garbage', '']) {
    t.equal((await app.inject({ url: '/json', headers: { accept } })).statusCode, 200, accept)
  }
  t.equal((await app.inject({ url: '/json' })).statusCode, 200)
  t.equal((await app.inject({ url: '/text', headers: { accept: 'text/*' } })).statusCode, 200)
  holdsProblem(t, await app.inject({ url: '/text', headers: { accept: 'image/png' } }), 406, 'not_acceptable')
})
