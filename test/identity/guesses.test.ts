import t from 'tap'
import { tellOfGuesses } from '../../src/identity/guesses.ts'
import { openTestApp } from '../fixtures/app.ts'
import { person } from '../fixtures/cast.ts'

t.test('guesses at somebody are told to him; those of a network alone are nobody’s', async (t) => {
  const test = await openTestApp(t)
  const { context } = test
  const { id } = await person(test, 'Guy Guessed')
  const posted: unknown[] = []
  const jobs = { ...context.jobs, enqueue: async (_tx: unknown, queue: string, payload: unknown) => void posted.push([queue, payload]) }
  const tell = tellOfGuesses({ ...context, jobs } as typeof context, () => id)
  await tell(['guess-network'])
  t.strictSame(posted, [])
  await tell(['guess-network', 'sign-in'])
  t.strictSame(posted, [['mail', { letter: 'security', kind: 'password_guessed', user: id }]])
  await tellOfGuesses({ ...context, jobs } as typeof context, () => undefined)(['sign-in'])
  t.match(posted[1], ['mail', { letter: 'security', kind: 'password_guessed', user: /^[0-9a-f-]{36}$/ }], 'for nobody the same is written')
})
