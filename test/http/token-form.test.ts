import t from 'tap'
import { hasTokenForm } from '../../src/http/token-form.ts'

const encode = (text: string) => Buffer.from(text).toString('base64url')
const header = '{"alg":"EdDSA","typ":"at+jwt","kid":"k"}'

t.test('only the form in which we write tokens is looked at any further', async (t) => {
  const form = (head: string, body = '{"sub":"x"}') => `${encode(head)}.${encode(body)}.c2ln`
  t.ok(hasTokenForm(form(header)))
  const refused = {
    'two parts': form(header).split('.').slice(0, 2).join('.'),
    'an empty part': `${form(header)}.`,
    padding: form(header).replace('.', '=.'),
    'bits that nobody reads': `${form(header)}Zh`,
    'another alphabet': form(header).replace('.', '+.'),
    'a critical extension': form('{"alg":"EdDSA","typ":"at+jwt","kid":"k","crit":["b64"]}'),
    'a key by address': form('{"alg":"EdDSA","typ":"at+jwt","kid":"k","jku":"https://x.example"}'),
    'a key inside': form('{"alg":"EdDSA","typ":"at+jwt","kid":"k","jwk":{}}'),
    'a header twice': form('{"alg":"EdDSA","alg":"none","typ":"at+jwt","kid":"k"}'),
    'a claim twice': form(header, '{"sub":"x","sub":"y"}'),
    'a header that is a list': form('["EdDSA"]'),
    'a header that is nothing': form('null'),
    'no JSON': form('nonsense'),
  }
  for (const [what, token] of Object.entries(refused)) t.notOk(hasTokenForm(token), what)
})
