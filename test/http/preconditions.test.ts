import t from 'tap'
import { etagOf, ifMatch, notModified, stale } from '../../src/http/preconditions.ts'
import { Problem, problemKind } from '../../src/problem.ts'
import { holdsProblem, serverWith } from './wire.ts'

const withMatch = (header?: string) => ({ headers: { 'if-match': header } }) as never

t.test('If-Match names the version a change is based on', async (t) => {
  for (const [header, expected] of [
    ['"v7"', 7],
    [' "v7" ', 7],
    ['"v6", "v7" ,"v2"', 7],
    ['*', undefined],
    [' * ', undefined],
    ['W/"v7"', -1],
    ['"v3", W/"v7"', 3],
    ['"other"', -1],
    ['""', -1],
    ['"v7x", "V7", "v-1"', -1],
  ] as const) {
    t.equal(ifMatch(withMatch(header), { required: true }), expected, header)
  }
})

t.test('a version that must be named is 428 when it is not, and malformed tags are 400', async (t) => {
  t.equal(ifMatch(withMatch(), { required: false }), undefined)
  t.throws(() => ifMatch(withMatch(), { required: true }), { code: 'precondition_required' })
  for (const header of ['', 'v7', '"v7', '7', "'v7'", '"v7",', 'w/"v7"', '*, "v7"', '"a"b"']) {
    t.throws(() => ifMatch(withMatch(header), { required: true }), { code: 'malformed_request' }, header)
  }
})

t.test('a stale version is told the current one', async (t) => {
  t.equal(etagOf(12), '"v12"')
  const problem = stale(12)
  t.ok(problem instanceof Problem)
  t.match([problemKind(problem.code).status, problem.members], [412, { currentEtag: '"v12"' }])
})

t.test('a caller who has the current version gets 304 and no body', async (t) => {
  const app = await serverWith(t, (app) => {
    app.get('/thing', async (request, reply) => (notModified(request, reply, 7) ? reply : { version: 7 }))
  })
  const get = (ifNoneMatch?: string) =>
    app.inject({ url: '/thing', headers: { ...(ifNoneMatch !== undefined && { 'if-none-match': ifNoneMatch }) } })
  for (const tag of ['"v7"', 'W/"v7"', '"v1", "v7"', '*']) {
    const reply = await get(tag)
    t.strictSame([reply.statusCode, reply.body, reply.headers['etag']], [304, '', '"v7"'], tag)
  }
  for (const tag of ['"v6"', '"x"', undefined]) {
    const reply = await get(tag)
    t.strictSame([reply.statusCode, reply.json(), reply.headers['etag']], [200, { version: 7 }, '"v7"'], `${tag}`)
  }
  const broken = await get('v7')
  t.equal(holdsProblem(t, broken, 400, 'malformed_request')['detail'], 'If-None-Match takes entity tags such as "v7", or *')
})
