import { readJson } from './json.ts'

/** The header of our own tokens has these members and no other: none of `crit`, `jku`, `jwk`, `x5u` … is ever obeyed. */
const headerMembers = ['alg', 'kid', 'typ']
const partForm = /^[A-Za-z0-9_-]+$/

/**
 * Whether a JWT has the form in which we write ours (RFC 7515, section 7.1): three unpadded base64url parts, a header of known
 * members, and no member twice, over which two readers could disagree. The signature is not looked at.
 */
export function hasTokenForm(token: string): boolean {
  const parts = token.split('.')
  if (parts.length !== 3 || !parts.every((part) => partForm.test(part))) return false
  try {
    const [header] = parts.slice(0, 2).map((part) => readJson(Buffer.from(part, 'base64url').toString('utf8')))
    return typeof header === 'object' && header !== null && Object.keys(header).every((member) => headerMembers.includes(member))
  } catch {
    return false
  }
}
