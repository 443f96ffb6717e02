import { normaliseHostname } from './hostname.ts'

/** RFC 5321, 4.5.3.1: a local part of 64 octets; a path of 256 with its angle brackets, so an address of 254. */
const localOctetsMaximum = 64
const octetsMaximum = 254

/** RFC 5322 dot-atom; and what cannot be seen, which RFC 6531 would let into a local part but only serves to deceive. */
const dotAtom = /^[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*$/
const invisible = /[\p{Cc}\p{Cf}\p{Cs}\p{Z}]/u
const notAscii = /[^\0-\x7f]/gu

export type Address = { address: string; local: string; domain: string }

/**
 * Reads one mail address (RFC 5321: dot-atom local part, no quoted form, no display name) into the form that identities are
 * compared by: `address` has its local part in lower case and its domain as `normaliseHostname` makes it. RFC 5321 lets a host tell
 * `Anna@` from `anna@`, but mailbox providers treat them alike, and two users who differ by case only would be a trap: one could
 * be taken for the other. Nothing else is folded: dots and `+tags` mean different mailboxes at many providers. `local` is the
 * local part as it was written. With `internationalLocal` the local part may be any visible Unicode (RFC 6531), composed (NFC) in
 * `address`. `error` completes a sentence that begins with the field's name. Total: no input throws.
 */
export function normaliseAddress(input: string, options: { internationalLocal?: boolean } = {}): Address | { error: string } {
  if (invisible.test(input)) return { error: 'must be one mail address without spaces or control characters' }
  if (/[<>]/.test(input)) return { error: 'must be the mail address alone, without a name or angle brackets, e.g. anna@shop.example' }
  const at = input.lastIndexOf('@')
  if (at < 0) return { error: 'must be a mail address, e.g. anna@shop.example' }
  const local = input.slice(0, at)
  const fault = faultOfLocal(local, options.internationalLocal === true)
  if (fault !== undefined) return { error: fault }
  const host = normaliseHostname(input.slice(at + 1))
  if ('error' in host) return { error: `has a part after the @ that ${host.error}` }
  const folded = local.normalize('NFC').toLowerCase().normalize('NFC')
  const error = faultOfLength(Math.max(Buffer.byteLength(local), Buffer.byteLength(folded)), host.name.length)
  return error === undefined ? { address: `${folded}@${host.name}`, local, domain: host.name } : { error }
}

function faultOfLocal(local: string, international: boolean): string | undefined {
  if (local === '') return 'must have a local part before the @, e.g. anna@shop.example'
  if (local.startsWith('"')) return 'must not have a quoted local part'
  // Composed first: a few characters outside ASCII, such as U+037E, are only another way to write one inside.
  const ascii = local.normalize('NFC').replace(notAscii, 'x')
  if (!international && local.search(notAscii) >= 0) return 'must have a local part of ASCII letters, digits and signs'
  if (dotAtom.test(ascii)) return undefined
  return "must have a local part of letters, digits and any of !#$%&'*+-/=?^_`{|}~, with single dots only between them"
}

function faultOfLength(localOctets: number, domainOctets: number): string | undefined {
  if (localOctets > localOctetsMaximum) return `must have at most ${localOctetsMaximum} octets before the @`
  return localOctets + 1 + domainOctets > octetsMaximum ? `must be at most ${octetsMaximum} octets long` : undefined
}
