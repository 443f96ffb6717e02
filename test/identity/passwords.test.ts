import t from 'tap'
import { createQueue } from '../../src/database/queue.ts'
import { tellSlowHashing } from '../../src/identity/hash-speed.ts'
import { demandPassword, hashPassword, isWeaker, placesOf, restAfter, verifyPassword } from '../../src/identity/passwords.ts'

const cost = { passwordHashMemoryKib: 19_456, passwordHashPasses: 2 }

t.test('a password is kept as an argon2id hash of the configured cost', async (t) => {
  const hash = await hashPassword(cost, 'correct horse battery staple')
  t.match(hash, /^\$argon2id\$v=19\$m=19456,p=1,t=2\$/)
  t.ok(await verifyPassword(cost, hash, 'correct horse battery staple'))
  t.notOk(await verifyPassword(cost, hash, 'correct horse battery stable'))
  t.not(hash, await hashPassword(cost, 'correct horse battery staple'), 'salted')
  const stronger = { passwordHashMemoryKib: 20_480, passwordHashPasses: 3 }
  t.match(await hashPassword(stronger, 'x'), /^\$argon2id\$v=19\$m=20480,p=1,t=3\$/)
})

t.test('a hash that takes long is told once at the start, with how long', async (t) => {
  const told: object[] = []
  const log = { warn: (fields: object, message: string) => told.push({ ...fields, message }) }
  await tellSlowHashing(cost, log, Number.POSITIVE_INFINITY)
  t.strictSame(told, [])
  const begun = performance.now()
  await tellSlowHashing(cost, log, 0)
  const took = performance.now() - begun
  t.match(told, [{ milliseconds: Number, message: /slow here.*PASSWORD_HASH_PASSES/ }])
  const [{ milliseconds }] = told as [{ milliseconds: number }]
  t.ok(milliseconds > 0 && milliseconds <= took / 2 + 1, `the quicker of two: ${milliseconds} of ${took}`)
  t.equal(told.length, 1)
})

t.test('the same password typed on another keyboard is the same password', async (t) => {
  const hash = await hashPassword(cost, 'Schl\u00fcsselbund') // ü composed
  t.ok(await verifyPassword(cost, hash, 'Schlu\u0308sselbund')) // u with a combining diaeresis
})

t.test('where there is no hash no password is right', async (t) => {
  t.notOk(await verifyPassword(cost, null, ''))
  t.notOk(await verifyPassword(cost, null, 'correct horse battery staple'))
})

t.test('only a stronger setting is stronger', async (t) => {
  const stored = '$argon2id$v=19$m=32768,t=3,p=1$c2FsdHNhbHQ$aGFzaA'
  const configured = (passwordHashMemoryKib: number, passwordHashPasses: number) =>
    isWeaker({ passwordHashMemoryKib, passwordHashPasses }, stored)
  t.ok(configured(32_768, 4))
  t.ok(configured(65_536, 3))
  t.notOk(configured(32_768, 3), 'the same')
  t.notOk(configured(19_456, 2), 'weaker')
  t.notOk(configured(65_536, 2), 'neither')
  t.notOk(configured(19_456, 9), 'nor so')
})

t.test('a new password has 12 to 1024 characters and is not the address', async (t) => {
  const refused = (password: string, code: string) =>
    t.throws(() => demandPassword(password, 'anna@shop.example'), {
      code: 'validation_error',
      members: { errors: [{ pointer: '#/password', code }] },
    })
  refused('x'.repeat(11), 'min_length')
  refused('🔑'.repeat(11), 'min_length')
  refused('e\u0301'.repeat(11), 'min_length') // counted as it is kept: composed
  refused('x'.repeat(1_025), 'max_length')
  refused('Anna@Shop.example', 'guessable')
  for (const password of ['x'.repeat(12), '🔑'.repeat(12), 'x'.repeat(1_024), 'ünïcödé ïs fïne', 'anna@shop.example!']) {
    t.doesNotThrow(() => demandPassword(password, 'anna@shop.example'))
  }
})

t.test('one processor is always left to everything else', async (t) => {
  t.strictSame([1, 2, 3, 64].map(placesOf), [1, 1, 2, 2])
})

t.test('a place that others wait for rests first, and one that nobody waits for does not', async (t) => {
  t.strictSame([0, 10, 1_000].map(restAfter), [0, 60, 250])
  const asked: number[] = []
  const queue = createQueue(1, 3, (worked) => {
    asked.push(worked)
    return 20
  })
  const order: string[] = []
  await queue.run(async () => order.push('alone'))
  t.strictSame(asked, [])
  const first = queue.run(async () => order.push('first'))
  const second = queue.run(async () => order.push('second'))
  await first
  t.strictSame(order, ['alone', 'first'])
  t.equal(queue.waiting(), 0, 'his turn has come, but not yet')
  await second
  t.strictSame(order, ['alone', 'first', 'second'])
  t.ok(asked.length > 0 && asked.every((worked) => worked >= 0))
  t.equal(await queue.run(async () => 'free'), 'free')
})

t.test('only so many run at once, so many wait in their order, and the rest is told at once', async (t) => {
  const queue = createQueue(2, 3)
  const begun: number[] = []
  const ends: (() => void)[] = []
  const start = (name: number) =>
    queue.run(async () => {
      begun.push(name)
      await new Promise<void>((resolve) => ends.push(resolve))
      return name
    })
  const works = [1, 2, 3, 4, 5].map(start)
  t.strictSame(begun, [1, 2])
  t.equal(queue.waiting(), 3)
  await t.rejects(start(6), { code: 'unavailable', headers: { 'retry-after': '2' } })
  for (const expected of [
    [1, 2, 3],
    [1, 2, 3, 4],
    [1, 2, 3, 4, 5],
  ]) {
    ends.shift()?.()
    while (begun.length < expected.length) await new Promise((resolve) => setImmediate(resolve))
    t.strictSame(begun, expected)
  }
  for (const end of ends) end()
  t.strictSame(await Promise.all(works), [1, 2, 3, 4, 5])
  await t.rejects(
    queue.run(() => Promise.reject(new Error('broken'))),
    { message: 'broken' },
  )
  t.equal(await queue.run(async () => 'a failure gives its place back'), 'a failure gives its place back')
  t.equal(queue.waiting(), 0)
})
