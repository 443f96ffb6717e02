import t from 'tap'
import { gathering } from '../../src/database/gather.ts'

/** A database whose answers come when the test says so. */
function slowly(patienceMs = 60_000) {
  const asked: { values: readonly string[]; answerOne: (place: number) => void; answer: () => void; fail: (reason: Error) => void }[] = []
  const arrivals: (() => void)[] = []
  const ask = gathering<string, string>((values, answered) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const answerOne = (place: number) => answered(place, `answer to ${values[place]}`)
    const answer = () => {
      for (const place of values.keys()) answerOne(place)
      resolve()
    }
    asked.push({ values, answerOne, answer, fail: reject })
    for (const arrived of arrivals.splice(0)) arrived()
    return promise
  }, patienceMs)
  /** Waits for the statement of that place. */
  const statement = async (place: number) => {
    while (asked.length <= place) await new Promise<void>((resolve) => arrivals.push(resolve))
    return asked[place] as (typeof asked)[number]
  }
  return { ask, statement, asked }
}

t.test('one who asks alone goes at once, and what is asked meanwhile goes together', async (t) => {
  const { ask, statement, asked } = slowly()
  const first = ask('a')
  const { values, answer } = await statement(0)
  t.strictSame(values, ['a'])
  const later = [ask('b'), ask('c'), ask('d')]
  await new Promise(setImmediate)
  t.equal(asked.length, 1, 'nobody else is asked for while the first is on its way')
  answer()
  t.equal(await first, 'answer to a')
  const second = await statement(1)
  t.strictSame(second.values, ['b', 'c', 'd'])
  second.answer()
  t.strictSame(await Promise.all(later), ['answer to b', 'answer to c', 'answer to d'], 'each has his own answer')
})

t.test('who asks while a statement is on its way is not answered by that one: it may have begun before what he must see', async (t) => {
  const { ask, statement } = slowly()
  const before = ask('before')
  const first = await statement(0)
  const after = ask('after')
  first.answer()
  await before
  const second = await statement(1)
  t.strictSame([first.values, second.values], [['before'], ['after']])
  second.answer()
  t.equal(await after, 'answer to after')
})

t.test('what is asked in one turn goes together, sixteen at most', async (t) => {
  const { ask, statement } = slowly()
  const all = Promise.all(Array.from({ length: 40 }, (_, index) => ask(String(index))))
  const sizes: number[] = []
  for (const place of [0, 1, 2]) {
    const { values, answer } = await statement(place)
    sizes.push(values.length)
    answer()
  }
  t.strictSame(sizes, [16, 16, 8])
  t.strictSame(
    await all,
    Array.from({ length: 40 }, (_, index) => `answer to ${index}`),
  )
})

t.test('a group that fails fails for each of it, and for nobody after it', async (t) => {
  const { ask, statement } = slowly()
  const both = Promise.allSettled([ask('a'), ask('b')])
  const first = await statement(0)
  const next = ask('c')
  first.fail(new Error('the connection was lost'))
  t.match(await both, [
    { status: 'rejected', reason: { message: 'the connection was lost' } },
    { status: 'rejected', reason: { message: 'the connection was lost' } },
  ])
  const second = await statement(1)
  second.answer()
  t.equal(await next, 'answer to c')
})

t.test('a statement that does not come back holds up nobody else, and then all go who wait', async (t) => {
  const { ask, statement } = slowly(5)
  const stuck = ask('stuck')
  const first = await statement(0)
  const other = ask('other')
  const second = await statement(1)
  second.answer()
  t.equal(await other, 'answer to other', 'the other one is answered while the first is still on its way')
  const many = Array.from({ length: 40 }, (_, index) => ask(String(index)))
  const rest = [await statement(2), await statement(3), await statement(4)]
  t.strictSame(
    rest.map(({ values }) => values.length),
    [16, 16, 8],
    'without one being answered',
  )
  first.answer()
  t.equal(await stuck, 'answer to stuck', 'which is answered when it comes')
  for (const { answer } of rest) answer()
  t.equal((await Promise.all(many)).length, 40)
})

t.test('each is answered when its own answer is there, before the others and whatever comes of them', async (t) => {
  const { ask, statement, asked } = slowly()
  const [a, b, c] = [ask('a'), ask('b'), ask('c')]
  const { answerOne, fail } = await statement(0)
  answerOne(1)
  t.equal(await b, 'answer to b')
  const next = ask('d')
  await new Promise(setImmediate)
  t.equal(asked.length, 1, 'but the next group waits until the whole of this one is there')
  answerOne(0)
  fail(new Error('the connection was lost'))
  t.match(await Promise.allSettled([a, b, c]), [
    { value: 'answer to a' },
    { value: 'answer to b' },
    { status: 'rejected', reason: { message: 'the connection was lost' } },
  ])
  const second = await statement(1)
  second.answer()
  t.equal(await next, 'answer to d')
})

t.test('who is left without an answer is told so, and does not wait for ever', async (t) => {
  for (const places of [[0], [0, 0], [0, 7]]) {
    const ask = gathering<string, string>(async (values, answer) => {
      for (const place of places) answer(place, `answer to ${values[place]}`)
    })
    t.match(
      await Promise.allSettled([ask('good'), ask('forgotten')]),
      [{ value: 'answer to good' }, { status: 'rejected', reason: { message: /not answered/ } }],
      `where ${places.join(' and ')} are answered`,
    )
  }
})

t.test('an answer that is still on its way may fail alone', async (t) => {
  const ask = gathering<string, string>(async (values, answer) => {
    const answerTo = async (value: string) => {
      if (value === 'bad') throw new Error('a bad value')
      return value
    }
    for (const [place, value] of values.entries()) answer(place, answerTo(value))
  })
  t.match(await Promise.allSettled([ask('good'), ask('bad'), ask('fine')]), [
    { value: 'good' },
    { reason: { message: 'a bad value' } },
    { value: 'fine' },
  ])
})
