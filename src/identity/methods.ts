import type { VerificationMethod } from '../vocabulary.ts'

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
