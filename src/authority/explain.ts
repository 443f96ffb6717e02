/** Why a decision is what it is, for staff: each row it looked at with the first condition it fails, from the lines that decide. */
import { contactsOf, grantsOf, isInTime } from './conditions.ts'
import { contactFailure, contactFailures, decide, grantFailure, grantFailures } from './decide.ts'
import type { Decision, Facts, GrantFact, Question } from './facts.ts'

/** What keeps a grant from being live, in the order it is looked for. */
export const liveFailures = ['not_active', 'not_yet_valid', 'expired', 'grantor'] as const
export const failures = [...new Set([...contactFailures, ...grantFailures, ...liveFailures])].filter((failure) => failure !== 'not_live')
export type Failure = (typeof failures)[number]

/** A contact or grant of the person on the account; `failed` is null for one that justifies. */
export type Candidate = { capacity: 'contact' | 'grant'; id: string; failed: Failure | null }

export type Explanation = { decision: Decision; candidates: Candidate[] }

/** Explains the decision of one question from facts at one instant (epoch ms). */
export function explain(facts: Facts, question: Question, now: number): Explanation {
  const account = facts.accounts.find(({ id }) => id === question.account)
  const candidates: Candidate[] = []
  if (account !== undefined) {
    for (const contact of contactsOf(facts, account.id))
      candidates.push({ capacity: 'contact', id: contact.id, failed: contactFailure(contact, question, account, now) ?? null })
    for (const grant of grantsOf(facts, account.id)) {
      const failed = grantFailure(grant, facts.ceiling, question, account, now)
      candidates.push({ capacity: 'grant', id: grant.id, failed: failed === 'not_live' ? liveFailure(grant, now) : (failed ?? null) })
    }
  }
  return { decision: decide(facts, question, now), candidates }
}

/** Of a grant that is not live. */
function liveFailure(grant: GrantFact, now: number): Failure {
  if (grant.status !== 'active') return 'not_active'
  if (isInTime(grant, now)) return 'grantor'
  return now < grant.notBefore ? 'not_yet_valid' : 'expired'
}
