/** How an account comes to be: the one way a row comes into `accounts`, and with it its number into the directory. */
import { sql } from 'drizzle-orm'
import type { Database } from '../database/open.ts'
import { accountNumbers, accounts } from '../database/tables.ts'
import { newId } from '../id.ts'
import { append } from '../journal/append.ts'
import { Problem } from '../problem.ts'
import { eventOf } from './authorship.ts'
import type { Authority } from './judge.ts'

/** `number`: absent for the next free one. `realm`: of the client that provisions it; null for staff. */
export type NewAccount = { name: string; number: string | undefined; realm: string | null }

/**
 * Makes an account in state `new`, in the caller's transaction, and returns its id.
 * @throws Problem `conflict` for a number that is taken; the transaction must end with it.
 */
export async function makeAccount(tx: Database, authority: Authority, { name, number: stated, realm }: NewAccount): Promise<string> {
  const id = newId()
  const at = new Date(authority.at)
  const number = stated ?? (await drawNumber(tx))
  await tx.insert(accounts).values({ id, number, name, realm, stateChangedAt: at, createdAt: at })
  const numbered = await tx.insert(accountNumbers).values({ number, accountId: id }).onConflictDoNothing().returning()
  if (numbered.length === 0) throw numberTaken(number)
  const event = { accountId: id, resourceType: 'account', resourceId: id, value: { number, name } }
  await append(tx, eventOf(authority, 'account.created', event))
  return id
}

/** The next number of the sequence that nobody was given by hand. */
async function drawNumber(tx: Database): Promise<string> {
  const { rows } = await tx.execute<{ number: string }>(sql`
    with recursive drawn(number) as (
      select 'C-' || nextval('account_number')
      union all
      select 'C-' || nextval('account_number') from drawn where exists (select from account_numbers taken where taken.number = drawn.number))
    select number from drawn where not exists (select from account_numbers taken where taken.number = drawn.number)`)
  return (rows[0] as { number: string }).number
}

function numberTaken(number: string): Problem {
  const errors = [{ pointer: '#/number', detail: 'is the number of another account', code: 'taken' }]
  return new Problem('conflict', { detail: `The number ${number} belongs to another account`, members: { errors } })
}
