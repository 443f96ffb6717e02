import fc from 'fast-check'
import t from 'tap'
import { ancestors, isPublicSuffix, isWithin, normaliseHostname, toUnicode } from '../src/hostname.ts'

function nameOf(input: string): string {
  const result = normaliseHostname(input)
  return 'name' in result ? result.name : `refused: ${result.error}`
}

t.test('the many spellings of one name have one form', async (t) => {
  for (const [input, name] of [
    ['shop.example', 'shop.example'],
    ['SHOP.Example', 'shop.example'],
    ['shop.example.', 'shop.example'],
    ['bücher.example', 'xn--bcher-kva.example'],
    ['BÜCHER.example', 'xn--bcher-kva.example'],
    ['bu\u0308cher.example', 'xn--bcher-kva.example'],
    ['XN--BCHER-KVA.Example', 'xn--bcher-kva.example'],
    ['bücher。example', 'xn--bcher-kva.example'],
    ['ｂücher．example｡', 'xn--bcher-kva.example'],
    ['sh\u00adop.example', 'shop.example'],
    ['faß.example', 'xn--fa-hia.example'],
    ['例え.テスト', 'xn--r8jz45g.xn--zckzah'],
    ['1und1.example', '1und1.example'],
    ['3.14.example', '3.14.example'],
  ] as const) {
    t.equal(nameOf(input), name, input)
  }
})

t.test('what is no host name is refused with a sentence that says how to mend it', async (t) => {
  for (const [input, words] of [
    ['', /empty/],
    ['shop', /two labels/],
    ['.', /empty labels/],
    ['..', /empty labels/],
    ['.shop.example', /empty labels/],
    ['shop..example', /empty labels/],
    ['shop.example..', /empty labels/],
    ['\u00ad.example', /empty labels/],
    ['192.0.2.1', /IP address/],
    ['１９２.0.2.1', /IP address/],
    ['192.0.2.1.', /IP address/],
    ['0xc0000201', /IP address/],
    ['3221225985', /IP address/],
    ['shop.0x7f', /IP address/],
    ['2001:db8::1', /IP address/],
    ['[2001:db8::1]', /IP address/],
    ['shop.example:443', /port/],
    ['https://shop.example/', /without http/],
    ['shop.example/cart', /without http/],
    ['shop.example\\cart', /without http/],
    ['info@shop.example', /mail address/],
    ['my_shop.example', /underscores/],
    ['my＿shop.example', /underscores/],
    ['*.shop.example', /wildcard/],
    ['my shop.example', /spaces/],
    [' shop.example', /spaces/],
    ['shop.example\n', /spaces/],
    ['shop\0.example', /control characters/],
    ['\ud800.example', /valid/],
    ['-shop.example', /valid/],
    ['shop-.example', /valid/],
    ['ab--cd.example', /valid/],
    ['xn--.example', /valid/],
    ['xn--a.example', /valid/],
    ['xn--zzzzzzzz99999.example', /valid/],
    ['sh!op.example', /valid/],
    ['1א.example', /valid/],
    ['a\u200db.example', /valid/],
    ['\u0301a.example', /valid/],
  ] as const) {
    t.match(nameOf(input), words, JSON.stringify(input))
  }
})

t.test('lengths are counted in octets of the A-label form', async (t) => {
  const label = 'a'.repeat(63)
  const longest = `${[label, label, label].join('.')}.${'b'.repeat(61)}`
  t.equal(longest.length, 253)
  t.equal(nameOf(longest), longest, '253 octets are allowed')
  t.equal(nameOf(`${longest}.`), longest, 'the trailing dot does not count')
  t.match(nameOf(`${longest}b`), /at most 253 octets/)
  t.match(nameOf(`${label}a.example`), /label longer than 63/)
  t.match(nameOf(`${'äöü'.repeat(20)}.example`), /label longer than 63/)
  t.match(nameOf('ä'.repeat(1025)), /at most 253 octets/)
})

t.test('normalising is total, and its form is its own form', async (t) => {
  const pieces = fc.constantFrom(
    'a',
    'ß',
    'ü',
    'xn--',
    '-',
    '.',
    '。',
    '_',
    'א',
    '1',
    '\u200d',
    '\u00ad',
    '\u0308',
    '\0',
    '@',
    ':',
    '\ud800',
    'K',
  )
  const inputs = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: pieces, maxLength: 40 }),
    fc.domain(),
    fc.string({ unit: 'grapheme' }).map((label) => `${label}.example`),
  )
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(inputs, (input) => {
        const result = normaliseHostname(input)
        if ('error' in result) return result.error.startsWith('must')
        const { name } = result
        return /^[a-z0-9.-]{3,253}$/.test(name) && nameOf(name) === name && nameOf(toUnicode(name)) === name && nameOf(`${name}.`) === name
      }),
      { numRuns: 2000 },
    ),
  )
})

t.test('a name that is in its form already fares as one that UTS #46 has to map', async (t) => {
  const units = fc.constantFrom('a', 'z', '0', '-', '--', '.', 'xn--', 'xn--bcher-kva', 'ab--c', 'example')
  const names = fc.string({ unit: units, minLength: 1, maxLength: 12 })
  // In capitals no name is in its form.
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(names, (name) => nameOf(`b${name}`) === nameOf(`B${name}`)),
      { numRuns: 5000 },
    ),
  )
})

t.test('names are shown as people read them', async (t) => {
  t.equal(toUnicode('xn--bcher-kva.example'), 'bücher.example')
  t.equal(toUnicode('www.xn--fa-hia.example'), 'www.faß.example')
  t.equal(toUnicode('shop.example'), 'shop.example')
})

t.test('a name under which strangers register names is a public suffix', async (t) => {
  for (const name of ['com', 'co.uk', 'github.io', 'example', 'test', 'foo.ck', 'xn--55qx5d.cn', 'compute.amazonaws.com', 'kawasaki.jp']) {
    t.ok(isPublicSuffix(name), name)
  }
  for (const name of [
    'shop.com',
    'shop.co.uk',
    'shop.github.io',
    'foo.example',
    'xn--bcher-kva.example',
    'foo.test',
    'www.ck',
    'a.b.example',
  ]) {
    t.notOk(isPublicSuffix(name), name)
  }
})

t.test('ancestors are the name and its parents of two labels and more, longest first', async (t) => {
  t.same(ancestors('a.b.c.example'), ['a.b.c.example', 'b.c.example', 'c.example'])
  t.same(ancestors('shop.example'), ['shop.example'])
  t.same(ancestors('example'), [])
})

t.test('a host is within a domain by whole labels only', async (t) => {
  t.ok(isWithin('shop.example', 'shop.example'))
  t.ok(isWithin('www.shop.example', 'shop.example'))
  t.notOk(isWithin('myshop.example', 'shop.example'))
  t.notOk(isWithin('example', 'shop.example'))
  t.notOk(isWithin('shop.example.evil.test', 'shop.example'))
  t.doesNotThrow(() => fc.assert(fc.property(fc.domain(), (name) => ancestors(name).every((ancestor) => isWithin(name, ancestor)))))
})
