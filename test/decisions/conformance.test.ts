/** The AuthZEN working group's published scenario (openid/authzen, certification for Authorization API 1.0), request by request. */
import t from 'tap'
import { openTestApp, send } from '../fixtures/app.ts'

const alice = { type: 'user', id: 'alice' }
const bob = { type: 'user', id: 'bob' }
const active = { type: 'record', id: 'record-1' }
const archived = { type: 'record', id: 'record-2' }
const action = (name: string, properties?: object) => ({ name, ...(properties && { properties }) })
const ids = ({ body }: { body: { results: { id: string }[] } }) => body.results.map(({ id }) => id)

t.test('the scenario is not served unless it is asked for', async (t) => {
  const test = await openTestApp(t)
  t.equal((await send(test, 'POST', '/pdp/conformance/access/v1/evaluation', { body: {} })).status, 404)
})

t.test('the published scenario', async (t) => {
  const test = await openTestApp(t, { CONFORMANCE_PDP: 'true' })
  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    send(test, 'POST', `/pdp/conformance/access/v1/${path}`, { body, headers })
  const decide = async (subject: object, asked: object, resource: object, rest: object = {}) =>
    (await post('evaluation', { subject, action: asked, resource, ...rest })).body.decision

  await t.test('2.2: single evaluations, with the properties the request brings', async (t) => {
    t.equal(await decide(alice, action('read'), active), true)
    t.equal(await decide(bob, action('write'), active), false)
    t.equal(await decide(alice, action('read'), active, { context: { time: '2025-06-01T12:00:00Z', ip: '192.0.2.1' } }), true)
    const stored = { ...archived, properties: { status: 'archived' } }
    t.equal(await decide(alice, action('write'), stored), false)
    t.equal(await decide({ ...bob, properties: { role: 'admin' } }, action('write'), stored), true)
    t.equal(await decide(alice, action('delete', { soft: true }), active), true)
    t.equal(await decide(alice, action('delete', { soft: false }), active), false)
    t.equal(await decide(alice, action('delete'), archived), false)
    const extra = { properties: { anything: [1] } }
    t.equal(await decide({ ...alice, ...extra }, { ...action('read'), ...extra }, { ...active, ...extra }), true)
    t.equal(await decide(alice, action('read'), active, { foo: 'bar', futureField: 1 }), true)
    t.equal(await decide({ type: 'user', id: 'constructor' }, action('read'), active), false)
    t.equal(await decide(alice, action('fly'), active), false)
  })

  await t.test('2.4: what is missing or of the wrong type is 400', async (t) => {
    const good = { subject: alice, action: action('read'), resource: active }
    const { subject: _s, ...subjectless } = good
    const { action: _a, ...actionless } = good
    const { resource: _r, ...resourceless } = good
    const bad = [
      subjectless,
      actionless,
      resourceless,
      { ...good, subject: { id: 'alice' } },
      { ...good, subject: { type: 'user' } },
      { ...good, action: {} },
      { ...good, resource: { id: 'record-1' } },
      { ...good, resource: { type: 'record' } },
      { ...good, subject: 'alice' },
      { ...good, action: { name: 123 } },
      '{"subject":',
      '',
    ]
    for (const body of bad) t.equal((await post('evaluation', body)).status, 400, JSON.stringify(body))
    t.equal((await post('evaluation', JSON.stringify(good), { 'content-type': 'text/plain' })).status, 400)
  })

  await t.test('2.5, 2.6: the request id comes back, and the same request gets the same answer', async (t) => {
    const body = { subject: alice, action: action('read'), resource: active }
    const id = '0192f3c1-6f0e-7c52-9f0a-0c6f2b0f1a11'
    const { headers, text } = await post('evaluation', body, { 'x-request-id': id })
    t.equal(headers['x-request-id'], id)
    t.equal((await post('evaluation', body)).text, text)
  })

  await t.test('3: batches', async (t) => {
    const many = async (body: object) => {
      const { body: answered } = await post('evaluations', body)
      return answered.evaluations.map(({ decision }: { decision: boolean }) => decision)
    }
    const full = (subject: object, name: string, resource: object) => ({ subject, action: action(name), resource })
    t.strictSame(await many({ evaluations: [full(alice, 'read', active), full(bob, 'write', active)] }), [true, false])
    t.strictSame(await many({ subject: bob, resource: active, evaluations: [{ action: action('read') }, { action: action('write') }] }), [
      true,
      false,
    ])
    t.strictSame(await many({ subject: alice, action: action('write'), evaluations: [{ resource: active }, { resource: archived }] }), [
      true,
      false,
    ])
    const stored = { ...archived, properties: { status: 'archived' } }
    const admin = { ...bob, properties: { role: 'admin' } }
    t.strictSame(await many({ action: action('write'), resource: stored, evaluations: [{ subject: alice }, { subject: admin }] }), [
      false,
      true,
    ])
    t.strictSame(await many({ ...full(alice, 'write', active), evaluations: [{}, { resource: stored }], context: { time: 'now' } }), [
      true,
      false,
    ])
    const halted = { ...full(alice, 'read', active), options: { evaluations_semantic: 'execute_all' } }
    const { resource: _resource, ...rest } = halted
    const partly = await post('evaluations', { ...rest, evaluations: [{ resource: active }, {}] })
    t.equal(partly.status, 200)
    t.strictSame(
      partly.body.evaluations.map(({ decision }: { decision: boolean }) => decision),
      [true, false],
    )
    t.strictSame((await post('evaluations', full(alice, 'read', active))).body, { decision: true })
    t.strictSame((await post('evaluations', { ...full(alice, 'read', active), evaluations: [] })).body, { decision: true })
  })

  await t.test('4: the three searches', async (t) => {
    const context = { time: '2025-06-01T12:00:00Z' }
    const readers = { subject: { type: 'user' }, action: action('read'), resource: active }
    const readable = { subject: alice, action: action('read'), resource: { type: 'record' } }
    for (const rest of [{}, { context }]) {
      t.strictSame(ids(await post('search/subject', { ...readers, ...rest })), ['alice', 'bob'])
      t.strictSame(ids(await post('search/resource', { ...readable, ...rest })), ['record-1', 'record-2'])
      const actions = await post('search/action', { subject: alice, resource: active, ...rest })
      t.strictSame(actions.body.results, [{ name: 'read' }, { name: 'write' }])
    }
    t.strictSame(ids(await post('search/subject', { ...readers, subject: alice })), ['alice', 'bob'], 'the id is ignored')
    t.strictSame(ids(await post('search/resource', { ...readable, resource: active })), ['record-1', 'record-2'])
    t.match(ids(await post('search/subject', { subject: { type: 'user' }, action: action('write'), resource: archived })), ['bob'])
    t.match(ids(await post('search/resource', { subject: bob, action: action('write'), resource: { type: 'record' } })), ['record-2'])
  })

  await t.test('4.5: pages', async (t) => {
    const readers = { subject: { type: 'user' }, action: action('read'), resource: active }
    const first = await post('search/subject', { ...readers, page: { limit: 1 } })
    t.match(first.body, { results: [{ type: 'user', id: 'alice' }], page: { next_token: /./ } })
    const last = await post('search/subject', { ...readers, page: { limit: 1, token: first.body.page.next_token } })
    t.match(last.body, { results: [{ id: 'bob' }], page: { next_token: '' } })
  })

  await t.test('4.6: unknown ids and types find nothing', async (t) => {
    const ship = { type: 'spaceship', id: 'x' }
    for (const subject of [{ type: 'user', id: 'nobody' }, ship]) {
      t.strictSame(ids(await post('search/resource', { subject, action: action('read'), resource: { type: 'record' } })), [])
      t.strictSame((await post('search/action', { subject, resource: active })).body.results, [])
    }
    t.strictSame(ids(await post('search/resource', { subject: alice, action: action('read'), resource: { type: 'spaceship' } })), [])
    t.strictSame(ids(await post('search/subject', { subject: { type: 'spaceship' }, action: action('read'), resource: active })), [])
    t.strictSame(ids(await post('search/subject', { subject: { type: 'user' }, action: action('read'), resource: ship })), [])
    t.strictSame((await post('search/action', { subject: alice, resource: ship })).body.results, [])
  })

  await t.test('4.7: a search that lacks what it needs is 400', async (t) => {
    const bad: [string, unknown][] = [
      ['subject', { subject: { type: 'user' }, resource: active }],
      ['subject', { subject: { type: 'user' }, action: action('read'), resource: { type: 'record' } }],
      ['subject', { subject: {}, action: action('read'), resource: active }],
      ['resource', { action: action('read'), resource: { type: 'record' } }],
      ['resource', { subject: { type: 'user' }, action: action('read'), resource: { type: 'record' } }],
      ['resource', { subject: alice, action: action('read') }],
      ['action', { subject: alice }],
      ['action', { subject: alice, resource: { type: 'record' } }],
      ['action', { subject: { type: 'user' }, resource: active }],
      ['action', { subject: alice, resource: active, page: 1 }],
      ['action', { subject: alice, resource: active, page: { limit: 0 } }],
      ['action', { subject: alice, resource: active, page: { limit: 1.5 } }],
      ['action', { subject: alice, resource: active, page: { token: 1 } }],
    ]
    for (const [name, body] of bad) t.equal((await post(`search/${name}`, body)).status, 400, JSON.stringify(body))
  })

  await t.test('6: the metadata', async (t) => {
    const { status, headers, body } = await send(test, 'GET', '/.well-known/authzen-configuration/pdp/conformance')
    t.equal(status, 200)
    t.match(headers['content-type'], /application\/json/)
    const base = 'http://mandate.test/pdp/conformance'
    t.equal(body.policy_decision_point, base)
    const endpoints = Object.entries(body).filter(([name]) => name.endsWith('_endpoint'))
    t.equal(endpoints.length, 5)
    for (const [, url] of endpoints) t.match(url, new RegExp(`^${base}/access/v1/`))
  })
})
