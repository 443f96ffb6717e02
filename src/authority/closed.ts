/**
 * A closed account takes up nothing: no domain, no contact, no wider terms of one. Only the provider could try, and is told to reopen it
 * first; what he tried stays in the account's journal.
 */
import { and, eq } from 'drizzle-orm'
import type { Database } from '../database/open.ts'
import { accounts } from '../database/tables.ts'
import { append, type JournalEvent } from '../journal/append.ts'
import { Problem } from '../problem.ts'
import { eventOf } from './authorship.ts'
import type { Authority } from './judge.ts'

/** Carries its record out of the transaction that ends with it. */
export class AccountClosed extends Problem {
  readonly event: JournalEvent

  constructor(authority: Authority, accountId: string) {
    const href = `/v1/accounts/${accountId}/reopen`
    const detail = 'The account is closed and takes up nothing; reopen it first'
    super('conflict', { detail, members: { next: [{ rel: 'reopen', href, detail: 'Reopen the account, with a reason' }] } })
    const about = { accountId, resourceType: 'account', resourceId: accountId, viaId: null }
    this.event = eventOf(authority, 'access.refused', { ...about, decision: 'deny', reason: 'account_state' })
  }
}

/** Under the account's key. @throws AccountClosed; the transaction must end with it, or what was begun be undone */
export async function demandNotClosed(tx: Database, authority: Authority, accountId: string): Promise<void> {
  const [closed] = await tx
    .select({ id: accounts.id })
    .from(accounts)
    .where(and(eq(accounts.id, accountId), eq(accounts.state, 'closed')))
  if (closed !== undefined) throw new AccountClosed(authority, accountId)
}

/** After the transaction: records that an account was closed to what was tried, and passes on what went wrong. */
export async function recordClosed(db: Database, error: unknown): Promise<never> {
  if (error instanceof AccountClosed) await append(db, error.event)
  throw error
}
