import { sql } from 'drizzle-orm'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { brokenConstraint, sqlState } from '../../src/database/errors.ts'
import { accountNumbers, accounts } from '../../src/database/tables.ts'
import { openTestDatabase } from '../fixtures/database.ts'

const { db } = await openTestDatabase(t)

/** The error of a statement that fails, in a transaction of its own. */
const failureOf = (work: Parameters<typeof db.transaction>[0]): Promise<unknown> =>
  db.transaction(work).then(
    () => undefined,
    (error: unknown) => error,
  )

t.test('a broken constraint is known by its name on both databases', async (t) => {
  const values = { id: uuid(), number: 'C-1', name: 'A', stateChangedAt: new Date(), createdAt: new Date() }
  await db.insert(accounts).values(values)
  await db.insert(accountNumbers).values({ number: 'C-1', accountId: values.id })
  const taken = await failureOf((tx) => tx.insert(accountNumbers).values({ number: 'C-1', accountId: values.id }))
  t.strictSame([sqlState(taken), brokenConstraint(taken)], ['23505', 'account_numbers_pkey'])
  const wrong = await failureOf((tx) => tx.update(accounts).set({ state: 'gone' as 'open' }))
  t.strictSame([sqlState(wrong), brokenConstraint(wrong)], ['23514', 'accounts_state'])
  const orphan = await failureOf((tx) => tx.insert(accountNumbers).values({ number: 'C-2', accountId: uuid() }))
  t.strictSame([sqlState(orphan), brokenConstraint(orphan)], ['23503', 'account_numbers_account_id_accounts_id_fk'])
})

t.test('an error that broke no constraint has a state alone', async (t) => {
  const error = await failureOf((tx) => tx.execute(sql`select 1 / 0`))
  t.strictSame([sqlState(error), brokenConstraint(error)], ['22012', undefined])
})

t.test('what is no error of the database has neither', async (t) => {
  const loop: { cause?: unknown } = new Error('round')
  loop.cause = loop
  const others = [undefined, null, 'text', 7, new Error('plain'), Object.assign(new Error('network'), { code: 'ECONNRESET' }), loop]
  for (const other of others) t.strictSame([sqlState(other), brokenConstraint(other)], [undefined, undefined])
  t.equal(sqlState(new Error('outer', { cause: new Error('inner', { cause: { code: '40001' } }) })), '40001', 'however deep it is wrapped')
  t.equal(sqlState({ code: 40001 }), undefined, 'a number is no state')
})
