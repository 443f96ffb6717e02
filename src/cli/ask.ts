import { createInterface } from 'node:readline'
import { type Readable, Writable } from 'node:stream'
import { StartError } from '../config.ts'

/** Where answers come from, and where a person sees what is asked. */
export type Asking = { input: Readable & { isTTY?: boolean }; output: { write(text: string): unknown } }

/** `secret`: what is typed is not shown. */
export type Question = { label: string; secret?: true }

/**
 * The answers, in order: from a person at a terminal, or as lines from a program, which is asked nothing.
 * @throws StartError when there is no answer to each, or the person gives up
 */
export function ask(questions: readonly Question[], { input, output }: Asking): Promise<string[]> {
  const terminal = input.isTTY === true
  const answers: string[] = []
  let hidden = false
  const screen = new Writable({
    write(chunk: Buffer, _encoding, done) {
      if (!hidden) output.write(chunk.toString())
      done()
    },
  })
  // With a history an earlier answer, such as a password, would be one arrow key away.
  const reader = createInterface({ input, output: screen, terminal, historySize: 0 })
  /** At once, and not when a promise gets its turn: a paste brings the next answer with the same keystroke. */
  const next = (): void => {
    const { label, secret = false } = questions[answers.length] as Question
    hidden = false
    reader.setPrompt(`${label}: `)
    if (terminal) reader.prompt()
    hidden = secret
  }
  return new Promise((resolve, reject) => {
    reader.on('line', (line) => {
      if (terminal && hidden) output.write('\n')
      answers.push(line)
      if (answers.length < questions.length) next()
      else reader.close()
    })
    reader.on('SIGINT', () => reader.close())
    reader.on('close', () => {
      const missing = questions[answers.length]
      // One keystroke or write can bring more than was asked for.
      if (missing === undefined) return resolve(answers.slice(0, questions.length))
      if (terminal) output.write('\n')
      reject(new StartError(`There was no answer to "${missing.label}", so nothing was changed.`))
    })
    next()
  })
}
