import t from 'tap'
import { settableClock, systemClock } from '../src/clock.ts'

/** The clock's distance from the machine's, bounded by readings before and after. */
function distance(now: () => number): { atLeast: number; atMost: number } {
  const before = Date.now()
  const read = now()
  return { atLeast: read - Date.now(), atMost: read - before }
}

t.test('the system clock is the machine’s and shifts the database by nothing', async (t) => {
  const { atLeast, atMost } = distance(systemClock.now)
  t.ok(atLeast <= 0 && atMost >= 0)
  t.equal(systemClock.offset(), 0)
})

t.test('a settable clock runs ahead by its offset, and tells the database the same', async (t) => {
  const clock = settableClock()
  t.equal(clock.offset(), 0)
  clock.advance(60_000)
  clock.advance(-10_000)
  t.equal(clock.offset(), 50_000)
  const { atLeast, atMost } = distance(clock.now)
  t.ok(atLeast <= 50_000 && atMost >= 50_000)
  clock.set(-1)
  t.equal(clock.offset(), -1)
  t.equal(settableClock(5).offset(), 5)
})
