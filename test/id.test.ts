import t from 'tap'
import { validate, version } from 'uuid'
import { newId } from '../src/id.ts'

t.test('ids are of version 7, and each sorts after the one before', async (t) => {
  const ids = Array.from({ length: 20_000 }, newId)
  t.ok(ids.every((id) => validate(id) && version(id) === 7))
  t.ok(ids.every((id, index) => index === 0 || id > (ids[index - 1] as string)))
})

t.test('an id begins with its time, and does not go back with the clock', async (t) => {
  const at = Date.now()
  const first = newId()
  t.ok(Number.parseInt(first.replace('-', '').slice(0, 12), 16) >= at)
  const { now } = Date
  t.teardown(() => {
    Date.now = now
  })
  Date.now = () => at - 60_000
  t.ok(newId() > first)
})

t.test('what is random about an id is not that of another', async (t) => {
  const ends = Array.from({ length: 5_000 }, () => newId().slice(-10))
  t.equal(new Set(ends).size, ends.length)
})
