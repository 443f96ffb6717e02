/** Suspending a grant and letting it go on: the account and the provider each for reasons of their own, which only they lift. */
import { and, eq, sql } from 'drizzle-orm'
import { type Adoptable, readAdoptable } from '../authority/adoption.ts'
import type { Context } from '../authority/context.ts'
import type { Answer } from '../database/idempotency.ts'
import { grants } from '../database/tables.ts'
import type { Standing } from '../http/types.ts'
import { invalid, Problem } from '../problem.ts'
import type { GrantStatus, SuspensionCause } from '../vocabulary.ts'
import { type Act, actOnGrant } from './act.ts'
import { demandInForce, invalidStep, steps } from './life.ts'
import type { EndGrant } from './schema.ts'
import { record, tellSides } from './tell.ts'

/**
 * Suspends at once, for the account or for the provider; one that is suspended so already stays as it is. Staff say why, and the owners
 * are told. @throws Problem `invalid_transition` for what is not in force
 */
export function suspendGrant(context: Context, standing: Standing, { reason }: EndGrant): Promise<Answer> {
  demandReason(standing, reason)
  return actOnGrant(context, standing, async (act) => {
    const { status, grant } = act
    if (status !== 'active' && status !== 'suspended') throw invalidStep('account', status, 'suspended')
    const cause = causeOf(act)
    if (cause === 'staff' ? grant.staffHeld : grant.suspensionCauses.includes(cause)) return false
    await write(act, [...new Set([...causesOf(act), cause])], cause === 'staff' || grant.staffHeld)
    await record(act, 'grant.suspended', ['status', 'suspensionCauses'], { causes: [cause], ...(reason === undefined ? {} : { reason }) })
    await tellSides(act, 'grant_suspended')
    return true
  })
}

/**
 * Lifts what the caller's own side suspended; in force again when nothing else is left. It gives, so it wants the version that was seen.
 * @throws Problem `invalid_transition` for what his side did not suspend, `conflict` for who would lift it for himself
 */
export function resumeGrant(context: Context, standing: Standing, { reason }: EndGrant): Promise<Answer> {
  demandReason(standing, reason)
  return actOnGrant(context, standing, async (act) => {
    const { status, grant, authority } = act
    demandInForce('account', status)
    const cause = causeOf(act)
    if (cause === 'staff' ? !grant.staffHeld : !grant.suspensionCauses.includes(cause)) throw notYours(act)
    if (cause === 'account' && grant.granteeUserId === authority.actorUserId)
      throw new Problem('conflict', { detail: 'Nobody gives permission to himself: another contact must let it go on' })
    // That its grantor was compromised is lifted by an owner who adopts it, not by staff.
    const compromised = await isCompromised(act)
    const left = causesOf(act).filter((other) => other !== cause || (cause === 'staff' && compromised))
    await write(act, left, cause !== 'staff' && grant.staffHeld, compromised ? {} : givenAnew(act))
    const changed = ['suspensionCauses', ...(left.length === 0 ? ['status'] : [])]
    await record(act, 'grant.resumed', changed, { lifted: cause, left, ...(reason === undefined ? {} : { reason }) })
    await tellSides(act, 'grant_resumed')
    return true
  })
}

/** Staff say why they override. */
export function demandReason({ loaded }: Standing, reason: string | undefined): void {
  if (loaded.facts.staff === null || reason !== undefined) return
  throw invalid({ pointer: '#/reason', detail: 'is required of staff; the customer is told what you did', code: 'required' })
}

const causeOf = ({ authority }: Act): 'staff' | 'account' => (authority.capacity === 'staff' ? 'staff' : 'account')
const causesOf = ({ grant }: Act) => grant.suspensionCauses as SuspensionCause[]

async function isCompromised({ tx, grant, authority }: Act): Promise<boolean> {
  const [inForce] = await readAdoptable(tx, grant.accountId, [grant.id], authority.at)
  return (inForce as Adoptable).compromised
}

type Given = { grantedAt?: Date }

/**
 * Its grantor gives it once more: if he was in somebody else's hands, it is what they gave. Who lets go on what another gave does not take
 * his place: what was given in the wrong hands stays so, whoever says yes to it without adopting it.
 */
const givenAnew = ({ grant, authority }: Act): Given =>
  authority.via.id === grant.grantorContactId ? { grantedAt: new Date(authority.at) } : {}

async function write({ tx, grant }: Act, causes: readonly SuspensionCause[], staffHeld: boolean, given: Given = {}): Promise<void> {
  const status = causes.length === 0 ? 'active' : 'suspended'
  await tx
    .update(grants)
    .set({ ...given, status, suspensionCauses: [...causes], staffHeld, version: sql`${grants.version} + 1` })
    .where(and(eq(grants.accountId, grant.accountId), eq(grants.id, grant.id)))
}

function notYours({ grant, status }: Act): Problem {
  const allowed = (steps.account[status] as GrantStatus[]).filter((step) => step !== 'active')
  const detail =
    status === 'active' ? 'It is not suspended' : `It is suspended for ${grant.suspensionCauses.join(' and ')}, which is not yours to lift`
  return new Problem('invalid_transition', { detail, members: { from: status, to: 'active', allowed } })
}
