import t from 'tap'
import { createRateLimit, networkOf, type RateLimit } from '../../src/http/rate-limit.ts'
import { Problem } from '../../src/problem.ts'
import { holdsProblem, serverWith } from './wire.ts'

let time = 1_000_000
const now = () => time

/** What a request is told: what remains and until when, or for how long it must wait. */
function charged(limit: RateLimit, caller?: string, ip = '192.0.2.1'): string {
  let state = ''
  const reply = { headers: (headers: Record<string, string>) => (state = String(headers['ratelimit'])) }
  try {
    limit.charge({ ip } as never, reply as never, caller)
    return state
  } catch (error) {
    return error instanceof Problem ? `${error.code} ${error.headers['retry-after']} ${state}` : String(error)
  }
}

t.test('a caller has his quota in each window, and is told what is left of it', async (t) => {
  const limit = createRateLimit({ quota: 2, windowSeconds: 10, now })
  t.equal(charged(limit, 'a'), '"default";r=1;t=10')
  time += 2_500
  t.equal(charged(limit, 'a'), '"default";r=0;t=8')
  t.equal(charged(limit, 'a'), 'quota_exceeded 8 "default";r=0;t=8')
  t.equal(charged(limit, 'b'), '"default";r=1;t=10', 'others have their own')
  time += 7_499
  t.match(charged(limit, 'a'), /^quota_exceeded 1/)
  time += 1
  t.equal(charged(limit, 'a'), '"default";r=1;t=10', 'and then it begins anew')
})

t.test('strangers are counted by their network, and never on the account of a user', async (t) => {
  const limit = createRateLimit({ quota: 1, windowSeconds: 10, now })
  t.equal(charged(limit), '"default";r=0;t=10')
  t.match(charged(limit), /^quota_exceeded/)
  t.equal(charged(limit, 'user:1'), '"default";r=0;t=10')
  t.equal(charged(limit, undefined, '192.0.2.2'), '"default";r=0;t=10')
  t.equal(charged(limit, undefined, '2001:db8:1:2:3:4:5:6'), '"default";r=0;t=10')
  t.match(charged(limit, undefined, '2001:db8:1:2::9'), /^quota_exceeded/)
})

t.test('an IPv6 network is a /64, an IPv4 address is itself', async (t) => {
  for (const [address, network] of [
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:1:2::', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['1::2:3:4:5:6:7', '1:0:2:3::/64'],
    ['', ''],
    [undefined, ''],
  ] as const) {
    t.equal(networkOf(address), network, `${address}`)
  }
})

t.test('what is remembered is bounded, and what has ended is forgotten first', async (t) => {
  const limit = createRateLimit({ quota: 1, windowSeconds: 10, now, callersMax: 2 })
  charged(limit, 'a')
  time += 1_000
  charged(limit, 'b')
  charged(limit, 'c')
  t.match(charged(limit, 'b'), /^quota_exceeded/, 'the newer ones stay')
  t.match(charged(limit, 'c'), /^quota_exceeded/)
  t.equal(charged(limit, 'a'), '"default";r=0;t=10', 'the oldest had to go')
  time += 10_000
  t.equal(charged(limit, 'd'), '"default";r=0;t=10')
  t.equal(charged(limit, 'e'), '"default";r=0;t=10')
  t.match(charged(limit, 'd'), /^quota_exceeded/, 'room was made by what had ended')
})

t.test('a clock that is put back locks nobody out', async (t) => {
  const limit = createRateLimit({ quota: 1, windowSeconds: 10, now })
  charged(limit, 'a')
  time -= 3_600_000
  t.equal(charged(limit, 'a'), '"default";r=0;t=10')
})

t.test('the quota stands on every reply, and beyond it is 429', async (t) => {
  const limit = createRateLimit({ now })
  const app = await serverWith(t, (app) => {
    app.addHook('onRequest', async (request, reply) => limit.charge(request, reply))
    app.get('/', async () => ({}))
  })
  const first = await app.inject('/?unknown=1')
  t.match(
    [first.statusCode, first.headers['ratelimit-policy'], first.headers['ratelimit']],
    [422, '"default";q=600;w=60', '"default";r=599;t=60'],
  )
  for (let count = 1; count < 600; count++) await app.inject('/')
  const last = await app.inject('/')
  holdsProblem(t, last, 429, 'quota_exceeded')
  t.match(last.headers, { 'retry-after': '60', ratelimit: '"default";r=0;t=60', 'ratelimit-policy': '"default";q=600;w=60' })
})
