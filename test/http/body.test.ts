import { Type } from '@sinclair/typebox'
import t from 'tap'
import type { Server } from '../../src/http/server.ts'
import { holdsProblem, serverWith } from './wire.ts'

function routes(app: Server): void {
  const body = Type.Object({ name: Type.String() }, { additionalProperties: false })
  app.post('/things', { schema: { body } }, async (request) => request.body)
  app.patch('/things', { schema: { body } }, async (request) => request.body)
  app.delete('/things', async () => ({}))
}

const send = (method: 'POST' | 'PATCH' | 'DELETE', type: string, payload: string | Buffer, headers = {}) =>
  ({ method, url: '/things', payload, headers: { 'content-type': type, ...headers } }) as const

t.test('takes JSON in UTF-8, with or without a byte order mark', async (t) => {
  const app = await serverWith(t, routes)
  for (const type of ['application/json', 'application/json; charset=utf-8', 'Application/JSON ; charset="UTF-8"']) {
    for (const text of ['{"name":"Bücher 😀"}', '\ufeff{"name":"Bücher 😀"}']) {
      const reply = await app.inject(send('POST', type, text))
      t.equal(reply.statusCode, 200)
      t.strictSame(reply.json(), { name: 'Bücher 😀' })
    }
  }
  const plain = await app.inject(send('POST', 'application/json', '{"name":"x"}', { 'content-encoding': 'identity' }))
  t.equal(plain.statusCode, 200)
})

t.test('PATCH takes a merge patch, and nothing else does', async (t) => {
  const app = await serverWith(t, routes)
  const done = await app.inject(send('PATCH', 'application/merge-patch+json', '{"name":"x"}'))
  t.equal(done.statusCode, 200)
  const patch = await app.inject(send('PATCH', 'application/json', '{"name":"x"}'))
  holdsProblem(t, patch, 415, 'unsupported_media_type')
  t.equal(patch.headers['accept-patch'], 'application/merge-patch+json')
  const post = await app.inject(send('POST', 'application/merge-patch+json', '{"name":"x"}'))
  const { detail } = holdsProblem(t, post, 415, 'unsupported_media_type')
  t.equal(post.headers['accept'], 'application/json')
  t.equal(detail, 'POST takes application/json')
})

t.test('other media types, charsets and codings are 415', async (t) => {
  const app = await serverWith(t, routes)
  const types = ['text/plain', 'application/x-www-form-urlencoded', 'application/xml', 'nonsense', 'application/json; charset=iso-8859-1']
  for (const type of types) {
    const reply = await app.inject(send('POST', type, '{"name":"x"}'))
    holdsProblem(t, reply, 415, 'unsupported_media_type')
    t.equal(reply.headers['accept'], 'application/json')
  }
  holdsProblem(t, await app.inject(send('POST', 'application/json', 'x', { 'content-encoding': 'gzip' })), 415, 'unsupported_media_type')
  const untyped = await app.inject({ method: 'POST', url: '/things', payload: Buffer.from('{}') })
  holdsProblem(t, untyped, 415, 'unsupported_media_type')
})

t.test('what cannot be read is 400, and text that cannot be kept is 422', async (t) => {
  const app = await serverWith(t, routes)
  for (const [payload, detail] of [
    [Buffer.from([0x7b, 0xff, 0x7d]), 'The body is not valid UTF-8'],
    ['{"name":', /ends too early/],
    ['{"name":1,"name":"x"}', /"name" stands twice/],
    ['{"__proto__":{}}', /"__proto__" is not allowed/],
    ['['.repeat(30_000), /nested deeper/],
  ] as const) {
    t.match(holdsProblem(t, await app.inject(send('POST', 'application/json', payload)), 400, 'malformed_request'), { detail })
  }
  const problem = holdsProblem(t, await app.inject(send('POST', 'application/json', '{"name":"a\\u0000b"}')), 422, 'validation_error')
  t.match(problem['errors'], [{ pointer: '#/name', code: 'text' }])
})

t.test('a body above the limit is 413', async (t) => {
  const app = await serverWith(t, routes, { bodyLimit: 100 })
  const within = `{"name":"${'x'.repeat(89)}"}`
  t.equal((await app.inject(send('POST', 'application/json', within))).statusCode, 200)
  const { detail } = holdsProblem(t, await app.inject(send('POST', 'application/json', `${within} `)), 413, 'content_too_large')
  t.equal(detail, 'The body may have up to 100 bytes')
})

t.test('a body of no bytes is no body', async (t) => {
  const app = await serverWith(t, routes)
  const reply = await app.inject(send('POST', 'application/json', ''))
  t.match(holdsProblem(t, reply, 422, 'validation_error')['errors'], [{ pointer: '#', code: 'required' }])
  t.equal((await app.inject(send('DELETE', 'application/json', ''))).statusCode, 200)
})
