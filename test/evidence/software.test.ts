import fc from 'fast-check'
import t from 'tap'
import { readSoftware } from '../../src/evidence/software.ts'

const firefox = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0'
const safari = 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15'
const thunderbird = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Thunderbird/140.5.0'
const outlook = 'Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; Trident/8.0; Microsoft Outlook 16.0.4266; ms-office)'

t.test('name and version are kept as given', async (t) => {
  t.same(readSoftware({ name: 'Firefox', version: '145.0' }, 'browser'), { name: 'Firefox', version: '145.0', raw: null })
  t.same(readSoftware({ name: 'Windows' }, 'operatingSystem'), { name: 'Windows', version: null, raw: null })
})

t.test('a User-Agent header is taken apart and kept', async (t) => {
  t.same(readSoftware(firefox, 'browser'), { name: 'Firefox', version: '145.0', raw: firefox })
  t.same(readSoftware(firefox, 'operatingSystem'), { name: 'Windows', version: 'NT 10.0', raw: firefox })
  t.same(readSoftware(safari, 'browser'), { name: 'Safari', version: '17.5', raw: safari })
  t.same(readSoftware(safari, 'operatingSystem'), { name: 'macOS', version: '10.15.7', raw: safari })
  t.same(readSoftware(thunderbird, 'operatingSystem'), { name: 'Linux', version: null, raw: thunderbird })
  t.same(readSoftware('Firefox 145', 'browser'), { name: 'Firefox', version: '145', raw: 'Firefox 145' })
})

t.test('a mail program is found where only the browser engine would be', async (t) => {
  t.same(readSoftware(thunderbird, 'emailClient'), { name: 'Thunderbird', version: '140.5.0', raw: thunderbird })
  t.same(readSoftware(outlook, 'emailClient'), { name: 'Microsoft Outlook', version: '16.0.4266', raw: outlook })
  t.same(readSoftware('Microsoft Outlook 16.0', 'emailClient'), {
    name: 'Microsoft Outlook',
    version: '16.0',
    raw: 'Microsoft Outlook 16.0',
  })
  t.same(readSoftware(firefox, 'emailClient'), { name: 'Firefox', version: '145.0', raw: firefox }, 'webmail')
})

t.test('what cannot be taken apart is kept whole, and loses nothing', async (t) => {
  for (const text of ['the blue one', 'Windows 11', 'curl/8.0', 'Apple Mail (16.0)', '__proto__', thunderbird]) {
    t.same(readSoftware(text, 'browser'), { name: text, version: null, raw: text })
  }
  t.same(readSoftware('Windows 11', 'operatingSystem'), { name: 'Windows 11', version: null, raw: 'Windows 11' })
})

t.test('reading is total, and always finds a name', async (t) => {
  const unit = fc.constantFrom(
    'Mozilla/5.0 ',
    '(Windows NT 10.0)',
    'Chrome/',
    '99',
    ' ',
    '/',
    'Thunderbird',
    'Mac OS X ',
    ';',
    '_',
    '\ud800',
    'x',
  )
  const texts = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit, maxLength: 60 })).filter((text) => /\S/.test(text))
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(texts, fc.constantFrom('browser', 'operatingSystem', 'emailClient'), (text, kind) => {
        const { name, raw } = readSoftware(text, kind)
        return name !== '' && raw === text
      }),
      { numRuns: 500 },
    ),
  )
})
