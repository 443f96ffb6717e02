/** The request code of an account: whoever has it can ask for a grant. It gives nothing, so it needs no fresh sign-in. */
import { eq } from 'drizzle-orm'
import { eventOf } from '../authority/authorship.ts'
import { change, changeOnce } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import type { AccountFact } from '../authority/facts.ts'
import { type Authority, actorOf } from '../authority/judge.ts'
import { ifAltering } from '../authority/locks.ts'
import type { Answer } from '../database/idempotency.ts'
import type { Database } from '../database/open.ts'
import { requestCodes, users } from '../database/tables.ts'
import type { Standing } from '../http/types.ts'
import { append } from '../journal/append.ts'
import type { EventKind } from '../journal/kinds.ts'
import { newSecret } from '../outbox/secret.ts'
import type { RequestCode } from './request-schema.ts'

const shownOnce = 'The code was shown once, in the first answer. If it is lost, make another'

/** Makes a code in the place of the one before, which is void from the commit on. */
export function makeCode(context: Context, { caller, ask, loaded, repeatable }: Standing): Promise<Answer> {
  const { id: accountId } = loaded.account as AccountFact
  const { secret, hash } = newSecret()
  return changeOnce(context, caller, ask, { accounts: [accountId] }, repeatable, async (tx, authority) => {
    const made = { codeHash: hash, createdAt: new Date(authority.at), createdBy: actorOf(authority) }
    await tx
      .insert(requestCodes)
      .values({ accountId, ...made })
      .onConflictDoUpdate({ target: requestCodes.accountId, set: made })
    await append(tx, about(authority, 'request_code.made', accountId))
    const body = await readCode(tx, accountId)
    return {
      status: 201,
      headers: { location: `/v1/accounts/${accountId}/request-code` },
      body: { ...body, code: secret },
      storedBody: { ...body, code: null, note: shownOnce },
      made: { action: 'request_code.manage', staffAction: null, account: accountId, ticket: null },
    }
  })
}

/** Takes the code away: nobody can ask any more. Where there is none, nothing changes. */
export async function removeCode(context: Context, { caller, ask, loaded }: Standing): Promise<void> {
  const { id: accountId } = loaded.account as AccountFact
  await change(context, caller, ask, ifAltering({ accounts: [accountId] }), async (tx, authority) => {
    const removed = await tx.delete(requestCodes).where(eq(requestCodes.accountId, accountId)).returning({ id: requestCodes.accountId })
    if (removed.length > 0) await append(tx, about(authority, 'request_code.removed', accountId))
    return removed.length > 0
  })
}

/** Whether there is one, and since when; never the code itself, of which only a digest is kept. */
export async function readCode(db: Database, accountId: string): Promise<RequestCode> {
  const [row] = await db
    .select({ createdAt: requestCodes.createdAt, id: users.id, name: users.name })
    .from(requestCodes)
    .innerJoin(users, eq(users.id, requestCodes.createdBy))
    .where(eq(requestCodes.accountId, accountId))
  if (row === undefined) return { exists: false, createdAt: null, createdBy: null }
  return { exists: true, createdAt: row.createdAt.toISOString(), createdBy: { id: row.id, name: row.name } }
}

const about = (authority: Authority, kind: EventKind, accountId: string) =>
  eventOf(authority, kind, { accountId, resourceType: 'account', resourceId: accountId, changed: ['requestCode'] })
