/** A contact adopts grants: one, or many at once with an answer for each. */
import { type Adoptable, adopt, readAdoptable } from '../authority/adoption.ts'
import type { Context } from '../authority/context.ts'
import type { AccountFact, ContactFact } from '../authority/facts.ts'
import type { Authority } from '../authority/judge.ts'
import type { Answer } from '../database/idempotency.ts'
import { askOfPath, type Secured } from '../http/access.ts'
import { keepWhole, onceInPart, partsDone } from '../http/idempotency-parts.ts'
import type { Standing } from '../http/types.ts'
import { Problem, type ProblemCode } from '../problem.ts'
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

async function take({ context, tx, authority, grant, status }: Act): Promise<boolean> {
  demandInForce('account', status)
  const [adoptable] = await readAdoptable(tx, grant.accountId, [grant.id], authority.at)
  // One in force has a grantor, so it is found.
  return adopt(context.jobs, tx, authority, contactOf(authority), adoptable as Adoptable)
}

/** A contact alone holds `grant.manage`. */
function contactOf({ via }: Authority): ContactFact {
  return (via as Extract<Authority['via'], { capacity: 'contact' }>).contact
}

/** Problems that are of the whole request, and not of one of its grants. */
const ofAll: readonly ProblemCode[] = ['step_up_required', 'idempotency_in_progress', 'idempotency_key_reused']

/**
 * Each in a commit of its own, in the order they are named, so that one that cannot be adopted keeps none of the others. Throws what is of
 * all of them: a sign-in that is too old, or the key of another request.
 */
export async function adoptGrants(context: Context, standing: Standing, { grants }: AdoptGrants): Promise<Answer> {
  await partsDone(context, standing.repeatable)
  const items: AdoptedGrants['items'] = []
  for (const [index, wanted] of grants.entries()) items.push(await adoptOne(context, standing, String(index), wanted))
  const { id: account } = standing.loaded.account as AccountFact
  // A problem tells of a grant, too; only that there is none tells nothing.
  const told = items.flatMap(({ id, problem }) => (problem?.code === 'not_found' ? [] : [id]))
  const made = { action: 'grant.read', staffAction: 'staff.directory.read', account, ticket: null, grants: told }
  return keepWhole(context, standing.repeatable, { status: 200, body: { items }, made })
}

async function adoptOne(
  context: Context,
  standing: Standing,
  part: string,
  { id, version }: AdoptGrants['grants'][number],
): Promise<AdoptedGrants['items'][number]> {
  const { id: account } = standing.loaded.account as AccountFact
  const one: Standing = { ...standing, ask: askOfPath(adopting, { account, grant: id }), expectedVersion: version }
  try {
    const { body } = await onceInPart(context, one, part, (repeatable) => actOnGrant(context, { ...one, repeatable }, take))
    return { id, grant: body as Grant, problem: null }
  } catch (error) {
    if (!(error instanceof Problem) || ofAll.includes(error.code)) throw error
    await recordRefusal(context, one, error, account, id)
    return { id, grant: null, problem: { code: error.code, status: error.status, detail: error.message } }
  }
}
