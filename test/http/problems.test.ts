import { Type } from '@sinclair/typebox'
import { DrizzleQueryError } from 'drizzle-orm'
import type { FastifyRequest } from 'fastify'
import t from 'tap'
import { loggable, RequestLog } from '../../src/http/log.ts'
import { problemBody, toProblem } from '../../src/http/problems.ts'
import type { Server } from '../../src/http/server.ts'
import { invalid, Problem } from '../../src/problem.ts'
import { holdsProblem, logLines, serverWith } from './wire.ts'

const failing = (error: unknown) => (app: Server) => {
  app.get('/', async (_request, reply) => {
    reply.headers({ etag: '"v1"', location: '/x', link: '</y>; rel="next"', 'last-modified': 'x', 'cache-control': 'public' })
    throw error
  })
}

const coded = (code: string, message = 'words of a library', more = {}) => Object.assign(new Error(message), { code, ...more })
const post = { method: 'POST' } as FastifyRequest
const query = (cause?: Error) => new DrizzleQueryError('select $1', ['secret parameter'], cause)

t.test('a problem is written with all it says, and nothing of the reply it replaces', async (t) => {
  const problem = new Problem('conflict', {
    detail: 'Two of them',
    members: { other: 1, status: 200, code: 'x' },
    headers: { 'retry-after': '3' },
  })
  const app = await serverWith(t, failing(problem))
  const reply = await app.inject('/')
  const body = holdsProblem(t, reply, 409, 'conflict')
  t.strictSame(Object.keys(body), ['type', 'title', 'status', 'detail', 'instance', 'code', 'other'])
  t.equal(body['detail'], 'Two of them')
  t.equal(reply.headers['retry-after'], '3')
  for (const name of ['etag', 'location', 'link', 'last-modified']) t.equal(reply.headers[name], undefined)
  t.notOk('detail' in problemBody(new Problem('gone'), 'urn:uuid:x'))
})

t.test('a problem does not go through the response schema of its route', async (t) => {
  const app = await serverWith(t, (app) => {
    const body = Type.Object({ type: Type.Literal('never'), secret: Type.String() })
    app.get('/', { schema: { response: { 200: body, 409: body, '4xx': body } } }, async () => {
      throw new Problem('conflict', { members: { other: true } })
    })
  })
  t.equal(holdsProblem(t, await app.inject('/'), 409, 'conflict')['other'], true)
})

t.test('the instance is the request id when that is a UUID, else an id of its own', async (t) => {
  const app = await serverWith(t, failing(new Problem('gone')))
  const id = '0192F3C1-6F0E-7C52-9F0A-0C6F2B0F1A11'
  const given = await app.inject({ url: '/', headers: { 'x-request-id': id } })
  t.equal(given.headers['x-request-id'], id)
  t.equal(given.json().instance, `urn:uuid:${id.toLowerCase()}`)
  const other = await app.inject({ url: '/', headers: { 'x-request-id': 'abc' } })
  t.equal(other.headers['x-request-id'], 'abc')
  t.match(other.json().instance, /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-7/)
})

t.test('a 401 carries a challenge, a 503 says when to come back', async (t) => {
  const plain = await (await serverWith(t, failing(new Problem('unauthenticated')))).inject('/')
  t.equal(plain.headers['www-authenticate'], 'Bearer')
  const challenge = 'Bearer error="insufficient_user_authentication", max_age="600"'
  const stepUp = new Problem('step_up_required', { headers: { 'www-authenticate': challenge } })
  t.equal((await (await serverWith(t, failing(stepUp))).inject('/')).headers['www-authenticate'], challenge)
  t.equal((await (await serverWith(t, failing(new Problem('unavailable')))).inject('/')).headers['retry-after'], '5')
})

t.test('trouble with a token is a bare 401, whatever status the library gave it', async (t) => {
  for (const error of [
    coded('FAST_JWT_INVALID_SIGNATURE'),
    coded('FST_JWT_BAD_REQUEST', 'Format is…', { statusCode: 400 }),
    coded('FAST_JWT_EXPIRED'),
  ]) {
    const body = holdsProblem(t, await (await serverWith(t, failing(error))).inject('/'), 401, 'unauthenticated')
    t.notOk('detail' in body)
  }
})

t.test('each way a database can fail has its answer, without its words', async (t) => {
  const cases: [Error, string][] = [
    [query(coded('57014')), 'timeout'],
    [query(coded('25P04')), 'timeout'],
    [query(coded('55P03')), 'unavailable'],
    [query(coded('40001')), 'unavailable'],
    [query(coded('40P01')), 'unavailable'],
    [query(coded('23505')), 'conflict'],
    [coded('23P01'), 'conflict'],
    [query(coded('22021')), 'validation_error'],
    [query(coded('22P05')), 'validation_error'],
    [query(coded('22P02')), 'validation_error'],
    [query(coded('22001')), 'validation_error'],
    [query(coded('22003')), 'validation_error'],
    [query(coded('22007')), 'validation_error'],
    [query(coded('22008')), 'validation_error'],
    [query(coded('53100')), 'insufficient_storage'],
    [query(coded('58030')), 'insufficient_storage'],
    [query(coded('57P01')), 'unavailable'],
    [query(coded('08006')), 'unavailable'],
    [query(coded('53300')), 'unavailable'],
    [query(coded('25P03')), 'unavailable'],
    [query(new Error('Client has encountered a connection error and is not queryable')), 'unavailable'],
    [query(), 'unavailable'],
    [coded('ECONNREFUSED'), 'unavailable'],
    [new Error('outer', { cause: coded('EPIPE') }), 'unavailable'],
    [new Error('timeout exceeded when trying to connect'), 'unavailable'],
    [new Error('Connection terminated unexpectedly'), 'unavailable'],
    [query(coded('42703')), 'internal'],
    [coded('P0001'), 'internal'],
    [new TypeError('x is not a function'), 'internal'],
  ]
  for (const [error, code] of cases) {
    const problem = toProblem(error, post)
    t.equal(problem.code, code, `${error.message} ${String((error.cause as { code?: string })?.code)}`)
    t.notMatch(JSON.stringify(problemBody(problem, 'x')), /words|secret|Client|timeout exceeded|terminated/)
  }
  t.equal(toProblem(query(coded('40001')), post).headers['retry-after'], '1')
})

t.test('errors of the framework keep their status and lose their words', async (t) => {
  const cases = {
    400: 'malformed_request',
    404: 'not_found',
    408: 'request_timeout',
    413: 'content_too_large',
    414: 'uri_too_long',
    418: 'malformed_request',
  }
  for (const [statusCode, code] of Object.entries(cases)) {
    const problem = toProblem(coded('FST_ERR_ANY', 'words', { statusCode: Number(statusCode) }), post)
    t.match(problem, { code, detail: undefined })
  }
})

t.test('what is not foreseen is a 500 that says nothing, and is logged with the request', async (t) => {
  for (const error of [new Error('the password is swordfish', { cause: coded('X', 'deeper') }), 'swordfish']) {
    const { lines, logger } = logLines()
    const app = await serverWith(t, failing(error), { logger })
    const reply = await app.inject('/')
    const { detail } = holdsProblem(t, reply, 500, 'internal')
    t.equal(detail, undefined)
    t.notMatch(reply.body, /swordfish/)
    const line = lines.find(({ msg }) => msg === 'request failed')
    t.match(line, { level: 50, requestId: reply.headers['x-request-id'], code: 'internal', instance: reply.json().instance })
    if (error instanceof Error)
      t.match(line, { error: { name: 'Error', message: 'the password is swordfish', stack: / {4}at /, causes: [{ code: 'X' }] } })
    else t.match(line, { error: { thrown: 'string' } })
  }
})

t.test('values of a query never reach the log', async (t) => {
  const refused = coded('23505', 'Key (address)=(a@b.example) already exists', {
    constraint: 'users_address',
    table: 'users',
    detail: 'a@b.example',
  })
  const { lines, logger } = logLines()
  const app = await serverWith(t, failing(query(refused)), { logger })
  holdsProblem(t, await app.inject('/'), 409, 'conflict')
  const line = lines.find(({ msg }) => msg === 'request failed')
  t.match(line, { level: 40, error: { query: 'select $1', causes: [{ code: '23505', constraint: 'users_address', table: 'users' }] } })
  t.notMatch(JSON.stringify(lines), /secret parameter|a@b\.example/)
  const bare = new Error('words')
  delete bare.stack
  t.strictSame(loggable(bare), { name: 'Error', message: 'words', stack: '' })
})

t.test('one line a request, and none for a refusal beside it', async (t) => {
  const { lines, logger } = logLines()
  const app = await serverWith(t, failing(invalid({ pointer: '#/a', detail: 'x', code: 'y' })), { logger })
  await app.inject('/')
  t.match(lines, [{ msg: 'request', method: 'GET', path: '/', status: 422 }])
  t.equal(lines.length, 1)
})

t.test('a reply that breaks off is logged as such', async (t) => {
  const seen: unknown[] = []
  const log = { warn: (...line: unknown[]) => seen.push(line) }
  new RequestLog().requestCompleted(new Error('reset'), { url: '/x?y' } as never, { log, elapsedTime: 1.23456 } as never)
  t.match(seen, [[{ path: '/x', milliseconds: 1.235, error: { message: 'reset' } }, 'request cut short']])
})
