import { Ajv } from 'ajv'
import addFormats from 'ajv-formats'
import fastify from 'fastify'
import t from 'tap'
import { checkDetails } from '../../src/evidence/check.ts'
import { Completeness } from '../../src/evidence/completeness.ts'
import { DetailsInput, evidenceFields, StoredDetails } from '../../src/evidence/fields.ts'
import { detailsInput, shippedTopics } from '../../src/evidence/topics.ts'
import { Topic, toTopic } from '../../src/topics/schema.ts'
import { topicKeys, topics } from '../../src/vocabulary.ts'

const ajv = addFormats.default(new Ajv({ strict: true, strictTypes: false, allErrors: true }))
const context = { domain: 'shop.example', now: Date.parse('2026-11-23T00:00:00Z') }

t.test('every topic asks for known evidence, each field once, what is required first', async (t) => {
  const order = ['required', 'wanted', 'optional']
  for (const key of topicKeys) {
    const { fields, ...topic } = shippedTopics[key]
    t.equal(topic.key, key)
    t.equal(new Set(fields.map(({ field }) => field)).size, fields.length)
    t.ok(fields.every(({ field }) => field in evidenceFields))
    const ranks = fields.map(({ need }) => order.indexOf(need))
    t.same(ranks, ranks.toSorted())
  }
})

t.test('the support page’s questions are required where nothing can be found without their answers', async (t) => {
  const required = (key: keyof typeof shippedTopics) =>
    shippedTopics[key].fields.filter(({ need }) => need === 'required').map(({ field }) => field)
  t.same(required('email-delivery'), ['occurredAt', 'mailFrom', 'mailTo'])
  t.same(required('website'), ['occurredAt', 'url'])
  t.same(required('billing'), [])
  t.same(required('other'), [])
})

t.test('every example passes its own schema and its own check, and is stored in the published form', async (t) => {
  const storedFits = ajv.compile(StoredDetails)
  for (const key of topicKeys) {
    const details = Object.fromEntries(shippedTopics[key].fields.map(({ field }) => [field, evidenceFields[field].example]))
    t.ok(ajv.validate(detailsInput(key), details), ajv.errorsText())
    const checked = checkDetails(key, details, context)
    t.same(checked.errors, [])
    t.equal(checked.completeness.score, 100)
    t.same(Object.keys(checked.details), Object.keys(details))
    t.ok(storedFits(checked.details), ajv.errorsText(storedFits.errors))
    t.notOk(ajv.validate(detailsInput(key), { ...details, more: 1 }), 'and nothing else passes')
  }
})

t.test('every field says in a sentence why support needs it', async (t) => {
  for (const [name, { why }] of Object.entries(evidenceFields)) t.match(why, /^[A-Z].{30,}\.$/, name)
})

t.test('a topic on the wire is plain JSON that its schema allows', async (t) => {
  const fits = ajv.compile(Topic)
  for (const key of topicKeys) {
    const topic = toTopic(key)
    t.same(JSON.parse(JSON.stringify(topic)), topic)
    t.ok(fits(topic), ajv.errorsText(fits.errors))
    t.equal(topic.confidential, topics[key].confidential)
    for (const { example, schema } of topic.fields) {
      t.same(Object.getOwnPropertySymbols(schema), [])
      t.ok(ajv.validate(schema, example), ajv.errorsText())
    }
  }
  t.match(toTopic('website').fields[1], { field: 'url', need: 'required', schema: { type: 'string', maxLength: 2048 } })
})

t.test('nothing is lost when replies are written through the schemas', async (t) => {
  const app = fastify()
  t.teardown(() => app.close())
  const { details } = checkDetails('other', { occurredAt: context.now, stepsTried: 'x', browser: 'x' }, context)
  const { completeness } = checkDetails('website', { occurredAt: '2026-11-22T04:05:00Z', browser: 'x' }, context)
  const checked = checkDetails('website', { occurredAt: '2026-11-22T04:05:00Z', browser: 'x', stepsTried: 'x' }, context)
  app.get('/topic', { schema: { response: { 200: Topic } } }, async () => toTopic('email-delivery'))
  app.get('/details', { schema: { response: { 200: StoredDetails } } }, async () => checked.details)
  app.get('/none', { schema: { response: { 200: StoredDetails } } }, async () => details)
  app.get('/completeness', { schema: { response: { 200: Completeness } } }, async () => completeness)
  app.post('/echo', { schema: { body: DetailsInput, response: { 200: DetailsInput } } }, async (request) => request.body)
  t.same((await app.inject('/topic')).json(), toTopic('email-delivery'))
  t.same((await app.inject('/details')).json(), checked.details)
  t.same((await app.inject('/none')).json(), details)
  t.same((await app.inject('/completeness')).json(), completeness)
  const body = { occurredAt: { at: 'x' }, stepsTried: ['x'], more: 1 }
  t.same((await app.inject({ method: 'POST', url: '/echo', body })).json(), body)
})
