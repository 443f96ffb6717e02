import t from 'tap'
import { readUrl } from '../../src/evidence/url.ts'

function urlOf(text: string, domain: string | null = 'xn--bcher-kva.example'): string {
  const reading = readUrl(text, domain)
  return 'value' in reading ? reading.value : `${reading.fault.code}: ${reading.fault.detail}`
}

t.test('a page on the domain or a host below it is read, in the spelling a browser will open', async (t) => {
  for (const [text, url] of [
    ['https://bücher.example/', 'https://xn--bcher-kva.example/'],
    ['HTTP://BÜCHER.example', 'http://xn--bcher-kva.example/'],
    ['https://xn--bcher-kva.example/cart?step=2#sum', 'https://xn--bcher-kva.example/cart?step=2#sum'],
    ['https://www.bücher.example:8443/ä', 'https://www.xn--bcher-kva.example:8443/%C3%A4'],
    ['https://my_shop.bücher.example/', 'https://my_shop.xn--bcher-kva.example/'],
    ['https://bücher.example./', 'https://xn--bcher-kva.example./'],
  ] as const) {
    t.equal(urlOf(text), url, text)
  }
})

t.test('a page elsewhere is refused, whatever it looks like, in words people read', async (t) => {
  for (const text of [
    'https://other.example/',
    'https://example/',
    'https://mybücher.example/',
    'https://bücher.example.evil.test/',
    'https://evil.test/bücher.example',
    'https://evil.test\\.bücher.example/',
    'https://evil.test/?https://bücher.example/',
    'https://evil.test#.bücher.example',
    'https://192.0.2.1/',
    'https://bücher.example../',
  ]) {
    t.equal(urlOf(text), "domain: must be on the ticket's domain bücher.example or a host below it", text)
  }
})

t.test('a ticket about no domain may name any page', async (t) => {
  t.equal(urlOf('https://panel.provider.example/invoices', null), 'https://panel.provider.example/invoices')
  t.equal(urlOf('http://192.0.2.1/', null), 'http://192.0.2.1/')
})

t.test('credentials are refused and not repeated', async (t) => {
  for (const text of ['https://anna:secret@bücher.example/', 'https://anna@bücher.example/', 'https://:secret@bücher.example/']) {
    t.equal(urlOf(text), 'credentials: must not carry a user name or password')
  }
})

t.test('what is no absolute http address is refused', async (t) => {
  for (const text of [
    '',
    'bücher.example',
    '/cart',
    '//bücher.example/',
    'ftp://bücher.example/',
    'javascript:alert(1)',
    'https:bücher.example',
    'https://',
    'https://[/',
  ]) {
    t.match(urlOf(text), /^format: must be an absolute address/, text)
  }
  for (const text of ['https://bücher.example/a b', ' https://bücher.example/', 'https://bü\ncher.example/', 'https://bücher.example/\0']) {
    t.match(urlOf(text), /^format: must not contain spaces or control characters/, JSON.stringify(text))
  }
})
