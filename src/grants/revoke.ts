/** Ending a grant: it only takes away, so it needs no version, can be repeated, and always answers the same. */
import { and, eq, isNull, sql } from 'drizzle-orm'
import { eventOf } from '../authority/authorship.ts'
import { changeOnce } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import type { AccountFact } from '../authority/facts.ts'
import type { Authority } from '../authority/judge.ts'
import type { GrantRow } from '../authority/load.ts'
import type { Answer } from '../database/idempotency.ts'
import type { Database } from '../database/open.ts'
import { contacts, grants, singleUseTokens } from '../database/tables.ts'
import { etagOf } from '../http/preconditions.ts'
import type { Standing } from '../http/types.ts'
import { append } from '../journal/append.ts'
import { type NoticeKind, postNotice } from '../outbox/post.ts'
import { invalid } from '../problem.ts'
import type { EndGrant } from './schema.ts'
import { readGrant } from './store.ts'

/** Ends a grant that is in force, or withdraws one that was only offered. Staff say why, and the owners are told. */
export function revokeGrant(context: Context, standing: Standing, body: EndGrant): Promise<Answer> {
  const byStaff = standing.loaded.facts.staff !== null
  if (byStaff && body.reason === undefined) {
    throw invalid({ pointer: '#/reason', detail: 'is required of staff; the customer is told that you ended it', code: 'required' })
  }
  const { id: accountId } = standing.loaded.account as AccountFact
  return changeOnce(
    context,
    standing.caller,
    standing.ask,
    { accounts: [accountId] },
    standing.repeatable,
    async (tx, authority, loaded) => {
      const grant = loaded.grant as GrantRow
      const status = endOf(grant)
      if (status !== undefined) await end(context, tx, authority, grant, status, body.reason)
      const now = await readGrant(tx, accountId, grant.id, authority.at)
      return {
        status: 200,
        headers: { etag: etagOf(now?.version ?? 0) },
        body: now,
        made: { action: 'grant.read', staffAction: 'staff.directory.read', account: accountId, ticket: null, grant: grant.id },
      }
    },
  )
}

/** What the grant becomes; undefined when it has ended already. */
function endOf({ status }: GrantRow): 'revoked' | 'cancelled' | undefined {
  if (status === 'active' || status === 'suspended') return 'revoked'
  return status === 'invited' || status === 'requested' ? 'cancelled' : undefined
}

async function end(
  context: Context,
  tx: Database,
  authority: Authority,
  grant: GrantRow,
  status: 'revoked' | 'cancelled',
  reason: string | undefined,
): Promise<void> {
  const accountId = authority.accountId as string
  const at = new Date(authority.at)
  const change = { status, suspensionCauses: [], endedAt: at, endedBy: authority.actorUserId, version: sql`${grants.version} + 1` }
  await tx
    .update(grants)
    .set(change)
    .where(and(eq(grants.accountId, accountId), eq(grants.id, grant.id)))
  const open = and(eq(singleUseTokens.accountId, accountId), eq(singleUseTokens.grantId, grant.id), isNull(singleUseTokens.usedAt))
  await tx.update(singleUseTokens).set({ usedAt: at }).where(open)
  const kind = status === 'revoked' ? 'grant_revoked' : 'grant_cancelled'
  const value = reason === undefined ? {} : { value: { reason } }
  await append(tx, eventOf(authority, `grant.${status}`, { resourceType: 'grant', resourceId: grant.id, changed: ['status'], ...value }))
  await tell(context, tx, authority, kind, grant)
}

/** The grantee always; the owners when it was not one of the account who ended it. */
async function tell(context: Context, tx: Database, authority: Authority, kind: NoticeKind, grant: GrantRow): Promise<void> {
  const accountId = authority.accountId as string
  const recipients = grant.granteeUserId === null ? [] : [grant.granteeUserId]
  if (authority.capacity === 'staff') recipients.push(...(await ownersOf(tx, accountId)))
  for (const recipientUserId of recipients) await postNotice(context.jobs, tx, { kind, accountId, subjectId: grant.id, recipientUserId })
}

async function ownersOf(tx: Database, accountId: string): Promise<string[]> {
  const owners = and(eq(contacts.accountId, accountId), eq(contacts.role, 'owner'), eq(contacts.status, 'active'))
  const rows = await tx.select({ userId: contacts.userId }).from(contacts).where(owners)
  return rows.flatMap(({ userId }) => userId ?? [])
}
