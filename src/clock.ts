/**
 * Where the program's time comes from. The gates read the clock; below them an instant is a parameter.
 */
export type Clock = {
  /** Milliseconds since the epoch. */
  now(): number
  /** Milliseconds to add to the database's own clock, so that both tell the same time: 0 in production. */
  offset(): number
}

/** The machine's clock. */
export const systemClock: Clock = Object.freeze({ now: () => Date.now(), offset: () => 0 })

export type SettableClock = Clock & {
  /** Moves the clock on by `milliseconds` (or back, when negative). */
  advance(milliseconds: number): void
  /** Puts the clock `milliseconds` ahead of the machine's. */
  set(milliseconds: number): void
}

/** A clock for tests: it runs, but `startOffset` milliseconds away from the machine's. */
export function settableClock(startOffset = 0): SettableClock {
  let offset = startOffset
  return {
    now: () => Date.now() + offset,
    offset: () => offset,
    advance: (milliseconds) => {
      offset += milliseconds
    },
    set: (milliseconds) => {
      offset = milliseconds
    },
  }
}
