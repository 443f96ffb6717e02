/**
 * Another contact takes a grant upon himself: from then on it is worth what he holds. An approval like any other, by one who holds all of
 * it now, of exactly what is there: neither its terms nor its end change.
 */
import { and, eq, sql } from 'drizzle-orm'
import type { Database } from '../database/open.ts'
import { grants } from '../database/tables.ts'
import type { Jobs } from '../jobs/jobs.ts'
import { append } from '../journal/append.ts'
import { Problem } from '../problem.ts'
import type { SuspensionCause } from '../vocabulary.ts'
import { roleCovers } from './actions.ts'
import { eventOf, onlyOf } from './authorship.ts'
import { grantorStands } from './conditions.ts'
import type { ContactFact, GrantFact, GrantorFact } from './facts.ts'
import type { Authority } from './judge.ts'
import { compromised } from './objects.ts'

/** A grant in force, as far as taking it over goes. `domains` are the unreleased ones; `grantor` the user who stands for it until now. */
export type Adoptable = {
  id: string
  accountId: string
  granteeUserId: string
  actions: string[]
  domains: string[]
  causes: SuspensionCause[]
  staffHeld: boolean
  compromised: boolean
  grantorContactId: string
  grantor: string
}

/** Those of an account's grants with these ids that are in force at an instant (epoch ms), under the account's key. */
export async function readAdoptable(tx: Database, accountId: string, ids: readonly string[], now: number): Promise<Adoptable[]> {
  const { rows } = await tx.execute<Adoptable>(sql`
    select g.id, g.account_id as "accountId", g.grantee_user_id as "granteeUserId", to_json(g.actions) as actions, to_json(g.suspension_causes) as causes,
      g.staff_held as "staffHeld", ${compromised('gc', 'g')} as compromised, gc.id as "grantorContactId", gc.user_id as grantor,
      (select coalesce(json_agg(d.id), '[]'::json) from grant_domains l join domains d on d.account_id = l.account_id and d.id = l.domain_id
        where l.account_id = g.account_id and l.grant_id = g.id and d.released_at is null) as domains
    from grants g join contacts gc on gc.account_id = g.account_id and gc.id = g.grantor_contact_id
    where g.account_id = ${accountId} and g.id = any(${sql.param([...ids])}::uuid[]) and g.status in ('active', 'suspended')
      and g.expires_at > ${new Date(now).toISOString()}::timestamptz
    order by g.id`)
  return rows
}

/**
 * Makes a contact the grantor, in the caller's transaction and under the account's key: what its grantor lost is lifted, and by an owner
 * also that its grantor was compromised; never what staff or the account suspended for reasons of their own. One whose own it is already
 * stays as it is. Says whether it altered anything.
 * @throws Problem `conflict` when he is the grantee, does not hold all of it, or is no owner where it takes one
 */
export async function adopt(jobs: Jobs, tx: Database, authority: Authority, adopter: ContactFact, grant: Adoptable): Promise<boolean> {
  const refusal = refusalOf(adopter, grant)
  if (refusal !== undefined) throw new Problem('conflict', { detail: refusal })
  const left = grant.causes.filter((cause) => !lifts(cause, grant))
  const lifted = grant.causes.filter((cause) => !left.includes(cause))
  if (grant.grantorContactId === adopter.id && lifted.length === 0 && !grant.compromised) return false
  const { accountId, id } = grant
  await tx
    .update(grants)
    .set({
      grantorContactId: adopter.id,
      grantedAt: new Date(authority.at),
      suspensionCauses: left,
      status: left.length === 0 ? 'active' : 'suspended',
      version: sql`${grants.version} + 1`,
    })
    .where(and(eq(grants.accountId, accountId), eq(grants.id, id)))
  const changed = [
    'grantor',
    ...(lifted.length === 0 ? [] : ['suspensionCauses']),
    ...(lifted.length > 0 && left.length === 0 ? ['status'] : []),
  ]
  const about = { accountId, resourceType: 'grant', resourceId: id, domainId: onlyOf(grant.domains) }
  await append(tx, eventOf(authority, 'grant.adopted', { ...about, changed, value: { from: grant.grantorContactId, lifted } }))
  for (const recipient of new Set([grant.granteeUserId, grant.grantor])) {
    if (recipient === authority.actorUserId) continue
    await jobs.enqueue(tx, 'mail', { letter: 'notice', kind: 'grant_adopted', account: accountId, subject: id, recipient })
  }
  return true
}

const lifts = (cause: SuspensionCause, grant: Adoptable): boolean =>
  cause === 'grantor_lost_authority' || (cause === 'staff' && grant.compromised && !grant.staffHeld)

function refusalOf(adopter: ContactFact, grant: Adoptable): string | undefined {
  if (adopter.userId === grant.granteeUserId) return 'Nobody gives permission to himself: another contact must adopt it'
  if (grant.compromised && !roleCovers(adopter.role, 'owner'))
    return 'It was given while its grantor was in the hands of somebody else: an owner must adopt it'
  const standing: GrantorFact = { ...adopter, userStatus: 'active', userVerified: true, userRevision: 0, compromised: false }
  const taken: Pick<GrantFact, 'accountId' | 'actions' | 'domains' | 'grantor'> = { ...grant, grantor: standing }
  return grantorStands(taken as GrantFact) ? undefined : 'You do not hold every action and domain of it yourself'
}
