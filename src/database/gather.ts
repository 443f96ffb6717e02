/**
 * Requests that ask the same of the database at the same time ask it together. While one statement is on its way, what is asked meanwhile
 * waits and then goes in one statement: many requests pay for one way there and back and for one plan, and when there is only one, it goes
 * at once. Nothing is kept: each is answered by a statement that began after it was asked.
 */

/** Answers each of the values, by its place, as soon as it can. An answer may still be on its way, and fail alone. */
type AskTogether<Value, Answer> = (
  values: readonly Value[],
  answer: (place: number, answer: Answer | Promise<Answer>) => void,
) => Promise<void>

/** Half of what thirty-two busy clients ask, so that one half is read while the other is answered. */
export const togetherMax = 16

type Waiting<Value, Answer> = { value: Value; resolve: (answer: Answer | Promise<Answer>) => void; reject: (reason: unknown) => void }

/**
 * Asks what is asked of it in groups. When a group fails, each of it that has no answer yet fails for the same reason. One that takes longer
 * than `patienceMs` is not waited for, and whatever waits by then goes: a slow answer holds up nobody who came later, and the pool says when
 * it is too much.
 */
export function gathering<Value, Answer>(askTogether: AskTogether<Value, Answer>, patienceMs = 20): (value: Value) => Promise<Answer> {
  const waiting: Waiting<Value, Answer>[] = []
  let isPlanned = false
  /** The group that is waited for. */
  let current: object | null = null

  /** What arrives in one turn of the event loop goes together. */
  function plan(): void {
    if (isPlanned || current !== null) return
    isPlanned = true
    setImmediate(() => {
      isPlanned = false
      askNext()
    })
  }

  function askNext(): void {
    if (waiting.length > 0 && current === null) ask(waiting.splice(0, togetherMax))
  }

  function ask(group: Waiting<Value, Answer>[]): void {
    current = group
    const timer = setTimeout(() => {
      if (current === group) current = null
      while (waiting.length > 0) ask(waiting.splice(0, togetherMax))
    }, patienceMs)
    const goOn = (): void => {
      clearTimeout(timer)
      if (current === group) current = null
      askNext()
    }
    const unanswered = new Set(group)
    const answer = (place: number, theirs: Answer | Promise<Answer>): void => {
      const one = group[place]
      if (one === undefined) return
      unanswered.delete(one)
      one.resolve(theirs)
    }
    const fail = (reason: unknown): void => {
      for (const { reject } of unanswered) reject(reason)
    }
    askTogether(
      group.map(({ value }) => value),
      answer,
    ).then(
      () => {
        goOn()
        if (unanswered.size > 0) fail(new Error('something that was asked together was not answered'))
      },
      (reason: unknown) => {
        goOn()
        fail(reason)
      },
    )
  }

  return (value) =>
    new Promise((resolve, reject) => {
      waiting.push({ value, resolve, reject })
      plan()
    })
}
