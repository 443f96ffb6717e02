import { Ajv2020 } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import t from 'tap'
import { checkDetails } from '../../src/evidence/check.ts'
import { topicKeys } from '../../src/vocabulary.ts'
import { openTestApp, send } from '../fixtures/app.ts'
import { person } from '../fixtures/cast.ts'

const test = await openTestApp(t)
const { token } = await person(test, 'Sam Stranger')
const get = (url: string) => send(test, 'GET', url, { token })

type Field = { field: string; need: string; why: string; example: unknown; schema: object }

t.test('whoever is signed in sees every topic and what it asks for', async (t) => {
  const list = await get('/v1/topics')
  t.equal(list.status, 200)
  t.strictSame(
    list.body.items.map(({ key, confidential }: { key: string; confidential: boolean }) => [key, confidential]),
    [
      ['email-delivery', false],
      ['website', false],
      ['billing', true],
      ['ownership', true],
      ['other', false],
    ],
  )
  for (const topic of list.body.items) t.strictSame((await get(`/v1/topics/${topic.key}`)).body, topic, `${topic.key} alone is the same`)
  t.equal((await send(test, 'GET', '/v1/topics')).status, 401)
  t.equal((await send(test, 'GET', '/v1/topics/other')).status, 401)
})

t.test('a form can be drawn from it: every schema stands alone, its example passes, and so does the door', async (t) => {
  const ajv = new Ajv2020({ strict: true, strictTypes: false })
  formats.default(ajv as never)
  for (const key of topicKeys) {
    const { body } = await get(`/v1/topics/${key}`)
    t.match(body, { key, version: 1, title: String, description: String })
    const fields: Field[] = body.fields
    for (const { field, need, why, example, schema } of fields) {
      t.match(need, /^(required|wanted|optional)$/)
      t.ok(why.length > 20, 'it says why')
      t.ok(ajv.validate(schema, example), `${key}, ${field}: ${ajv.errorsText()}`)
    }
    const details = Object.fromEntries(fields.map(({ field, example }) => [field, example]))
    const context = { domain: 'shop.example', now: Date.parse('2026-12-01T00:00:00Z') }
    t.strictSame(checkDetails(key, details, context).errors, [], `${key}: all examples together make a good ticket`)
  }
})

t.test('a topic that is not there is not found', async (t) => {
  for (const key of ['weather', 'Other', 'constructor', '__proto__', 'toString', '%20']) {
    t.match(await get(`/v1/topics/${key}`), { status: 404, body: { code: 'not_found' } }, key)
  }
})
