/**
 * A stopwatch learns nothing from submitting: a real account and an invented one take the same time, within a tenth: the one statement that
 * looks for the submitter's own authority finds an account or none.
 */
import t from 'tap'
import { demandEqual } from '../fixtures/stopwatch.ts'
import { setStage } from './stage.ts'

const part = 0.1
const { submit, ask } = await setStage(t)

t.test('a real account and an invented one take the same time', async (t) => {
  await demandEqual(t, [() => submit('stranger'), () => submit('stranger', { account: 'C-0', domain: 'invented.example' })], { part })
})

t.test('and so does looking at what became of it', async (t) => {
  const [real, invented] = [(await submit('stranger')).body.id, (await submit('stranger', { account: 'C-0' })).body.id]
  const reading = [real, invented].map((id) => () => ask('stranger', 'GET', `/v1/submissions/${id}`))
  await demandEqual(t, reading, { part })
})
