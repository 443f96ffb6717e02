/** However deep a stranger hides it, nothing of what he wrote can be pressed or shows otherwise than it is. */
import t from 'tap'
import { plainWords } from '../../src/intake/plain.ts'

t.test('words are made plain wherever they stand, and nothing else is changed', async (t) => {
  const override = '\u202e'
  const shown = plainWords({
    subject: `Pay ${override}here`,
    message: 'See https://evil.example or www.evil.example, mailto:a@evil.example',
    details: {
      stepsTried: ['javascript:alert(1)', [`${override}hidden`]],
      browser: { name: 'https://evil.example', version: '1.0' },
      count: 3,
      none: null,
      sure: true,
    },
  })
  t.strictSame(shown, {
    from: 'a stranger',
    subject: 'Pay here',
    message: 'See https[:]//evil.example or www[.]evil.example, mailto[:]a@evil.example',
    details: {
      stepsTried: ['javascript[:]alert(1)', ['hidden']],
      browser: { name: 'https[:]//evil.example', version: '1.0' },
      count: 3,
      none: null,
      sure: true,
    },
  })
})
