/**
 * Declining an invitation. It only takes away, so the mailed secret is enough, whoever holds it: no user, no session, and it says nothing
 * about who that was.
 */
import { and, eq, sql } from 'drizzle-orm'
import { changeByProof } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import type { Database } from '../database/open.ts'
import { contacts, grants, providerAccountId } from '../database/tables.ts'
import { spendToken } from '../identity/tokens.ts'
import { append, type JournalEvent } from '../journal/append.ts'
import { postDeclined, postNotice } from '../outbox/post.ts'
import type { InvitationOffer } from './show.ts'
import { keysOf, readInvitation, stands } from './show.ts'

type What = Pick<JournalEvent, 'accountId' | 'kind' | 'resourceType' | 'resourceId' | 'value'>

/**
 * Ends what a mailed invitation offers, spends its token and tells who invited. To repeat it changes nothing: the token is used up.
 * @throws Problem the same for every token that is not, or no longer, good for an invitation
 */
export async function declineInvitation(context: Context, secret: string, requestId: string): Promise<void> {
  const offer = await readInvitation(context, secret)
  await changeByProof(context, keysOf(offer), async (tx, at) => {
    const still = await stands(context, tx, offer)
    await spendToken(tx, still.token, at)
    const ended = await endOffered(tx, still, new Date(at))
    await append(tx, { ...ended, at, verification: 'email:proven', verifiedAt: at, requestId, changed: ['status'] })
    await tellInviter(context, tx, still)
  })
}

async function endOffered(tx: Database, { terms, token }: InvitationOffer, endedAt: Date): Promise<What> {
  if (terms.kind === 'staff') return { accountId: providerAccountId, kind: 'staff.declined', resourceType: 'invitation', resourceId: token }
  const { id, account } = terms
  const about = { accountId: account.id, resourceType: terms.kind, resourceId: id }
  if (terms.kind === 'contact') {
    await tx
      .update(contacts)
      .set({ status: 'ended', endedAt, version: sql`${contacts.version} + 1` })
      .where(and(eq(contacts.accountId, account.id), eq(contacts.id, id)))
    return { ...about, kind: 'contact.ended', value: { role: terms.role, cause: 'declined' } }
  }
  await tx
    .update(grants)
    .set({ status: 'declined', endedAt, version: sql`${grants.version} + 1` })
    .where(and(eq(grants.accountId, account.id), eq(grants.id, id)))
  return { ...about, kind: 'grant.declined' }
}

/** It may be no person who invited. */
async function tellInviter({ jobs }: Context, tx: Database, { terms, invitedBy }: InvitationOffer): Promise<void> {
  if (invitedBy === null) return
  if (terms.kind === 'staff') return postDeclined(jobs, tx, invitedBy.id)
  const kind = terms.kind === 'contact' ? 'contact_declined' : 'grant_declined'
  await postNotice(jobs, tx, { kind, accountId: terms.account.id, subjectId: terms.id, recipientUserId: invitedBy.id })
}
