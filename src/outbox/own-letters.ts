/** Letters about what a person asked for about himself – or somebody else in his name, who must learn nothing from it. */
import { type Letter, lines, type Secret, untilText } from './letters.ts'
import type { OwnTerms } from './offer.ts'

/** A letter that hands over the secret of a new address or of a password reset. */
export function ownLetter({ kind }: OwnTerms, { origin, secret, expiresAt }: Secret): Letter {
  const until = untilText(expiresAt)
  if (kind === 'addition') return { subject: 'Prove your mail address', text: addition(origin, secret, until) }
  return { subject: 'Reset your password', text: reset(origin, secret, until) }
}

const addition = (origin: string, secret: string, until: string): string =>
  lines(
    `Somebody asked to add this mail address to a user at ${origin}`,
    '',
    'If it was you, prove that the address is yours with this token:',
    '',
    secret,
    '',
    `It is good until ${until}, once, and only while you are`,
    'signed in as the user who asked:',
    '',
    `POST ${origin}/v1/me/addresses/proofs`,
    '{ "token": "…" }',
    '',
    'If it was not you, do nothing, and give the token to nobody.',
  )

const reset = (origin: string, secret: string, until: string): string =>
  lines(
    `Somebody asked for a new password for your user at ${origin}`,
    '',
    'If it was you, choose one with this token:',
    '',
    secret,
    '',
    `It is good until ${until}, once:`,
    '',
    `POST ${origin}/v1/password-resets/complete`,
    '{ "token": "…", "newPassword": "…" }',
    '',
    'If you have a second factor, send a code of it as well, as "code". All',
    'your sessions and personal access tokens end.',
    '',
    'If it was not you, do nothing, and give the token to nobody.',
  )

/** For the owner of an address that another user asked to add. */
export function claimedLetter(origin: string): Letter {
  return {
    subject: 'Somebody asked for your mail address',
    text: lines(
      `Somebody asked to add this mail address to another user at ${origin}`,
      '',
      'It belongs to your user there, so nothing was changed. If you have two',
      'users there and want one: POST /v1/me/joining joins them.',
      '',
      'If it was not you, do nothing.',
    ),
  }
}

/** For the admin who invited somebody to the support desk. */
export function declinedLetter(origin: string): Letter {
  return {
    subject: 'An invitation was declined',
    text: lines(
      `An invitation of yours to the support desk at ${origin}`,
      'was declined. Who works there stands here:',
      '',
      `GET ${origin}/v1/staff`,
    ),
  }
}
