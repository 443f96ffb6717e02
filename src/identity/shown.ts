import type { Loaded } from '../authority/load.ts'
import type { Database } from '../database/open.ts'
import type { VerificationMethod } from '../vocabulary.ts'
import { acceptedFactors, secondFactorRequired } from './second-factor.ts'

/** The methods of a session in which a second factor was shown. */
const shown: readonly unknown[] = ['password+totp', 'passkey'] satisfies VerificationMethod[]

/**
 * For acts on how a person is known: whoever has a second factor must have shown one in this session, so that the session in which he
 * made his first one has to step up. Returns whether there is a factor. @throws Problem `second_factor_required`
 */
export async function demandShownFactor(tx: Database, { facts }: Pick<Loaded, 'facts'>, userId: string): Promise<boolean> {
  const accepted = await acceptedFactors(tx, userId)
  if (accepted.length > 0 && !shown.includes(facts.session?.method)) {
    throw secondFactorRequired(accepted, 'Step up with your second factor first, at POST /v1/sessions/step-up')
  }
  return accepted.length > 0
}
