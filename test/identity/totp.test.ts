import t from 'tap'
import { amrOf } from '../../src/identity/methods.ts'
import { base32Of, newTotpKey, stepOfCode, totpUri } from '../../src/identity/totp.ts'
import { verificationMethods } from '../../src/vocabulary.ts'
import { codeOf } from '../factors/stage.ts'

const key = Buffer.from('12345678901234567890')

/** RFC 6238, appendix B, for SHA-1: the last six of the eight digits there. */
const vectors = [
  [59, '94287082'],
  [1111111109, '07081804'],
  [1111111111, '14050471'],
  [1234567890, '89005924'],
  [2000000000, '69279037'],
  [20000000000, '65353130'],
] as const

t.test('the codes of RFC 6238 belong to their steps', async (t) => {
  for (const [seconds, digits] of vectors) {
    const code = digits.slice(-6)
    t.equal(stepOfCode(key, code, seconds * 1000), Math.floor(seconds / 30), `at ${seconds}`)
    t.equal(codeOf(base32Of(key), seconds * 1000), code, 'and the app of these tests shows them')
  }
})

t.test('one step before and after counts, and no further', async (t) => {
  const now = 1_700_000_000_000
  const step = Math.floor(now / 30_000)
  for (const away of [-1, 0, 1]) t.equal(stepOfCode(key, codeOf(base32Of(key), now + away * 30_000), now), step + away)
  for (const away of [-3, -2, 2, 3]) t.equal(stepOfCode(key, codeOf(base32Of(key), now + away * 30_000), now), undefined)
  t.equal(stepOfCode(newTotpKey(), codeOf(base32Of(key), now), now), undefined, 'nor the code of another key')
})

t.test('a key is new, has 160 bits, and goes into a URI with all that an app must know', async (t) => {
  const made = newTotpKey()
  t.equal(made.length, 20)
  t.notSame(made, newTotpKey())
  const uri = new URL(totpUri(key, 'support.example', 'anna@shop.example'))
  t.equal(uri.protocol, 'otpauth:')
  t.match(decodeURIComponent(uri.href), '//totp/support.example:anna@shop.example?')
  t.strictSame(Object.fromEntries(uri.searchParams), {
    issuer: 'support.example',
    secret: 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ',
    algorithm: 'SHA1',
    digits: '6',
    period: '30',
  })
})

t.test('the amr of a token says in registered words how the person was verified', async (t) => {
  t.strictSame(amrOf('password'), ['pwd'])
  t.strictSame(amrOf('password+totp'), ['pwd', 'otp', 'mfa'])
  t.strictSame(amrOf('passkey'), ['hwk', 'user'])
  t.strictSame(
    verificationMethods.filter((method) => amrOf(method).length > 0),
    ['password', 'password+totp', 'passkey'],
    'and nothing of what is no sign-in of a person',
  )
})
