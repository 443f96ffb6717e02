/**
 * What the letters say: short, plain, in English. A secret stands on a line of its own. Nothing that a person whose address is not
 * proven has written is ever repeated to anybody.
 */
import type { ContactRole } from '../vocabulary.ts'
import { notices, placeOf } from './notices.ts'
import type { OwnTerms, Terms } from './offer.ts'
import type { NoticeKind } from './post.ts'
import { placeOfSubmission } from './submission-letters.ts'

export type Letter = { subject: string; text: string }
export type AccountName = { number: string; name: string }

/** `origin` is where the service is reached; `expiresAt` the end of the secret, epoch ms. */
export type Secret = { origin: string; secret: string; expiresAt: number }

/** A letter that hands over a secret. */
export function secretLetter(terms: Exclude<Terms, OwnTerms>, { origin, secret, expiresAt }: Secret): Letter {
  const until = untilText(expiresAt)
  if (terms.kind === 'proof') return { subject: 'Prove your mail address', text: proof(origin, secret, until) }
  return { subject: subjectOf(terms), text: invitation(opening(terms, origin), origin, secret, until, terms.kind !== 'staff') }
}

const proof = (origin: string, secret: string, until: string): string =>
  lines(
    `Somebody signed up with this mail address at ${origin}`,
    '',
    'If it was you, prove that the address is yours with this token:',
    '',
    secret,
    '',
    `It is good until ${until}, once, and only together`,
    'with the password you chose:',
    '',
    `POST ${origin}/v1/users/proofs`,
    '{ "token": "…", "password": "…" }',
    '',
    'If it was not you, do nothing. Without the password the token is of no',
    'use to anybody.',
  )

function invitation(about: string[], origin: string, secret: string, until: string, orSignIn: boolean): string {
  const signIn = [
    '',
    'If this address belongs to your user there already, sign in first and',
    'send only the token, with your access token.',
  ]
  return lines(
    ...about,
    '',
    'Your token:',
    '',
    secret,
    '',
    `It is good until ${until}, once. See what is offered:`,
    '',
    `POST ${origin}/v1/invitations/show`,
    '{ "token": "…" }',
    '',
    'Accept it, as a new user with this mail address:',
    '',
    `POST ${origin}/v1/invitations/accept`,
    '{ "token": "…", "name": "…", "password": "…" }',
    ...(orSignIn ? signIn : []),
    '',
    'Decline it, and who invited you is told:',
    '',
    `POST ${origin}/v1/invitations/decline`,
    '{ "token": "…" }',
    '',
    'If you do not expect this, do nothing.',
  )
}

type Invitation = Exclude<Terms, OwnTerms | { kind: 'proof' }>

function subjectOf(terms: Invitation): string {
  return terms.kind === 'staff' ? 'Invitation to the support desk' : `Invitation for account ${terms.account.number}`
}

function opening(terms: Invitation, origin: string): string[] {
  switch (terms.kind) {
    case 'contact':
      return [`You are invited to speak for account ${named(terms.account)}`, `as its ${terms.role} contact, at ${origin}`]
    case 'grant':
      return [`You are invited to act on behalf of account ${named(terms.account)}`, `at ${origin} for:`, '', ...listed(terms.domains)]
    case 'staff':
      return [`You are invited to work at the support desk at ${origin}`, `with the role ${terms.role}.`]
  }
}

/** For the owner of an address that somebody signed up with although it has a user. */
export function knownLetter(origin: string): Letter {
  return {
    subject: 'You have a user already',
    text: lines(
      `Somebody tried to sign up with this mail address at ${origin}`,
      '',
      'It belongs to your user there, so nothing was changed. If it was you,',
      'sign in with your password:',
      '',
      `POST ${origin}/v1/sessions`,
      '{ "address": "…", "password": "…" }',
      '',
      'If it was not you, do nothing.',
    ),
  }
}

export type NoticeSubject = {
  origin: string
  account: AccountName
  subjectId: string
  /** Whether it is about something of the reader's own. */
  own: boolean
  domains: readonly string[]
  role: ContactRole | null
  /** For a letter that announces an end, epoch ms. */
  endsAt: number | null
}

/** A letter about what happened on an account. */
export function noticeLetter(kind: NoticeKind, { origin, account, subjectId, own, domains, role, endsAt }: NoticeSubject): Letter {
  const place = placeOfSubmission(kind, account, subjectId) ?? placeOf(kind, account, subjectId, own)
  const { subject, said } = notices[kind]
  return {
    subject: `${subject} for account ${account.number}`,
    text: lines(
      `Account ${named(account)}: ${said}`,
      ...(role === null ? [] : ['', `Role: ${role}`]),
      ...(domains.length === 0 ? [] : ['', ...listed(domains)]),
      ...(endsAt === null ? [] : ['', `It ends at ${untilText(endsAt)}.`]),
      '',
      'Those who may see it find it here:',
      '',
      `GET ${origin}${place}`,
    ),
  }
}

/** A name never begins a line of its own or holds one. */
const named = ({ number, name }: AccountName): string => `${number} (${name.replaceAll(/\s+/g, ' ')})`

const listed = (domains: readonly string[]): string[] => domains.map((domain) => `- ${domain}`)

/** An instant (epoch ms) as people read it. */
export const untilText = (instant: number): string => `${new Date(instant).toISOString().slice(0, 16).replace('T', ' ')} UTC`

export const lines = (...text: string[]): string => `${text.join('\n')}\n`
