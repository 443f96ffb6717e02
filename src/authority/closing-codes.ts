/** The codes of an account end with it: the one to ask it with, and those that were made to be told to support. */
import { and, eq, gt, isNull } from 'drizzle-orm'
import type { Database } from '../database/open.ts'
import { requestCodes, supportCodes } from '../database/tables.ts'
import { append, appendAll } from '../journal/append.ts'
import { eventOf } from './authorship.ts'
import type { Authority } from './judge.ts'
import { longOver } from './spoken.ts'

/** Why, in the events of everything that ends with an account. */
export const cause = 'account_closed'

export async function endCodes(tx: Database, authority: Authority, accountId: string): Promise<void> {
  await removeRequestCode(tx, authority, accountId)
  await endSupportCodes(tx, authority, accountId)
}

async function removeRequestCode(tx: Database, authority: Authority, accountId: string): Promise<void> {
  const removed = await tx.delete(requestCodes).where(eq(requestCodes.accountId, accountId)).returning({ id: requestCodes.accountId })
  const about = { accountId, resourceType: 'account', resourceId: accountId, changed: ['requestCode'], value: { cause } }
  await append(tx, ...removed.map(() => eventOf(authority, 'request_code.removed', about)))
}

/** What nobody has told yet. Of a call that has begun the caller is judged anew at whatever he asks for. */
async function endSupportCodes(tx: Database, authority: Authority, accountId: string): Promise<void> {
  const at = new Date(authority.at)
  const ended = await tx
    .update(supportCodes)
    .set({ expiresAt: longOver })
    .where(and(eq(supportCodes.accountId, accountId), isNull(supportCodes.verifiedAt), gt(supportCodes.expiresAt, at)))
    .returning({ id: supportCodes.id, domainId: supportCodes.domainId })
  const about = { accountId, resourceType: 'support_code', changed: ['expiresAt'], value: { cause } }
  await appendAll(
    tx,
    ended.map(({ id, domainId }) => eventOf(authority, 'support_code.ended', { ...about, resourceId: id, domainId })),
  )
}
