import { readJson } from './json.ts'

/** The header of our own tokens has these members and no other: none of `crit`, `jku`, `jwk`, `x5u` … is ever obeyed. */
const headerMembers = ['alg', 'kid', 'typ']

/** The three parts of a JWT as it is sent (RFC 7515, section 7.1); undefined for what is none, or is not spelt as everybody would. */
export function partsOfToken(token: string): [Buffer, Buffer, Buffer] | undefined {
  const parts = token.split('.')
  const bytes = parts.map((part) => Buffer.from(part, 'base64url'))
  // No padding, no other alphabet, and no bits that are thrown away (RFC 4648, section 3.5): one token has one spelling.
  const spelt = bytes.every((part, index) => part.length > 0 && part.toString('base64url') === parts[index])
  return parts.length === 3 && spelt ? (bytes as [Buffer, Buffer, Buffer]) : undefined
}

/**
 * Whether a JWT has the form in which we write ours (RFC 7515, section 7.1): three unpadded base64url parts, a header of known
 * members, and no member twice, over which two readers could disagree. The signature is not looked at.
 */
export function hasTokenForm(token: string): boolean {
  const parts = partsOfToken(token)
  if (parts === undefined) return false
  try {
    const [header] = parts.slice(0, 2).map((part) => readJson(part.toString('utf8')))
    return typeof header === 'object' && header !== null && Object.keys(header).every((member) => headerMembers.includes(member))
  } catch {
    return false
  }
}
