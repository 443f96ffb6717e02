import { type TSchema, Type } from '@sinclair/typebox'
import t, { type Test } from 'tap'
import type { Server } from '../../src/http/server.ts'
import { holdsProblem, serverWith } from './wire.ts'

const closed = { additionalProperties: false }

async function bodyErrors(t: Test, schema: TSchema, payload: unknown): Promise<unknown> {
  const app = await serverWith(t, (app) => app.post('/', { schema: { body: schema } }, async () => ({})))
  const reply = await app.inject({
    method: 'POST',
    url: '/',
    headers: { 'content-type': 'application/json' },
    payload: JSON.stringify(payload),
  })
  return reply.statusCode === 200 ? [] : holdsProblem(t, reply, 422, 'validation_error')['errors']
}

t.test('a body is neither coerced nor trimmed', async (t) => {
  const schema = Type.Object({ n: Type.Integer(), s: Type.String(), b: Type.Boolean(), l: Type.Array(Type.String()) }, closed)
  t.strictSame(await bodyErrors(t, schema, { n: '3', s: 5, b: 'true', l: 'x', more: 1, 'a/b': 2 }), [
    { pointer: '#/more', detail: '"more" is not known here; known are b, l, n, s', code: 'unknown' },
    { pointer: '#/a~1b', detail: '"a/b" is not known here; known are b, l, n, s', code: 'unknown' },
    { pointer: '#/n', detail: 'must be a whole number', code: 'type' },
    { pointer: '#/s', detail: 'must be text', code: 'type' },
    { pointer: '#/b', detail: 'must be true or false', code: 'type' },
    { pointer: '#/l', detail: 'must be a list', code: 'type' },
  ])
  t.strictSame(await bodyErrors(t, schema, { n: 3, s: '5', b: true, l: [] }), [])
  t.strictSame(await bodyErrors(t, schema, [1]), [{ pointer: '#', detail: 'must be an object', code: 'type' }])
})

t.test('each constraint is told in a sentence', async (t) => {
  const cases: [TSchema, unknown, string, string][] = [
    [Type.String({ minLength: 1 }), '', 'must not be empty', 'min_length'],
    [Type.String({ minLength: 3 }), 'x', 'must have at least 3 characters', 'min_length'],
    [Type.String({ maxLength: 3 }), 'long', 'must have at most 3 characters', 'max_length'],
    [Type.String({ pattern: '^a$' }), 'b', 'must have the form ^a$', 'pattern'],
    [Type.String({ pattern: '^a$', description: 'one a' }), 'b', 'must have the form one a', 'pattern'],
    [Type.String({ format: 'date-time' }), 'x', 'must carry an offset, e.g. 2026-11-22T14:05:00+10:00', 'format'],
    [Type.String({ format: 'ipv4' }), 'x', 'must be in the form ipv4', 'format'],
    [Type.Integer({ minimum: 2 }), 1, 'must be at least 2', 'minimum'],
    [Type.Integer({ maximum: 2 }), 3, 'must be at most 2', 'maximum'],
    [Type.Number({ exclusiveMinimum: 2 }), 2, 'must be more than 2', 'exclusive_minimum'],
    [Type.Number({ exclusiveMaximum: 2 }), 2, 'must be less than 2', 'exclusive_maximum'],
    [Type.Number({ multipleOf: 5 }), 2, 'must be a multiple of 5', 'multiple_of'],
    [Type.Array(Type.Any(), { minItems: 1 }), [], 'must not be empty', 'min_items'],
    [Type.Array(Type.Any(), { minItems: 2 }), [1], 'must have at least 2 items', 'min_items'],
    [Type.Array(Type.Any(), { maxItems: 1 }), [1, 2], 'must have at most 1 items', 'max_items'],
    [Type.Array(Type.Any(), { uniqueItems: true }), [1, 2, 1], 'must not repeat an item: 0 and 2 are equal', 'unique_items'],
    [Type.Object({}, { minProperties: 1 }), {}, 'must have at least one field', 'min_properties'],
    [Type.Object({}, { minProperties: 2 }), {}, 'must have at least 2 fields', 'min_properties'],
    [Type.Object({}, { maxProperties: 1 }), { a: 1, b: 2 }, 'must have at most 1 fields', 'max_properties'],
    [Type.Literal('a'), 'b', 'must be "a"', 'const'],
    [Type.Unsafe({ type: 'integer', enum: [1, 2] }), 3, 'must be one of 1, 2', 'enum'],
    [Type.Unsafe({ type: ['string', 'null'] }), 3, 'must be text or null', 'type'],
    [Type.Not(Type.String()), 'x', 'is not valid', 'not'],
  ]
  for (const [schema, value, detail, code] of cases) {
    t.strictSame(await bodyErrors(t, Type.Object({ a: schema }), { a: value }), [{ pointer: '#/a', detail, code }], code)
  }
  const open = Type.Object({ a: Type.Unsafe({ type: 'object', additionalProperties: false }) })
  t.match(await bodyErrors(t, open, { a: { x: 1 } }), [{ detail: '"x" is not known here' }])
})

t.test('alternatives are told in one sentence, or by the errors of the one that was meant', async (t) => {
  const errorsOf = (schema: TSchema, value: unknown) => bodyErrors(t, Type.Object({ a: schema }), { a: value })
  const words = Type.Union([Type.Literal('x'), Type.Literal('y')])
  t.strictSame(await errorsOf(words, 'z'), [{ pointer: '#/a', detail: 'must be one of "x", "y"', code: 'enum' }])
  const enums = Type.Union([Type.Unsafe({ enum: ['x'] }), Type.Null()])
  t.strictSame(await errorsOf(enums, 'z'), [{ pointer: '#/a', detail: 'must be one of "x", null', code: 'enum' }])
  t.strictSame(await errorsOf(Type.Union([Type.Unsafe({ enum: ['x', 'w'] }), Type.Literal('y')]), 'z'), [
    { pointer: '#/a', detail: 'must be one of "x", "w", "y"', code: 'enum' },
  ])
  t.strictSame(await errorsOf(Type.Union([Type.String(), Type.Integer()]), []), [
    { pointer: '#/a', detail: 'must be text or a whole number', code: 'type' },
  ])
  const nullable = Type.Union([Type.Object({ b: Type.String(), c: words }), Type.Null()])
  t.strictSame(await errorsOf(nullable, { c: 1 }), [
    { pointer: '#/a/b', detail: 'is required', code: 'required' },
    { pointer: '#/a/c', detail: 'must be one of "x", "y"', code: 'enum' },
  ])
  const nested = Type.Union([words, Type.Integer()])
  t.match(await errorsOf(nested, 'z'), [{ pointer: '#/a', detail: 'has none of the permitted forms', code: 'any_of' }])
  const many = Type.Union(Array.from({ length: 6 }, (_, i) => Type.Object({ [`k${i}`]: Type.String() })))
  t.match(await errorsOf(many, {}), [{ pointer: '#/a', code: 'any_of' }])
  const one = Type.Unsafe({ oneOf: [{ type: 'string' }, { minLength: 0 }] })
  t.match(await errorsOf(one, 'z'), [{ detail: 'must have exactly one of the permitted forms', code: 'one_of' }])
  const conditional = Type.Unsafe(JSON.parse('{"if": {"type": "string"}, "then": {"minLength": 3}}'))
  t.match(await errorsOf(conditional, 'z'), [{ code: 'min_length' }])
})

t.test('a discriminator tells apart what a body can be', async (t) => {
  const kind = (name: string, field: string) => Type.Object({ kind: Type.Literal(name), [field]: Type.String() }, { $id: name, ...closed })
  const app = await serverWith(t, (app) => {
    app.addSchema(kind('Cat', 'lives')).addSchema(kind('Dog', 'tricks'))
    const body = Type.Unsafe({
      type: 'object',
      required: ['kind'],
      oneOf: [Type.Ref('Cat'), Type.Ref('Dog')],
      discriminator: { propertyName: 'kind' },
    })
    app.post('/', { schema: { body } }, async () => ({}))
  })
  const errorsOf = async (payload: object) => (await app.inject({ method: 'POST', url: '/', payload })).json().errors
  t.equal(await errorsOf({ kind: 'Cat', lives: '9' }), undefined)
  t.strictSame(await errorsOf({ kind: 'Cat', tricks: 'x' }), [
    { pointer: '#/lives', detail: 'is required', code: 'required' },
    { pointer: '#/tricks', detail: '"tricks" is not known here; known are kind, lives', code: 'unknown' },
  ])
  t.strictSame(await errorsOf({ kind: 'Cow' }), [{ pointer: '#/kind', detail: '"Cow" is not a known kind', code: 'discriminator' }])
  t.match(await errorsOf({}), [
    { pointer: '#/kind', code: 'required' },
    { pointer: '#/kind', detail: 'must be text', code: 'discriminator' },
  ])
})

t.test('parameters are read as what they must be, and named when they are not', async (t) => {
  const app = await serverWith(t, (app: Server) => {
    const querystring = Type.Object(
      { n: Type.Optional(Type.Integer({ default: 7 })), l: Type.Optional(Type.Array(Type.String())), b: Type.Optional(Type.Boolean()) },
      closed,
    )
    const params = Type.Object({ id: Type.String({ format: 'uuid' }) })
    const headers = Type.Object({ 'x-count': Type.Optional(Type.Integer({ maximum: 3 })) })
    app.get('/:id', { schema: { querystring, params, headers } }, async (request) => ({
      ...request.query,
      count: request.headers['x-count'],
    }))
  })
  const id = '0192f3c1-6f0e-7c52-9f0a-0c6f2b0f1a11'
  t.strictSame((await app.inject({ url: `/${id}?l=x&b=true`, headers: { 'x-count': '2', 'x-unknown': 'y' } })).json(), {
    n: 7,
    l: ['x'],
    b: true,
    count: 2,
  })
  const cases = [
    [`/${id}?n=x`, {}, { parameter: 'n', in: 'query', detail: 'must be a whole number', code: 'type' }],
    [`/${id}?n=1&n=2`, {}, { parameter: 'n', in: 'query', detail: 'must be a whole number', code: 'type' }],
    [`/${id}?m=1`, {}, { parameter: 'm', in: 'query', detail: '"m" is not known here; known are b, l, n', code: 'unknown' }],
    ['/12', {}, { parameter: 'id', in: 'path', detail: 'must be a UUID, e.g. 0192f3c1-6f0e-7c52-9f0a-0c6f2b0f1a11', code: 'format' }],
    [`/urn:uuid:${id}`, {}, { parameter: 'id', in: 'path', code: 'format' }],
    [`/${id}`, { 'x-count': '9' }, { parameter: 'x-count', in: 'header', detail: 'must be at most 3', code: 'maximum' }],
  ] as const
  for (const [url, headers, error] of cases) {
    t.match(holdsProblem(t, await app.inject({ url, headers }), 422, 'validation_error')['errors'], [error])
  }
})

t.test('what is wrong with the parameters as a whole names none of them', async (t) => {
  const app = await serverWith(t, (app) =>
    app.get('/', { schema: { querystring: Type.Object({}, { minProperties: 1 }) } }, async () => ({})),
  )
  const { errors } = holdsProblem(t, await app.inject('/'), 422, 'validation_error')
  t.strictSame(errors, [{ parameter: '', in: 'query', detail: 'must have at least one field', code: 'min_properties' }])
})

t.test('instants and dates are those of RFC 3339 that the database can keep', async (t) => {
  const app = await serverWith(t, (app) => {
    const body = Type.Object({
      at: Type.Optional(Type.String({ format: 'date-time' })),
      on: Type.Optional(Type.String({ format: 'date' })),
    })
    app.post('/', { schema: { body } }, async () => ({}))
  })
  const status = async (payload: object) => (await app.inject({ method: 'POST', url: '/', payload })).statusCode
  for (const at of ['2026-11-22T14:05:00+10:00', '2024-02-29t00:00:00.123456789z', '0001-01-01T00:00:00Z'])
    t.equal(await status({ at }), 200, at)
  for (const at of [
    '2026-11-22T14:05:00',
    '2026-11-22 14:05:00Z',
    '2026-02-29T00:00:00Z',
    '0000-01-01T00:00:00Z',
    '2026-11-22T14:05Z',
    '2026-11-22T25:00:00Z',
  ]) {
    t.equal(await status({ at }), 422, at)
  }
  for (const [on, expected] of Object.entries({ '2024-02-29': 200, '2023-02-29': 422, '0000-01-01': 422 }))
    t.equal(await status({ on }), expected, on)
})

t.test('the list of errors is bounded and says each thing once', async (t) => {
  const unknown = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`k${i}`, 1]))
  const errors = await bodyErrors(t, Type.Object({}, closed), unknown)
  t.equal((errors as unknown[]).length, 20)
  const twice = Type.Unsafe({ allOf: [{ type: 'string' }, { type: 'string' }] })
  t.strictSame(await bodyErrors(t, twice, 1), [{ pointer: '#', detail: 'must be text', code: 'type' }])
})

t.test('of a body with very many values only the first error is told', async (t) => {
  const item = Type.Union([Type.Literal('x'), Type.Literal('y')])
  const list = Type.Object({ l: Type.Array(item, { maxItems: 20 }), m: Type.Optional(Type.String()) }, closed)
  t.strictSame(await bodyErrors(t, list, { l: Array(30_000).fill(1), m: 1 }), [
    { pointer: '#/l', detail: 'must have at most 20 items', code: 'max_items' },
  ])
  t.equal(((await bodyErrors(t, list, { l: Array(990).fill(1), m: 1 })) as unknown[]).length, 20)
  t.match(await bodyErrors(t, list, { l: Array(21).fill('x'), m: 1 }), [{ code: 'max_items' }, { pointer: '#/m', code: 'type' }])
})
