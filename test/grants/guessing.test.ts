/** A request code cannot be guessed, and guessing leaves the account alone. */
import { eq } from 'drizzle-orm'
import t from 'tap'
import { journalEvents } from '../../src/database/tables.ts'
import { person } from '../fixtures/cast.ts'
import { accountSide, setDesk } from './stage.ts'

t.setTimeout(180_000)

t.test('a code that is guessed a thousand times', async (t) => {
  const desk = await setDesk(t)
  const { test, ask, settle } = desk
  const before = await accountSide(desk)
  const statuses = new Map<number, number>()
  for (let guess = 0; guess < 1_000; guess++) {
    const { status, headers } = await ask({ requestCode: `guess-${guess}` })
    statuses.set(status, (statuses.get(status) ?? 0) + 1)
    if (status === 429 && statuses.get(429) === 1) t.ok(Number(headers['retry-after']) > 0)
  }
  await settle()
  const taken = statuses.get(202) ?? 0
  t.ok(taken >= 20 && taken <= 25, `twenty are taken, then one must wait: ${taken}`)
  t.equal(taken + (statuses.get(429) ?? 0), 1_000)
  t.strictSame(await accountSide(desk), before, 'nothing is written on the account')
  const noted = await test.context.db.select().from(journalEvents).where(eq(journalEvents.kind, 'grant_request.unfounded'))
  t.equal(noted.length, taken, 'and each attempt that was taken is recorded')
  const invented = await person(test, 'Ivo')
  const counts = new Map<number, number>()
  for (let guess = 0; guess < 22; guess++) {
    const { status } = await ask({ account: 'C-0', requestCode: `guess-${guess}` }, invented)
    counts.set(status, (counts.get(status) ?? 0) + 1)
  }
  t.strictSame(Object.fromEntries(counts), { 202: 20, 429: 2 }, 'of an account that does not exist likewise')
})

t.test('what many ask of one account is slowed down for all, whether there is such an account or not', async (t) => {
  const desk = await setDesk(t)
  for (const account of [desk.a.number, 'C-0']) {
    const counts = new Map<number, number>()
    for (let group = 0; group < 6; group++) {
      const who = await person(desk.test, `Guesser ${group}`)
      for (let guess = 0; guess < 17; guess++) {
        const { status } = await desk.ask({ account, requestCode: 'guess' }, who)
        counts.set(status, (counts.get(status) ?? 0) + 1)
      }
    }
    t.ok((counts.get(429) ?? 0) >= 1, `${account}: ${JSON.stringify(Object.fromEntries(counts))}`)
    t.ok((counts.get(202) ?? 0) >= 100)
  }
})
