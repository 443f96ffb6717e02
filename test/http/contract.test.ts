import { Type } from '@sinclair/typebox'
import type { FastifyRequest } from 'fastify'
import t from 'tap'
import { declaredSchema, documentedCodes, problems } from '../../src/http/contract.ts'
import type { Server } from '../../src/http/server.ts'
import { exchange, holdsProblem, listeningWith, parseReply, serverWith } from './wire.ts'

const optional = Type.Object({ note: Type.Optional(Type.String()) }, { additionalProperties: false })
const required = Type.Object({ note: Type.String() }, { additionalProperties: false })

function routes(app: Server): void {
  app.get('/plain', async () => 'x')
  app.post('/plain', async () => ({ ok: true }))
  app.delete('/plain', async () => ({ ok: true }))
  app.post('/optional', { schema: { body: optional } }, async (request) => request.body)
  app.patch('/optional', { schema: { body: optional } }, async (request) => request.body)
  app.post('/required', { schema: { body: required } }, async (request) => request.body)
  app.post('/own', { schema: { consumes: ['application/json'] } }, async (request) => request.body)
  const preValidation = async (request: FastifyRequest) => {
    request.body = { note: `${(request.body as { note: string }).note}!` }
  }
  app.post('/hooked', { preValidation, schema: { body: required } }, async (request) => request.body)
}

t.test('a route that declares no query takes no parameters', async (t) => {
  const app = await serverWith(t, routes)
  for (const url of ['/plain?a=1', '/plain?__proto__=1']) {
    const { errors } = holdsProblem(t, await app.inject(url), 422, 'validation_error')
    t.match(errors, [{ parameter: /^(a|__proto__)$/, in: 'query', code: 'unknown', detail: /is not known here$/ }])
  }
  t.equal((await app.inject('/plain')).statusCode, 200)
})

t.test('a route that declares no body takes none', async (t) => {
  const app = await serverWith(t, routes)
  for (const method of ['POST', 'DELETE'] as const) {
    for (const payload of [{ a: 1 }, [1], 'null', '"x"']) {
      const reply = await app.inject({ method, url: '/plain', headers: { 'content-type': 'application/json' }, payload })
      t.match(holdsProblem(t, reply, 422, 'validation_error')['errors'], [{ pointer: '#', detail: 'this request takes no body' }])
    }
    t.equal((await app.inject({ method, url: '/plain' })).statusCode, 200)
    t.equal((await app.inject({ method, url: '/plain', payload: {} })).statusCode, 200, 'an empty object is as good as none')
  }
  const own = await app.inject({ method: 'POST', url: '/own', payload: { any: 'thing' } })
  t.strictSame(own.json(), { any: 'thing' }, 'unless it names what it consumes')
})

t.test('a body may be left out only where none of its fields is required', async (t) => {
  const app = await serverWith(t, routes)
  const left = await app.inject({ method: 'POST', url: '/optional' })
  t.strictSame(left.json(), {})
  for (const [method, url] of [
    ['POST', '/required'],
    ['PATCH', '/optional'],
  ] as const) {
    t.match(holdsProblem(t, await app.inject({ method, url }), 422, 'validation_error')['errors'], [
      { pointer: '#', detail: 'a JSON body is required', code: 'required' },
    ])
  }
  const hooked = await app.inject({ method: 'POST', url: '/hooked', payload: { note: 'x' } })
  t.strictSame(hooked.json(), { note: 'x!' }, "the route's own hook still runs")
})

t.test('a GET or HEAD with content is refused', async (t) => {
  const { port } = await listeningWith(t, routes)
  const head = 'Host: x\r\nConnection: close\r\n'
  for (const content of ['Content-Length: 2\r\n\r\n{}', 'Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n']) {
    const reply = parseReply(await exchange(port, `GET /plain HTTP/1.1\r\n${head}${content}`))
    t.equal(holdsProblem(t, reply, 400, 'malformed_request')['detail'], 'GET takes no content')
    t.equal(parseReply(await exchange(port, `HEAD /plain HTTP/1.1\r\n${head}${content}`)).status, 400)
  }
  t.equal(parseReply(await exchange(port, `GET /plain HTTP/1.1\r\n${head}Content-Length: 0\r\n\r\n`)).status, 200)
})

t.test('problems are documented once per status and cost a route nothing', async (t) => {
  const response = problems('conflict', 'invalid_transition', 'not_found', 'conflict') as Record<string, { description: string }>
  t.strictSame(Object.keys(response), ['404', '409'])
  t.equal(
    response['409']?.description,
    '`conflict`: Conflict with the current state. `invalid_transition`: This change of state is not allowed.',
  )
  t.strictSame(documentedCodes({ response: { 200: Type.Object({}), 204: null, ...response } }), [
    'not_found',
    'conflict',
    'invalid_transition',
  ])
  t.strictSame(documentedCodes({}), [])
  const foreign = { response: {} }
  t.equal(declaredSchema(foreign), foreign, 'a schema of no route of ours is as it is')
})
