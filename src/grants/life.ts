/** The life of a grant: one table, the same for every door. What time has done to a grant is true before a job records it. */
import { Problem } from '../problem.ts'
import type { GrantStatus } from '../vocabulary.ts'

/** Who brings a grant from one state into another: a contact (or staff, to end it), or the developer it is for. */
export type Side = 'account' | 'grantee'

/** Where each side can bring a grant from where it is. From a state that is not named nobody brings it anywhere: it has ended. */
export const steps: Record<Side, Partial<Record<GrantStatus, readonly GrantStatus[]>>> = {
  account: {
    requested: ['active', 'declined'],
    invited: ['cancelled'],
    active: ['suspended', 'revoked', 'superseded'],
    suspended: ['active', 'revoked', 'superseded'],
  },
  grantee: {
    requested: ['cancelled'],
    invited: ['active', 'declined'],
    active: ['resigned'],
    suspended: ['resigned'],
  },
}

/** @throws Problem `invalid_transition`, which says where this side can bring it */
export function demandStep(side: Side, from: GrantStatus, to: GrantStatus): void {
  if (steps[side][from]?.includes(to) !== true) throw invalidStep(side, from, to)
}

/** Terms change only while there is something in force to change. @throws Problem `invalid_transition` */
export function demandInForce(side: Side, from: GrantStatus): void {
  if (from !== 'active' && from !== 'suspended') throw invalidStep(side, from, 'active')
}

export function invalidStep(side: Side, from: GrantStatus, to: GrantStatus): Problem {
  const allowed = steps[side][from] ?? []
  const detail = allowed.length === 0 ? `It is ${from}, and that is final` : `It is ${from}; you can make it ${allowed.join(' or ')}`
  return new Problem('invalid_transition', { detail, members: { from, to, allowed } })
}

export type Lived = {
  status: GrantStatus
  createdAt: Date
  expiresAt: Date
  maxUses: number | null
  uses: number
  /** Its uses are spent and every ticket of it is closed. */
  finished: boolean
}

const dayMs = 86_400_000

/**
 * Where a grant stands at an instant (epoch ms), recorded or not: past its end it is expired; one whose uses are spent is exhausted then,
 * or with the last of its tickets; what nobody has answered within `answerDays`, or before its own end, has lapsed.
 */
export function statusAt(grant: Lived, now: number, answerDays: number): GrantStatus {
  const { status, createdAt, expiresAt, maxUses, uses, finished } = grant
  const over = expiresAt.getTime() <= now
  if (status === 'active' || status === 'suspended') {
    if (finished || (over && maxUses !== null && uses >= maxUses)) return 'exhausted'
    return over ? 'expired' : status
  }
  if (status !== 'requested' && status !== 'invited') return status
  return over || createdAt.getTime() + answerDays * dayMs <= now ? 'lapsed' : status
}
