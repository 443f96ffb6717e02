import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { readJson } from '../../src/http/json.ts'
import { Problem } from '../../src/problem.ts'

function refusal(text: string): Problem {
  try {
    readJson(text)
  } catch (error) {
    if (error instanceof Problem) return error
    throw error
  }
  throw new Error(`was read: ${text}`)
}

t.test('reads every JSON text as JSON.parse does', async (t) => {
  const safeName = fc.string({ unit: 'binary' }).filter((name) => name !== '__proto__' && !name.includes('\0'))
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.string({ unit: 'binary' }).filter((text) => !text.includes('\0')),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.integer(),
      fc.constantFrom(true, false, null, 'ä"\\/\b\f\n\r\t\u2028😀', 1e21, -0.5e-7),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(safeName, tie('value'), { maxKeys: 4, noNullPrototype: true }),
    ),
  }))
  const property = fc.property(value, fc.constantFrom(undefined, 2, '\t'), (given, indent) => {
    const text = JSON.stringify(given, null, indent)
    deepStrictEqual(readJson(text), JSON.parse(text))
  })
  t.doesNotThrow(() => fc.assert(property, { numRuns: 300 }))
  const escaped = '["\\u00e4\\ud83d\\ude00\\/\\b\\f\\n\\r\\t\\"\\\\", -0, 1E+2, 0.5e-3 ]'
  t.strictSame(readJson(escaped), JSON.parse(escaped))
})

t.test('refuses whatever JSON.parse refuses', async (t) => {
  const pieces = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ':',
    ',',
    '"',
    '"a"',
    '\\',
    'tru',
    'true',
    'null',
    '01',
    '-',
    '1.',
    '1e',
    '.5',
    ' ',
    '\\u12',
    '\u0001',
  )
  const property = fc.property(fc.array(pieces, { minLength: 1, maxLength: 8 }), (parts) => {
    const text = parts.join('')
    const parses = attempt(() => JSON.parse(text))
    const reads = attempt(() => readJson(text))
    deepStrictEqual(reads || (parses && refusal(text).detail?.includes('twice') === true), parses, text)
  })
  t.doesNotThrow(() => fc.assert(property, { numRuns: 2_000 }))
})

t.test('says where the text is broken, in its own words', async (t) => {
  const cases = [
    ['{\n  "a": nope\n}', 'an unexpected character (line 2, column 8)'],
    ['{"a":1', 'it ends too early (line 1, column 7)'],
    ['{"a"', 'it ends too early (line 1, column 5)'],
    ['{"a":1;', 'an unexpected character (line 1, column 7)'],
    ['{1:2}', 'an unexpected character (line 1, column 2)'],
    ['[1 2]', 'an unexpected character (line 1, column 4)'],
    ['"abc', 'it ends too early (line 1, column 5)'],
    ['"a\nb"', 'an unexpected character (line 1, column 3)'],
    ['"\\x"', 'a broken escape (line 1, column 2)'],
    ['"\\u12g4"', 'a broken escape (line 1, column 2)'],
    ['"\\', 'a broken escape (line 1, column 2)'],
    ['1 2', 'an unexpected character (line 1, column 3)'],
    ['nul', 'an unexpected character (line 1, column 1)'],
    ['', 'it ends too early (line 1, column 1)'],
  ] as const
  for (const [text, place] of cases) {
    const { code, detail } = refusal(text)
    t.equal(code, 'malformed_request')
    t.equal(detail, `The body is not acceptable JSON: ${place}`)
  }
})

t.test('a name stands once in an object, however it is written', async (t) => {
  for (const text of ['{"a":1,"a":2}', '{"a":1,"\\u0061":2}', '[{"x":{"b":1,"c":[],"b":1}}]']) {
    const { code, detail } = refusal(text)
    t.equal(code, 'malformed_request')
    t.match(detail, /the name "[ab]" stands twice in one object/)
  }
  t.strictSame(readJson('[{"a":1},{"a":{"a":2}}]'), [{ a: 1 }, { a: { a: 2 } }])
  const long = 'n'.repeat(1_000)
  t.ok((refusal(`{"${long}":1,"${long}":2}`).detail ?? '').length < 200, 'a long name is cut')
})

t.test('nothing reaches for a prototype', async (t) => {
  for (const text of ['{"__proto__":{"admin":true}}', '{"\\u005f_proto__":1}', '[{"constructor":{"prototype":{}}}]']) {
    t.match(refusal(text), { code: 'malformed_request', detail: /"(__proto__|prototype)" is not allowed/ })
  }
  const harmless = '{"constructor":{"a":1},"prototype":2,"toString":3}'
  t.equal(JSON.stringify(readJson(harmless)), harmless)
})

t.test('goes 32 levels deep and no deeper', async (t) => {
  t.ok(readJson('['.repeat(32) + ']'.repeat(32)))
  for (const depth of [33, 30_000]) {
    t.match(refusal('['.repeat(depth) + ']'.repeat(depth)), { code: 'malformed_request', detail: /nested deeper than 32 levels/ })
    t.match(refusal('{"a":'.repeat(depth)), { code: 'malformed_request', detail: /nested deeper than 32 levels/ })
  }
})

t.test('NUL and unpaired surrogates are named by their place', async (t) => {
  const cases = [
    ['"\\u0000"', '#'],
    ['{"a":{"b/c":["x","\\ud800"]}}', '#/a/b~1c/1'],
    ['{"a":{"\\u0000":1}}', '#/a'],
    ['{"\\ud800x":1}', '#'],
    ['{"ä ~":"\\udc00\\ud800"}', '#/%C3%A4%20~0'],
  ] as const
  for (const [text, pointer] of cases) {
    const { code, members } = refusal(text)
    t.equal(code, 'validation_error')
    t.strictSame(members['errors'], [{ pointer, detail: 'must not contain a NUL character or an unpaired surrogate', code: 'text' }])
  }
  const nested = refusal('{"\\ud800":{"b":"\\u0000"}}')
  t.match(nested.members['errors'], [{ pointer: '#' }, { pointer: '#/%EF%BF%BD/b' }])
  t.equal((refusal(`[${Array(500).fill('"\\u0000"').join(',')}]`).members['errors'] as unknown[]).length, 20, 'the list is bounded')
  t.equal(refusal('["\\u0000"').code, 'malformed_request', 'a broken text is broken first')
})

t.test('takes time in proportion to the length', async (t) => {
  const shapes = {
    names: (n: number) => `{${Array.from({ length: n / 10 }, (_, i) => `"k${i}":0`).join(',')}}`,
    'names that are numbers': (n: number) => `{${Array.from({ length: n / 14 }, (_, i) => `"${i * 7919}":0`).join(',')}}`,
    escapes: (n: number) => `"${'\\n'.repeat(n / 2)}"`,
    'many offences': (n: number) =>
      `[${Array(Math.floor(n / 9))
        .fill('"\\u0000"')
        .join(',')}]`,
    blanks: (n: number) => '\n'.repeat(n),
    digits: (n: number) => '1'.repeat(n),
  }
  for (const [name, shape] of Object.entries(shapes)) {
    const [small, large] = [65_536, 524_288].map((length) => worked(shape(length)))
    t.ok((large as number) < 24 * (small as number) + 5, `${name}: 8 times the length takes ${large} ms against ${small} ms`)
  }
})

/** Milliseconds of this thread's own work for one reading, of fifteen: what else the machine does is no part of it. */
function worked(text: string): number {
  const read = () => attempt(() => readJson(text))
  read()
  const start = process.threadCpuUsage()
  for (let round = 0; round < 15; round++) read()
  const { user, system } = process.threadCpuUsage(start)
  return (user + system) / 15_000
}

function attempt(work: () => unknown): boolean {
  try {
    work()
    return true
  } catch {
    return false
  }
}
