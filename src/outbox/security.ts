/** Letters to a person about the safety of his own sign-in: short, and so that he notices what was not him. */
import { and, asc, eq, isNotNull, or } from 'drizzle-orm'
import type { Database } from '../database/open.ts'
import { addresses } from '../database/tables.ts'
import type { Letter } from './letters.ts'
import type { SecurityKind } from './post.ts'

/** The letter and whom it goes to: the named address, or the one he proved first; undefined for one who has proven none. */
export async function securityLetter(
  db: Database,
  origin: string,
  kind: SecurityKind,
  userId: string,
  addressId?: string,
): Promise<{ to: string; letter: Letter } | undefined> {
  const which =
    addressId === undefined
      ? isNotNull(addresses.provenAt)
      : and(eq(addresses.id, addressId), or(isNotNull(addresses.provenAt), isNotNull(addresses.removedAt)))
  const [found] = await db
    .select({ to: addresses.address })
    .from(addresses)
    .where(and(eq(addresses.userId, userId), which))
    .orderBy(asc(addresses.provenAt), asc(addresses.id))
    .limit(1)
  return found && { to: found.to, letter: letterOf(origin, kind) }
}

function letterOf(origin: string, kind: SecurityKind): Letter {
  const { subject, said, otherwise = signedIn } = texts[kind]
  const lines = [
    `At ${origin} ${said}`,
    '',
    'If it was you, there is nothing to do.',
    '',
    `If it was not you, ${otherwise}`,
    '',
    `GET ${origin}/v1/sessions`,
    `GET ${origin}/v1/me/second-factors`,
  ]
  return { subject, text: `${lines.join('\n')}\n` }
}

const signedIn = 'somebody else can sign in as you: change your\npassword, end the sessions you do not know, and tell the provider.'

/** `otherwise` is what it means if it was not him. */
const texts: Record<SecurityKind, { subject: string; said: string; otherwise?: string }> = {
  factor_added: { subject: 'A second factor was added', said: 'a second factor was added to your sign-in.' },
  factor_removed: { subject: 'A second factor was removed', said: 'a second factor was removed from your sign-in.' },
  refresh_token_reused: {
    subject: 'A session was ended',
    said: 'a session of yours was ended: the\ntoken that keeps it going was used twice, so somebody else may have it.',
  },
  password_changed: { subject: 'Your password was changed', said: 'your password was changed.' },
  password_reset: {
    subject: 'Your password was reset',
    said: 'your password was reset by mail, and all\nyour sessions and tokens have ended.',
  },
  address_added: { subject: 'A mail address was added', said: 'another mail address was added to your user.' },
  address_removed: { subject: 'A mail address was removed', said: 'a mail address was removed from your user.' },
  users_joined: { subject: 'Two users were joined', said: 'your user and another one were joined.' },
  password_guessed: {
    subject: 'Wrong passwords were tried',
    said: 'wrong passwords were tried for your user, one\nafter the other. From now on every further try must wait.',
    otherwise: 'nobody has got in: a long password that you use\nnowhere else, and a second factor, keep it so.',
  },
  codes_guessed: {
    subject: 'Wrong codes were tried',
    said: 'wrong codes of your second factor were tried,\none after the other. From now on every further try must wait.',
    otherwise: 'somebody knows your password or reads your mail,\nand only the second factor keeps him out: change both passwords now.',
  },
  recovery_code_used: { subject: 'A recovery code was used', said: 'one of your recovery codes was used. It is void now.' },
}
