/** Whether what a developer stated is so: the account, its code, and each domain. Nothing is concluded from one about another. */
import { and, eq, inArray, isNotNull, isNull } from 'drizzle-orm'
import type { Database } from '../database/open.ts'
import { accountNumbers, accounts, domains, grants, requestCodes } from '../database/tables.ts'
import { accountRef } from '../http/access.ts'
import type { RequestColumns } from './request-store.ts'

export type Found = { accountId: string; domainIds: string[] }

/** Which account and domains are meant, if the code is theirs and all of it is so. */
export async function examine(db: Database, row: RequestColumns): Promise<Found | { fault: string }> {
  const accountId = await accountOf(db, row.account)
  if (accountId === undefined) return { fault: 'unknown_account' }
  if (!(await mayAsk(db, accountId, row))) return { fault: 'wrong_code' }
  const held = await db
    .select({ id: domains.id })
    .from(domains)
    .where(and(eq(domains.accountId, accountId), inArray(domains.name, row.domainNames), isNull(domains.releasedAt)))
  if (held.length < row.domainNames.length) return { fault: 'domain_not_in_account' }
  return { accountId, domainIds: held.map(({ id }) => id) }
}

/** An account that can have developers; one that is new or closed is as if it were not there. */
async function accountOf(db: Database, stated: string): Promise<string | undefined> {
  const ref = accountRef(stated)
  const named = 'id' in ref ? eq(accounts.id, ref.id) : eq(accountNumbers.number, ref.number)
  const [row] = await db
    .select({ id: accounts.id })
    .from(accounts)
    .innerJoin(accountNumbers, eq(accountNumbers.accountId, accounts.id))
    .where(and(named, inArray(accounts.state, ['open', 'restricted'])))
  return row?.id
}

/** By the account's current code, or by the grant of his on this account that it is to take the place of. */
async function mayAsk(db: Database, accountId: string, { codeHash, supersedes, userId }: RequestColumns): Promise<boolean> {
  if (supersedes !== null) {
    const his = and(eq(grants.granteeUserId, userId), isNotNull(grants.approvedAt), isNull(grants.endedAt))
    const own = and(eq(grants.accountId, accountId), eq(grants.id, supersedes), his)
    return (await db.select({ id: grants.id }).from(grants).where(own)).length > 0
  }
  const current = and(eq(requestCodes.accountId, accountId), eq(requestCodes.codeHash, codeHash as Buffer))
  return (await db.select({ id: requestCodes.accountId }).from(requestCodes).where(current)).length > 0
}
