/** A contact adopts grants: one, or many at once with an answer for each. */
import { type Adoptable, adopt, readAdoptable } from '../authority/adoption.ts'
import type { Context } from '../authority/context.ts'
import type { AccountFact, ContactFact } from '../authority/facts.ts'
import type { Authority } from '../authority/judge.ts'
import type { Answer } from '../database/idempotency.ts'
import { askOfPath, type Secured } from '../http/access.ts'
import type { Standing } from '../http/types.ts'
import { Problem } from '../problem.ts'
import { type Act, actOnGrant } from './act.ts'
import { demandInForce } from './life.ts'
import { recordRefusal } from './record.ts'
import type { Grant } from './schema.ts'
import type { AdoptedGrants, AdoptGrants } from './upkeep-schema.ts'

/** What it takes to adopt one. Staff never do: they give nothing. */
export const adopting = { action: 'grant.manage', on: 'grant', stepUp: true, ifMatch: true } as const satisfies Secured

/** @throws Problem the refusal, `precondition_failed`, `invalid_transition` for what is not in force, or `conflict` */
export function adoptGrant(context: Context, standing: Standing): Promise<Answer> {
  return actOnGrant(context, standing, take)
}

async function take({ context, tx, authority, grant, status }: Act): Promise<void> {
  demandInForce('account', status)
  const [adoptable] = await readAdoptable(tx, grant.accountId, [grant.id], authority.at)
  // One in force has a grantor, so it is found.
  await adopt(context.jobs, tx, authority, contactOf(authority), adoptable as Adoptable)
}

/** A contact alone holds `grant.manage`. */
function contactOf({ via }: Authority): ContactFact {
  return (via as Extract<Authority['via'], { capacity: 'contact' }>).contact
}

/** Each in a commit of its own, in the order they are named, so that one that cannot be adopted keeps none of the others. */
export async function adoptGrants(context: Context, standing: Standing, { grants }: AdoptGrants): Promise<AdoptedGrants> {
  const items: AdoptedGrants['items'] = []
  for (const { id, version } of grants) items.push({ id, ...(await adoptOne(context, standing, id, version)) })
  return { items }
}

async function adoptOne(
  context: Context,
  standing: Standing,
  id: string,
  version: number,
): Promise<Omit<AdoptedGrants['items'][number], 'id'>> {
  const { id: account } = standing.loaded.account as AccountFact
  const ask = askOfPath(adopting, { account, grant: id })
  const one: Standing = { ...standing, ask, repeatable: null, expectedVersion: version }
  try {
    const { body } = await actOnGrant(context, one, take)
    return { grant: body as Grant, problem: null }
  } catch (error) {
    // A sign-in that is too old is too old for all of them.
    if (!(error instanceof Problem) || error.code === 'step_up_required') throw error
    await recordRefusal(context, one, error, account, id)
    return { grant: null, problem: { code: error.code, status: error.status, detail: error.message } }
  }
}
