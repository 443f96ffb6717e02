import { sql } from 'drizzle-orm'
import t from 'tap'
import { providerAccountId } from '../../src/database/tables.ts'
import { append } from '../../src/journal/append.ts'
import { account } from '../fixtures/cast.ts'
import { openDesk } from './desk.ts'

t.test('audit:export writes the trail of one account or of all, and never less than it says', async (t) => {
  const desk = await openDesk(t)
  const a = await desk.within(async (test) => {
    const made = await account(test, 'Alpha Ltd')
    const { db } = test.context
    await append(db, { accountId: providerAccountId, kind: 'service.bootstrapped', at: Date.now() })
    await append(db, { accountId: made.id, kind: 'account.updated', at: Date.now(), value: { name: { from: 'A', to: 'B' } } })
    return made
  })
  const linesOf = (out: string) =>
    out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
  const kinds = (out: string) => linesOf(out).map(({ event, end }) => event?.kind ?? end)

  const whole = await desk.spawn(['audit:export'])
  t.match(whole, { code: 0, err: '' })
  t.strictSame(kinds(whole.out), ['service.bootstrapped', 'account.updated', { complete: true, events: 2, reason: null }])
  const one = await desk.run(['audit:export', '--account', a.number])
  t.strictSame(kinds(one.out), ['account.updated', { complete: true, events: 1, reason: null }])
  t.strictSame(linesOf(one.out)[0].event.value, { name: { from: 'A', to: 'B' } })

  await desk.within(({ context: { db } }) => db.execute(sql`drop table journal_values cascade`))
  const err = 'The command could not be finished (42P01): run it again.\n'
  t.strictSame(await desk.run(['audit:export']), { code: 1, out: '', err })
})
