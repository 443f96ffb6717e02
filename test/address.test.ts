import fc from 'fast-check'
import t from 'tap'
import { normaliseAddress } from '../src/address.ts'

function addressOf(input: string, options?: { internationalLocal?: boolean }): string {
  const result = normaliseAddress(input, options)
  return 'address' in result ? result.address : `refused: ${result.error}`
}

t.test('two spellings that mailbox providers treat alike are one identity', async (t) => {
  t.equal(addressOf('Anna@Shop.Example'), 'anna@shop.example')
  t.equal(addressOf('ANNA@shop.example.'), 'anna@shop.example')
  t.equal(addressOf('info@BÜCHER.example'), 'info@xn--bcher-kva.example')
  t.equal(addressOf('info@xn--bcher-kva.example'), 'info@xn--bcher-kva.example')
})

t.test('dots and tags are not folded', async (t) => {
  t.equal(addressOf('an.na+shop@shop.example'), 'an.na+shop@shop.example')
  t.equal(addressOf("!#$%&'*+-/=?^_`{|}~@shop.example"), "!#$%&'*+-/=?^_`{|}~@shop.example")
})

t.test('the local part is also given as it was written', async (t) => {
  t.same(normaliseAddress('Anna.B@Shop.Example'), { address: 'anna.b@shop.example', local: 'Anna.B', domain: 'shop.example' })
})

t.test('what is no plain address is refused with a sentence that says how to mend it', async (t) => {
  for (const [input, words] of [
    ['', /must be a mail address/],
    ['anna', /must be a mail address/],
    ['@shop.example', /local part before/],
    ['anna@', /after the @ that must not be empty/],
    ['anna@shop', /after the @ that must have at least two labels/],
    ['anna@[192.0.2.1]', /after the @ .*IP address/],
    ['anna@192.0.2.1', /after the @ .*IP address/],
    ['anna@my_shop.example', /after the @ .*underscores/],
    ['a@b@shop.example', /local part of letters/],
    ['.anna@shop.example', /single dots/],
    ['anna.@shop.example', /single dots/],
    ['an..na@shop.example', /single dots/],
    ['an,na@shop.example', /local part of letters/],
    ['anna(home)@shop.example', /local part of letters/],
    ['"anna"@shop.example', /quoted/],
    ['"an na"@shop.example', /spaces/],
    ['Anna<anna@shop.example>', /alone, without a name/],
    ['<anna@shop.example>', /alone, without a name/],
    ['Anna B <anna@shop.example>', /spaces/],
    [' anna@shop.example', /spaces/],
    ['anna@shop.example\r\nBcc: x@y.example', /spaces/],
    ['anna\0@shop.example', /control/],
    ['an\u200bna@shop.example', /control/],
    ['an\u202ena@shop.example', /control/],
    ['\ud800@shop.example', /control/],
    ['jürgen@shop.example', /ASCII/],
  ] as const) {
    t.match(addressOf(input), words, JSON.stringify(input))
  }
})

t.test('an international local part is allowed only where asked for', async (t) => {
  const options = { internationalLocal: true }
  t.equal(addressOf('Jürgen@bücher.example', options), 'jürgen@xn--bcher-kva.example')
  t.equal(addressOf('ju\u0308rgen@shop.example', options), 'jürgen@shop.example', 'composed')
  t.equal(addressOf('用户@例え.テスト', options), '用户@xn--r8jz45g.xn--zckzah')
  t.match(addressOf('用户'.repeat(11).concat('@shop.example'), options), /at most 64 octets/, 'octets are counted, not characters')
  t.match(addressOf('jürgen@shop.example', { internationalLocal: false }), /ASCII/)
  t.match(addressOf('an\u037ena@shop.example', options), /local part of letters/, 'a Greek question mark composes to a semicolon')
  t.match(addressOf('jür gen@shop.example', options), /spaces/)
  t.match(addressOf('jür\u202egen@shop.example', options), /control/, 'nothing that cannot be seen')
})

t.test('lengths are bounded as RFC 5321 bounds them', async (t) => {
  const local = 'a'.repeat(64)
  t.equal(addressOf(`${local}@shop.example`), `${local}@shop.example`)
  t.match(addressOf(`a${local}@shop.example`), /at most 64 octets before/)
  const host = ['a', 'b', 'c'].map((letter) => letter.repeat(63)).join('.')
  t.equal(addressOf(`${'a'.repeat(62)}@${host}`).length, 254)
  t.match(addressOf(`${'a'.repeat(63)}@${host}`), /at most 254 octets/)
  t.match(addressOf(`${'\u0130'.repeat(22)}@shop.example`, { internationalLocal: true }), /at most 64/, 'lower case may be longer')
})

t.test('normalising is total, and its form is its own form', async (t) => {
  const unit = fc.constantFrom('a', 'B', '.', '@', '+', '"', '<', 'ß', 'İ', 'Σ', '\u0308', '\u037e', '\u212a', '\0', ' ', '\ud800', '用')
  const locals = fc.oneof(fc.string({ unit, maxLength: 12 }), fc.string({ unit: 'binary', maxLength: 12 }), fc.string({ unit: 'grapheme' }))
  const inputs = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.emailAddress(),
    fc.tuple(locals, fc.domain()).map((parts) => parts.join('@')),
  )
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(inputs, fc.boolean(), (input, internationalLocal) => {
        const result = normaliseAddress(input, { internationalLocal })
        if ('error' in result) return /^(?:must|has) /.test(result.error)
        const { address } = result
        return Buffer.byteLength(address) <= 254 && addressOf(address, { internationalLocal }) === address
      }),
      { numRuns: 2000 },
    ),
  )
})
