import { sessionOf } from './conditions.ts'
import type { Facts } from './facts.ts'

/** How and when the caller was verified: everything that he does keeps it. */
export function verificationOf(facts: Pick<Facts, 'session'>) {
  const { method, level, authenticatedAt } = sessionOf(facts)
  return { verification: method, verificationLevel: level, verifiedAt: authenticatedAt }
}
