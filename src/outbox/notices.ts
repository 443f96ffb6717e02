/** What each notice about an account says, in a line. */
import type { NoticeKind } from './post.ts'
import { submissionNotices } from './submission-letters.ts'

export const notices: Record<NoticeKind, { subject: string; said: string }> = {
  contact_added_by_staff: { subject: 'A contact was added', said: 'the provider has invited a contact.' },
  contact_ended: { subject: 'A contact has ended', said: 'a contact has ended.' },
  contact_declined: { subject: 'An invitation was declined', said: 'who was invited as a contact has declined.' },
  domain_added_by_staff: { subject: 'A domain was added', said: 'the provider has put a domain into it.' },
  domain_released_by_staff: { subject: 'A domain was released', said: 'the provider has released a domain of it.' },
  domain_claim_refused: { subject: 'A claim was refused', said: 'the provider has refused a claim of a domain.' },
  account_restricted: {
    subject: 'The account is restricted',
    said: 'the provider has restricted it. No permission it gave holds meanwhile.',
  },
  account_closed: {
    subject: 'The account is closed',
    said: 'the provider has closed it. Its owners can still read it for a time, and write about bills and ownership.',
  },
  account_reopened: { subject: 'The account is open again', said: 'the provider has opened it again. What ended stays ended.' },
  account_attempted: {
    subject: 'Strangers were refused',
    said: 'somebody who has nothing to do with it tried to act on it, and was refused. You need do nothing; here is how often.',
  },
  grant_invited: { subject: 'A permission was offered', said: 'somebody was offered permission to act on its behalf.' },
  grant_accepted: { subject: 'A permission was accepted', said: 'the permission you offered was accepted and holds from now on.' },
  grant_requested: {
    subject: 'Permission is asked for',
    said: 'a developer who has its request code asks for permission to act on its behalf. Read who asks and for what before you answer.',
  },
  grant_approved: { subject: 'A permission was given', said: 'a permission that was asked for holds from now on.' },
  grant_declined: { subject: 'A permission was declined', said: 'a permission to act on its behalf was declined.' },
  grant_narrowed: { subject: 'A permission was narrowed', said: 'a permission to act on its behalf is less than it was.' },
  grant_resigned: { subject: 'A permission was given back', said: 'a developer has given his permission back.' },
  grant_superseded: { subject: 'A permission was replaced', said: 'another permission has taken the place of one to act on its behalf.' },
  grant_revoked: { subject: 'A permission has ended', said: 'a permission to act on its behalf has ended.' },
  grant_suspended: { subject: 'A permission is suspended', said: 'a permission to act on its behalf is suspended.' },
  grant_cancelled: { subject: 'An offer was withdrawn', said: 'an offered permission to act on its behalf was withdrawn.' },
  grant_resumed: {
    subject: 'A permission goes on',
    said: 'a suspension of a permission to act on its behalf was lifted; as long as there is no other, it holds again.',
  },
  grant_adopted: { subject: 'A permission was adopted', said: 'another contact stands for a permission to act on its behalf from now on.' },
  grant_lapsed: { subject: 'Nobody answered', said: 'a permission that was asked for or offered got no answer in time, and has lapsed.' },
  grant_expiring: { subject: 'A permission ends soon', said: 'a permission to act on its behalf will end by itself.' },
  grant_expired: { subject: 'A permission has expired', said: 'a permission to act on its behalf has come to its end.' },
  grant_exhausted: {
    subject: 'A permission is used up',
    said: 'the number of tickets that a permission was given for is reached, and it has ended.',
  },
  ...submissionNotices,
}

/** Where its reader finds what it is about, a developer among his own grants; what the account does not hold any more is nowhere. */
export function placeOf(kind: NoticeKind, { number }: { number: string }, subjectId: string, own: boolean): string {
  const [what] = kind.split('_')
  const account = `/v1/accounts/${number}`
  if (own && what === 'grant') return `/v1/me/grants/${subjectId}`
  if (kind === 'account_attempted') return `${account}/refused-attempts`
  if (kind === 'domain_claim_refused') return `${account}/domains/claims/${subjectId}`
  return what === 'account' || kind === 'domain_released_by_staff' ? account : `${account}/${what}s/${subjectId}`
}
