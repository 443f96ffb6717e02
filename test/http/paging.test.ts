import { randomBytes } from 'node:crypto'
import { Type } from '@sinclair/typebox'
import t from 'tap'
import { createPaging, limitOf, type Position, pageOf, pageQuery } from '../../src/http/paging.ts'
import { Problem } from '../../src/problem.ts'
import { holdsProblem, serverWith } from './wire.ts'

const key = randomBytes(32)
const paging = createPaging({ key })
const position: Position = ['2026-11-22T04:05:00.123456Z', '0192f3c1-6f0e-7c52-9f0a-0c6f2b0f1a11']

t.test('a cursor leads back to its position, for the binding it was made for', async (t) => {
  const cursor = paging.encode(position, 'GET /tickets open user-1')
  t.match(cursor, /^[A-Za-z0-9_-]{1,512}$/)
  t.strictSame(paging.decode(cursor, 'GET /tickets open user-1'), position)
  t.strictSame(createPaging({ key }).decode(cursor, 'GET /tickets open user-1'), position, 'in every process with the key')
})

t.test('a cursor of another list, caller or key, or one that was altered, is refused', async (t) => {
  const cursor = paging.encode(position, 'a')
  const altered = Buffer.from(cursor, 'base64url')
  altered[altered.length - 3] = (altered.at(-3) ?? 0) ^ 1
  const forged = Buffer.concat([Buffer.alloc(16), Buffer.from(JSON.stringify(position))]).toString('base64url')
  const refused = [
    () => paging.decode(cursor, 'b'),
    () => createPaging({ key: randomBytes(32) }).decode(cursor, 'a'),
    () => paging.decode(altered.toString('base64url'), 'a'),
    () => paging.decode(cursor.slice(0, -1), 'a'),
    () => paging.decode(forged, 'a'),
    () => paging.decode('x', 'a'),
    () => paging.decode('', 'a'),
    () => paging.decode('ä ö', 'a'),
  ]
  for (const decode of refused)
    t.throws(
      decode,
      new Problem('unsupported_cursor', { detail: 'Use a cursor only for the list, the filters and the caller it was given to' }),
    )
})

t.test('pages follow each other by their links until the last', async (t) => {
  const all = Array.from({ length: 5 }, (_, i) => ({ id: `id-${i}`, at: `t${i}` }))
  const app = await serverWith(t, (app) => {
    const schema = {
      querystring: pageQuery({ state: Type.Optional(Type.String()) }),
      response: { 200: pageOf(Type.Object({ id: Type.String() })) },
    }
    app.get('/things', { schema }, async (request, reply) => {
      const binding = JSON.stringify(['things', request.query.state])
      const limit = limitOf(request.query)
      const after = request.query.cursor === undefined ? undefined : paging.decode(request.query.cursor, binding)
      const start = after === undefined ? 0 : all.findIndex(({ id }) => id === after[1]) + 1
      return paging.page({ request, reply, rows: all.slice(start, start + limit + 1), limit, binding, position: ({ at, id }) => [at, id] })
    })
  })
  const seen: string[] = []
  let url: string | undefined = '/things?state=b%26c%20%C3%BC&limit=2'
  for (let pages = 0; url !== undefined && pages < 9; pages++) {
    const { headers, body }: { headers: Record<string, unknown>; body: string } = await app.inject(url)
    const page = JSON.parse(body) as { items: { id: string }[]; nextCursor: string | null }
    seen.push(page.items.map(({ id }) => id).join())
    url = /^<(\/things\?[!-~]*)>; rel="next"$/.exec(String(headers['link']))?.[1]
    if (url === undefined) t.strictSame([headers['link'], page.nextCursor], [undefined, null])
    else t.match(new URL(url, 'http://x').searchParams.toString(), `state=b%26c+%C3%BC&limit=2&cursor=${page.nextCursor}`)
  }
  t.strictSame(seen, ['id-0,id-1', 'id-2,id-3', 'id-4'])
  const stolen = (await app.inject('/things?limit=2')).json().nextCursor
  holdsProblem(t, await app.inject(`/things?limit=2&state=x&cursor=${stolen}`), 400, 'unsupported_cursor')
  t.equal((await app.inject('/things')).json().items.length, 5, '50 by default')
  for (const query of ['limit=0', 'limit=101', 'limit=x', 'limit=1.5', 'cursor=', `cursor=${'x'.repeat(513)}`, 'page=2']) {
    holdsProblem(t, await app.inject(`/things?${query}`), 422, 'validation_error')
  }
  t.equal((await app.inject('/things?limit=100')).statusCode, 200)
  t.equal(limitOf({}), 50)
})
