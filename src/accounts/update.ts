import { eq, sql } from 'drizzle-orm'
import { eventOf } from '../authority/authorship.ts'
import { change } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import type { AccountFact } from '../authority/facts.ts'
import { accounts } from '../database/tables.ts'
import { stale } from '../http/preconditions.ts'
import type { Standing } from '../http/types.ts'
import { append } from '../journal/append.ts'
import type { Account, UpdateAccount } from './schema.ts'
import { readAccount } from './store.ts'

/** Changes the name of an account. Throws the refusal, or `precondition_failed`; the same name again changes nothing. */
export function updateAccount(context: Context, standing: Standing, { name }: UpdateAccount): Promise<Account> {
  const { id } = standing.loaded.account as AccountFact
  let altered = false
  return change(context, standing.caller, standing.ask, { accounts: [id], unless: () => !altered }, async (tx, authority, loaded) => {
    // Under the account's exclusive key: nobody else can change this version before the commit.
    const account = loaded.account as AccountFact
    if (standing.expectedVersion !== null && standing.expectedVersion !== account.version) throw stale(account.version)
    if (name !== account.name) {
      altered = true
      await tx
        .update(accounts)
        .set({ name, version: sql`${accounts.version} + 1` })
        .where(eq(accounts.id, id))
      const value = { name: { from: account.name, to: name } }
      await append(tx, eventOf(authority, 'account.updated', { resourceType: 'account', resourceId: id, changed: ['name'], value }))
    }
    return readAccount(tx, id)
  })
}
