/** Who is told what became of a grant, in the transaction that makes it so, and the event that records it. */
import { and, eq } from 'drizzle-orm'
import { eventOf, onlyOf } from '../authority/authorship.ts'
import { question } from '../authority/facts.ts'
import { holdersOf } from '../authority/holders.ts'
import type { Database } from '../database/open.ts'
import { contacts, domains, grantDomains } from '../database/tables.ts'
import { append } from '../journal/append.ts'
import type { EventKind } from '../journal/kinds.ts'
import { type NoticeKind, postNotice } from '../outbox/post.ts'
import type { Act } from './act.ts'

/** An event about the grant. */
export async function record(
  { tx, authority, grant }: Act,
  kind: EventKind,
  changed: string[],
  value?: Record<string, unknown>,
): Promise<void> {
  const about = { accountId: grant.accountId, resourceType: 'grant', resourceId: grant.id, domainId: onlyOf(grant.domainIds), changed }
  await append(tx, eventOf(authority, kind, { ...about, ...(value === undefined ? {} : { value }) }))
}

/**
 * Tells both sides but the one who did it: the developer, and the contact who stands for the grant or, while nobody does, those who may
 * decide about it. What staff do is told to the owners as well. Of a request that was not approved its developer is told nothing: he
 * would learn that his code was right.
 */
export async function tellSides(act: Act, kind: NoticeKind): Promise<void> {
  const { context, tx, authority, grant } = act
  const toAccount =
    grant.grantorContactId === null ? await deciders(act) : await contactUsers(tx, grant.accountId, { id: grant.grantorContactId })
  const owners = authority.capacity === 'staff' ? await contactUsers(tx, grant.accountId, { role: 'owner' }) : []
  const recipients = new Set([...toGrantee(act, kind), ...toAccount, ...owners])
  recipients.delete(String(authority.actorUserId))
  for (const recipientUserId of recipients) {
    await postNotice(context.jobs, tx, { kind, accountId: grant.accountId, subjectId: grant.id, recipientUserId })
  }
}

function toGrantee({ grant }: Act, kind: NoticeKind): string[] {
  if (grant.granteeUserId === null) return []
  // Who asked may have been joined to another user since; what was offered has somebody who stands for it.
  const asked = grant.approvedAt === null && grant.grantorContactId === null
  return asked && kind !== 'grant_approved' ? [] : [grant.granteeUserId]
}

/** Everyone who may manage grants of all its domains. */
export async function deciders({
  context,
  tx,
  grant,
}: Pick<Act, 'context' | 'tx'> & { grant: { accountId: string; id: string } }): Promise<string[]> {
  const { accountId } = grant
  const rows = await tx
    .select({ id: domains.id, accountId: domains.accountId, name: domains.name })
    .from(grantDomains)
    .innerJoin(domains, and(eq(domains.accountId, grantDomains.accountId), eq(domains.id, grantDomains.domainId)))
    .where(and(eq(grantDomains.accountId, accountId), eq(grantDomains.grantId, grant.id)))
  const held = rows.map((row) => ({ ...row, releasedAt: null }))
  return holdersOf(tx, context.clock.offset(), accountId, question('grant.manage', accountId, { domains: held }))
}

async function contactUsers(tx: Database, accountId: string, which: { id: string } | { role: 'owner' }): Promise<string[]> {
  const those = 'id' in which ? eq(contacts.id, which.id) : eq(contacts.role, which.role)
  const rows = await tx
    .select({ userId: contacts.userId })
    .from(contacts)
    .where(and(eq(contacts.accountId, accountId), eq(contacts.status, 'active'), those))
  return rows.map(({ userId }) => userId as string)
}
