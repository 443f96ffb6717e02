import fc from 'fast-check'
import t from 'tap'
import { checkDetails, demandDetails } from '../../src/evidence/check.ts'
import { evidenceFields, fieldNames } from '../../src/evidence/fields.ts'
import type { Context } from '../../src/evidence/reading.ts'
import { type FieldError, Problem } from '../../src/problem.ts'
import { type TopicKey, topicKeys } from '../../src/vocabulary.ts'

const context: Context = { domain: 'xn--bcher-kva.example', now: Date.parse('2026-11-23T00:00:00Z') }
const at = '2026-11-22T14:05:00+10:00[Australia/Brisbane]'
const mail = { occurredAt: at, mailFrom: 'Anna.B@Customer.example', mailTo: 'info@bücher.example' }

/** The errors as `pointer code`. */
function faults(topic: TopicKey, details: unknown, given: Context = context): string[] {
  return checkDetails(topic, details, given).errors.map((error) => `${(error as { pointer: string }).pointer} ${error.code}`)
}

function errorAt(topic: TopicKey, details: unknown): FieldError | undefined {
  return checkDetails(topic, details, context).errors[0]
}

function problemOf(act: () => unknown): Problem {
  try {
    act()
  } catch (error) {
    if (error instanceof Problem) return error
    throw error
  }
  throw new Error('nothing was refused')
}

t.test('full details of lost mail are stored in one form each', async (t) => {
  const { details, completeness, errors } = checkDetails(
    'email-delivery',
    {
      ...mail,
      occurredAt: { at, precision: 'minute' },
      bounce: 'Action: failed',
      errorMessage: '550 5.1.1 User unknown',
      messageId: 'abc@mail.customer.example',
      emailClient: { name: 'Thunderbird', version: '140.5' },
      stepsTried: 'Sent it again',
      operatingSystem: 'Windows 11',
      stepsToReproduce: ['Write', 'Send'],
    },
    context,
  )
  t.same(errors, [])
  t.same(completeness, { score: 100, missing: [] })
  t.same(details, {
    occurredAt: { at, utc: '2026-11-22T04:05:00.000Z', offset: '+10:00', zone: 'Australia/Brisbane', precision: 'minute' },
    mailFrom: 'Anna.B@customer.example',
    mailTo: 'info@xn--bcher-kva.example',
    bounce: 'Action: failed',
    errorMessage: '550 5.1.1 User unknown',
    messageId: '<abc@mail.customer.example>',
    emailClient: { name: 'Thunderbird', version: '140.5', raw: null },
    stepsTried: ['Sent it again'],
    operatingSystem: { name: 'Windows 11', version: null, raw: 'Windows 11' },
    stepsToReproduce: ['Write', 'Send'],
  })
})

t.test('completeness names what is still wanted, why, and an example; required counts three times', async (t) => {
  const { completeness } = checkDetails('website', { occurredAt: at, browser: { name: 'Firefox' } }, context)
  t.equal(completeness.score, 40, '3 + 1 of 3 + 3 + 1 + 1 + 1 + 1')
  t.same(
    completeness.missing.map(({ field, need }) => `${need} ${field}`),
    ['required url', 'wanted operatingSystem', 'wanted errorMessage', 'wanted stepsToReproduce'],
  )
  const { why, example } = evidenceFields.url
  t.same(completeness.missing[0], { field: 'url', need: 'required', why, example })
  t.equal(checkDetails('website', {}, context).completeness.score, 0)
  t.equal(checkDetails('website', undefined, context).completeness.score, 0, 'no details are empty details')
  t.same(checkDetails('billing', {}, context), { details: {}, completeness: { score: 100, missing: [] }, errors: [] })
})

t.test('a missing required field is answered with its name, why support needs it, and an example', async (t) => {
  const problem = problemOf(() => demandDetails('email-delivery', { occurredAt: at, stepsTried: ['x'] }, context))
  t.equal(problem.code, 'details_missing')
  t.equal(problem.detail, 'The topic email-delivery cannot be worked on without mailFrom, mailTo')
  const expected = (['mailFrom', 'mailTo'] as const).map((field) => {
    const { why, example } = evidenceFields[field]
    return { field, pointer: `#/details/${field}`, why, example }
  })
  t.same(problem.members, { missing: expected }, 'what is only wanted is not demanded')
})

t.test('details with everything required are stored, even when more is wanted', async (t) => {
  const { details, completeness, ...rest } = demandDetails('email-delivery', mail, context)
  t.same(Object.keys(details), ['occurredAt', 'mailFrom', 'mailTo'])
  t.equal(completeness.score, 64)
  t.same(rest, {})
  t.same(demandDetails('billing', undefined, context).details, {})
})

t.test('errors come before missing fields, all of them at once', async (t) => {
  const problem = problemOf(() => demandDetails('website', { url: 'ftp://x', browser: 5, nope: 1 }, context))
  t.equal(problem.code, 'validation_error')
  t.same(
    (problem.members['errors'] as { pointer: string; code: string }[]).map(({ pointer, code }) => `${pointer} ${code}`),
    ['#/details/nope unknown_field', '#/details/browser type', '#/details/url format'],
  )
})

t.test('what is wrong with one field does not hide the others', async (t) => {
  const { details, completeness, errors } = checkDetails('website', { occurredAt: at, url: 5, errorMessage: '404' }, context)
  t.equal(errors.length, 1)
  t.same(Object.keys(details), ['occurredAt', 'errorMessage'])
  t.same(
    completeness.missing.map(({ field }) => field),
    ['url', 'browser', 'operatingSystem', 'stepsToReproduce'],
  )
})

t.test('unknown fields are refused, with those that are known', async (t) => {
  t.match(errorAt('billing', { url: 'https://bücher.example/' }), {
    pointer: '#/details/url',
    code: 'unknown_field',
    detail: 'is not known here; known are occurredAt, errorMessage, stepsTried',
  })
  t.match(errorAt('website', { browser: { name: 'x', engine: 'y' } }), {
    pointer: '#/details/browser/engine',
    detail: 'is not known here; known are name, version',
  })
  t.same(faults('other', JSON.parse('{"__proto__":{"url":"x"},"constructor":1}')), [
    '#/details/__proto__ unknown_field',
    '#/details/constructor unknown_field',
  ])
  t.same(faults('other', { 'a/b~ü"': 1 }), ['#/details/a~1b~0%C3%BC%22 unknown_field'], 'the pointer is a URI fragment (RFC 6901)')
  t.same(faults('other', { '\ud800': 1 }), ['#/details/%EF%BF%BD unknown_field'])
  t.same(faults('other', { ['x'.repeat(1000)]: 1 }), [`#/details/${'x'.repeat(100)} unknown_field`], 'long names are cut')
})

t.test('an answer to a flood of errors stays short, and nothing unsound slips through behind it', async (t) => {
  const flood = Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`x${index}`, index]))
  const { details, errors } = checkDetails('website', { ...flood, url: 5, browser: [1], errorMessage: { toString: 'x' } }, context)
  t.equal(errors.length, 20)
  t.same(details, {})
})

t.test('wrong types are refused with the right ones', async (t) => {
  for (const [topic, details, pointer, code, detail] of [
    ['website', { url: 5 }, '#/details/url', 'type', 'must be text'],
    ['website', { url: null }, '#/details/url', 'type', 'must be text'],
    ['website', { occurredAt: 5 }, '#/details/occurredAt', 'type', 'must be text or an object with at, precision'],
    ['website', { occurredAt: [at] }, '#/details/occurredAt', 'type', 'must be text or an object with at, precision'],
    ['website', { occurredAt: {} }, '#/details/occurredAt/at', 'required', 'must be given'],
    ['website', { occurredAt: { at: 5 } }, '#/details/occurredAt/at', 'type', 'must be text'],
    ['website', { occurredAt: { at, precision: 5 } }, '#/details/occurredAt/precision', 'type', 'must be text'],
    [
      'website',
      { occurredAt: { at, precision: 'x' } },
      '#/details/occurredAt/precision',
      'enum',
      'must be one of exact, minute, about, since',
    ],
    ['website', { stepsTried: 5 }, '#/details/stepsTried', 'type', 'must be text or a list of texts'],
    ['website', { stepsTried: {} }, '#/details/stepsTried', 'type', 'must be text or a list of texts'],
    ['website', { stepsTried: ['x', 5] }, '#/details/stepsTried/1', 'type', 'must be text'],
    ['billing', null, '#/details', 'type', 'must be an object with occurredAt, errorMessage, stepsTried'],
    ['billing', [], '#/details', 'type', 'must be an object with occurredAt, errorMessage, stepsTried'],
    ['billing', 'x', '#/details', 'type', 'must be an object with occurredAt, errorMessage, stepsTried'],
  ] as const) {
    t.same(checkDetails(topic, details, context).errors, [{ pointer, code, detail }], JSON.stringify(details))
  }
})

t.test('empty and over-long values are refused', async (t) => {
  const steps = Array.from({ length: 51 }, () => 'x')
  for (const [topic, details, expected] of [
    ['website', { errorMessage: '' }, '#/details/errorMessage empty'],
    ['website', { errorMessage: ' \n' }, '#/details/errorMessage empty'],
    ['website', { browser: '' }, '#/details/browser empty'],
    ['website', { browser: { name: ' ' } }, '#/details/browser/name empty'],
    ['website', { browser: { name: 'x', version: '' } }, '#/details/browser/version empty'],
    ['website', { stepsTried: [] }, '#/details/stepsTried empty'],
    ['website', { stepsTried: ['x', ''] }, '#/details/stepsTried/1 empty'],
    ['website', { stepsTried: steps }, '#/details/stepsTried maximum_items'],
    ['website', { stepsTried: ['x'.repeat(2049)] }, '#/details/stepsTried/0 maximum_length'],
    ['website', { stepsTried: 'x'.repeat(8193) }, '#/details/stepsTried maximum_length'],
    ['website', { errorMessage: 'x'.repeat(8193) }, '#/details/errorMessage maximum_length'],
    ['website', { errorMessage: 'ä'.repeat(4097) }, '#/details/errorMessage maximum_length'],
    ['website', { url: `https://bücher.example/${'x'.repeat(2048)}` }, '#/details/url maximum_length'],
    ['website', { occurredAt: at.padEnd(101) }, '#/details/occurredAt maximum_length'],
    ['other', { bounce: 'ä'.repeat(8193) }, '#/details/bounce maximum_length'],
    ['other', { messageId: '' }, '#/details/messageId format'],
    ['other', { messageId: 'two words' }, '#/details/messageId format'],
    ['other', { messageId: 'x'.repeat(999) }, '#/details/messageId maximum_length'],
    ['other', { mailTo: '' }, '#/details/mailTo format'],
  ] as const) {
    t.same(faults(topic, details), [expected], expected)
  }
  t.same(faults('website', { errorMessage: 'ä'.repeat(4096), stepsTried: steps.slice(1) }), [], 'the bounds themselves are allowed')
  t.match(errorAt('website', { errorMessage: 'x'.repeat(8193) }), { detail: 'must be at most 8192 characters long' })
  t.match(errorAt('website', { errorMessage: 'ä'.repeat(4097) }), { detail: 'must be at most 8192 bytes long in UTF-8' })
  t.match(errorAt('website', { stepsTried: steps }), { detail: 'must have at most 50 items' })
})

t.test('NUL and lone surrogates are refused in every text of every field', async (t) => {
  for (const bad of ['x\0y', 'x\ud800y', '\udc00']) {
    for (const [details, pointer] of [
      ...fieldNames.map((field) => [{ [field]: bad }, `#/details/${field}`] as const),
      [{ occurredAt: { at: bad } }, '#/details/occurredAt/at'],
      [{ occurredAt: { at, precision: bad } }, '#/details/occurredAt/precision'],
      [{ browser: { name: bad } }, '#/details/browser/name'],
      [{ browser: { name: 'x', version: bad } }, '#/details/browser/version'],
      [{ stepsTried: ['x', bad] }, '#/details/stepsTried/1'],
    ] as const) {
      t.same(faults('other', details), [`${pointer} text`], JSON.stringify(details))
    }
  }
  t.same(faults('other', { errorMessage: 'päge 🙈\tfailed\r\n' }), [], 'other text passes')
  t.same(faults('other', { browser: { name: 'x', version: undefined } }), [], 'undefined is absent')
})

t.test('mail must come from the domain or go to it', async (t) => {
  const away = 'x@customer.example'
  for (const here of ['info@bücher.example', 'INFO@XN--BCHER-KVA.EXAMPLE', 'info@mail.bücher.example', 'jürgen@bücher.example']) {
    t.same(faults('email-delivery', { mailFrom: here, mailTo: away }), [], `from ${here}`)
    t.same(faults('email-delivery', { mailFrom: away, mailTo: here }), [], `to ${here}`)
  }
  for (const there of ['info@other.example', 'info@mybücher.example', 'info@bücher.example.evil.test', 'bücher.example@evil.test']) {
    t.same(faults('email-delivery', { mailFrom: away, mailTo: there }), ['#/details/mailTo domain'], there)
  }
  t.equal(
    errorAt('email-delivery', { mailFrom: away, mailTo: away })?.detail,
    'must be an address on bücher.example or a host below it, unless mailFrom is one',
  )
  t.same(faults('email-delivery', { mailFrom: away }), [], 'the one that is missing may be the one')
  t.same(faults('email-delivery', { mailTo: away }), [])
  t.same(faults('email-delivery', { mailFrom: away, mailTo: 'x' }), ['#/details/mailTo format'])
  t.same(faults('email-delivery', { mailFrom: away, mailTo: away }, { ...context, domain: null }), [], 'not about a domain')
  t.same(faults('other', { mailFrom: away, mailTo: away }), [], 'only this topic is about mail of the domain')
})

t.test('faults of reading point to the field', async (t) => {
  t.same(faults('website', { occurredAt: '2026-11-22T14:05:00' }), ['#/details/occurredAt format'])
  t.same(faults('website', { occurredAt: { at: '2026-11-22T14:05:00+11:00[Australia/Brisbane]' } }), ['#/details/occurredAt/at offset'])
  t.same(faults('website', { url: 'https://other.example/' }), ['#/details/url domain'])
  t.same(faults('website', { url: 'https://other.example/' }, { ...context, domain: null }), [])
  t.same(faults('email-delivery', { mailFrom: 'Anna <a@b.example>' }), ['#/details/mailFrom format'])
})

t.test('checking is total: anything at all is answered', async (t) => {
  const texts = fc.oneof(fc.string({ unit: 'binary' }), fc.constant(at), fc.webUrl(), fc.emailAddress())
  const values = fc.oneof(
    texts,
    fc.array(texts),
    fc.record({ at: texts, name: texts, version: texts }, { requiredKeys: [] }),
    fc.anything(),
  )
  const shaped = fc.dictionary(fc.oneof(fc.constantFrom(...fieldNames, '__proto__', 'constructor'), fc.string()), values)
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(fc.constantFrom(...topicKeys), fc.oneof(shaped, fc.anything()), (topic, details) => {
        const { errors, completeness } = checkDetails(topic, details, context)
        const { score } = completeness
        return (
          errors.every((error) => 'pointer' in error && /^#\/details[!-~]*$/.test(error.pointer)) &&
          Number.isInteger(score) &&
          score >= 0 &&
          score <= 100
        )
      }),
      { numRuns: 1000 },
    ),
  )
})
