/**
 * Queues mail in the transaction of what it tells: if that commits, the mail exists; if not, there is none. A job carries ids only;
 * what the letter says, and whether it may still be sent, is found out when it leaves (`deliver.ts`).
 */
import type { Database } from '../database/open.ts'
import type { Jobs } from '../jobs/jobs.ts'

/** Letters about something that happened on an account, each to one recipient. `subject` is the contact, grant, domain, claim or account it is about. */
export const noticeKinds = [
  'contact_added_by_staff',
  'contact_ended',
  'contact_declined',
  'domain_added_by_staff',
  'domain_released_by_staff',
  'domain_claim_refused',
  'account_restricted',
  'account_closed',
  'account_reopened',
  'account_attempted',
  'grant_invited',
  'grant_requested',
  'grant_accepted',
  'grant_approved',
  'grant_declined',
  'grant_narrowed',
  'grant_resigned',
  'grant_superseded',
  'grant_revoked',
  'grant_suspended',
  'grant_cancelled',
  'grant_resumed',
  'grant_adopted',
  'grant_lapsed',
  'grant_expiring',
  'grant_expired',
  'grant_exhausted',
  'submissions_waiting',
  'submission_accepted',
  'submission_released',
] as const
export type NoticeKind = (typeof noticeKinds)[number]

export type Notice = { kind: NoticeKind; accountId: string; subjectId: string; recipientUserId: string }

/** A letter with a mailed secret: `tokenId` is the row in `single_use_tokens`; the secret itself is made when the letter leaves. */
export async function postToken(jobs: Jobs, tx: Database, tokenId: string): Promise<void> {
  await jobs.enqueue(tx, 'mail', { letter: 'token', token: tokenId })
}

/** Tells somebody that his address is in use already, instead of telling the one who asked. */
export async function postAddressKnown(jobs: Jobs, tx: Database, addressId: string): Promise<void> {
  await jobs.enqueue(tx, 'mail', { letter: 'address_known', address: addressId })
}

/** Tells one person what happened on an account he has to do with. */
export async function postNotice(jobs: Jobs, tx: Database, { kind, accountId, subjectId, recipientUserId }: Notice): Promise<void> {
  await jobs.enqueue(tx, 'mail', { letter: 'notice', kind, account: accountId, subject: subjectId, recipient: recipientUserId })
}

/** Tells who invited somebody to the support desk that it was declined. */
export async function postDeclined(jobs: Jobs, tx: Database, inviterUserId: string): Promise<void> {
  await jobs.enqueue(tx, 'mail', { letter: 'staff_declined', user: inviterUserId })
}

/** Letters to a person about the safety of his own sign-in. */
export const securityKinds = [
  'factor_added',
  'factor_removed',
  'recovery_code_used',
  'refresh_token_reused',
  'password_changed',
  'password_reset',
  'address_added',
  'address_removed',
  'users_joined',
  'password_guessed',
  'codes_guessed',
] as const
export type SecurityKind = (typeof securityKinds)[number]

/**
 * Tells a person what happened to his sign-in, so that it is noticed if it was not him: at the address he proved first, or at the one of
 * his that `addressId` names, also when it is his no more.
 */
export async function postSecurityNotice(jobs: Jobs, tx: Database, kind: SecurityKind, userId: string, addressId?: string): Promise<void> {
  await jobs.enqueue(tx, 'mail', { letter: 'security', kind, user: userId, ...(addressId === undefined ? {} : { address: addressId }) })
}

/** Tells somebody that another user asked to add his address, instead of telling the one who asked. */
export async function postAddressClaimed(jobs: Jobs, tx: Database, addressId: string): Promise<void> {
  await jobs.enqueue(tx, 'mail', { letter: 'address_claimed', address: addressId })
}
