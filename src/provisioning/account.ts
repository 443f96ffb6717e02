import { eq, sql } from 'drizzle-orm'
import { eventOf } from '../authority/authorship.ts'
import type { AccountFact } from '../authority/facts.ts'
import { makeAccount } from '../authority/new-account.ts'
import { accounts, externalAccounts } from '../database/tables.ts'
import { isUuid } from '../http/access.ts'
import { append } from '../journal/append.ts'
import { invalid, Problem } from '../problem.ts'
import { Overtaken, type Result, type Work } from './realm.ts'
import type { ProvisionedAccount } from './schema.ts'

type StatedAccount = { name: string; number?: string | undefined }

/**
 * Makes the account of the realm, or gives it another name. @throws Problem for a number that is taken, looks like an id, or is another
 * than the account has. @throws Overtaken
 */
export async function putAccount(
  step: Work,
  account: AccountFact | null,
  external: string,
  { name, number }: StatedAccount,
): Promise<{ id: string; result: Result }> {
  if (isUuid(number)) {
    throw invalid({ pointer: '#/number', detail: 'must not look like a UUID: it could be taken for an id', code: 'format' })
  }
  if (account === null) return { id: await make(step, external, { name, number }), result: 'created' }
  if (number !== undefined && number !== account.number) throw numberFixed(account.number)
  if (name === account.name) return { id: account.id, result: 'unchanged' }
  await rename(step, account, name)
  return { id: account.id, result: 'changed' }
}

/** As it is answered. */
export async function readAccount({ tx }: Work, external: string, id: string, result: Result): Promise<ProvisionedAccount> {
  const columns = { id: accounts.id, number: accounts.number, name: accounts.name, state: accounts.state }
  const [found] = await tx.select(columns).from(accounts).where(eq(accounts.id, id))
  return { external, ...(found as Omit<ProvisionedAccount, 'external' | 'changed'>), changed: result !== 'unchanged' }
}

async function make({ tx, authority, realm }: Work, external: string, { name, number }: StatedAccount): Promise<string> {
  const id = await makeAccount(tx, authority, { name, number, realm })
  const tied = await tx.insert(externalAccounts).values({ realm, externalId: external, accountId: id }).onConflictDoNothing().returning()
  if (tied.length === 0) throw new Overtaken()
  return id
}

async function rename({ tx, authority }: Work, { id, name: from }: AccountFact, name: string): Promise<void> {
  await tx
    .update(accounts)
    .set({ name, version: sql`${accounts.version} + 1` })
    .where(eq(accounts.id, id))
  const about = { accountId: id, resourceType: 'account', resourceId: id, changed: ['name'] }
  await append(tx, eventOf(authority, 'account.updated', { ...about, value: { name: { from, to: name } } }))
}

/** People hold on to a number, and another account may be given one that is free. */
function numberFixed(number: string): Problem {
  const errors = [{ pointer: '#/number', detail: `is ${number} for this account, and is given once`, code: 'fixed' }]
  return new Problem('conflict', { detail: `This account has the number ${number}, and keeps it`, members: { errors } })
}
