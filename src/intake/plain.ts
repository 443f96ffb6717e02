/** A stranger's words as they are shown to who decides about them: nothing to press, and nothing that shows otherwise than it is. */
import type { Submission } from './schema.ts'

export type Content = { subject: string; message: string; details: Record<string, unknown> }

/** The words without what would make a link, and without characters that change the order of others (UAX #9). */
export function plainWords({ subject, message, details }: Content): NonNullable<Submission['words']> {
  return { from: 'a stranger', subject: plain(subject), message: plain(message), details: plainMembers(details) }
}

const reordering = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

/** What programs that show text take for the beginning of a link. */
const scheme = /:(?=\/\/)|(?<=\b(?:mailto|tel|data|javascript)):/gi

const plain = (text: string): string =>
  text
    .replace(reordering, '')
    .replace(scheme, '[:]')
    .replace(/\bwww\./gi, 'www[.]')

function plainMembers(value: unknown): unknown {
  if (typeof value === 'string') return plain(value)
  if (Array.isArray(value)) return value.map(plainMembers)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plainMembers(member)]))
}
