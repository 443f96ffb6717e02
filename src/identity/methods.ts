import type { VerificationLevel, VerificationMethod } from '../vocabulary.ts'

/** How the person was authenticated, in the words of RFC 8176: the `amr` of a token on a session of each method. */
const references: Partial<Record<VerificationMethod, readonly string[]>> = {
  password: ['pwd'],
  'password+totp': ['pwd', 'otp', 'mfa'],
  passkey: ['hwk', 'user'],
}

/** The `amr` claim for a session's method; empty where none of the registered words says it. */
export function amrOf(method: VerificationMethod): string[] {
  return [...(references[method] ?? [])]
}

/** The registered words for each kind of factor; others, such as `user` or `rba`, are none. */
const known = ['pwd', 'pin', 'kba']
const held = ['otp', 'hwk', 'swk', 'sc', 'sms', 'tel', 'mca', 'pop']
const inherent = ['face', 'fpt', 'iris', 'retina', 'vbm']

/** What a sign-in elsewhere is worth by the `amr` that is said of it: two factors are of two kinds, one of them something he has. */
export function levelOfAmr(amr: readonly string[]): VerificationLevel {
  const some = (words: readonly string[]): boolean => words.some((word) => amr.includes(word))
  if (amr.includes('mfa') || (some(held) && (some(known) || some(inherent)))) return 'two_factors'
  return some([...known, ...held, ...inherent]) ? 'one_factor' : 'asserted'
}
