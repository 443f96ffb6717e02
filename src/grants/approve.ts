/** A contact says yes to a developer who asks: to exactly what was shown, or to less. */

import { and, eq } from 'drizzle-orm'
import { eventOf } from '../authority/authorship.ts'
import type { Context } from '../authority/context.ts'
import type { AccountFact } from '../authority/facts.ts'
import { bringIntoForce } from '../authority/in-force.ts'
import { actorOf } from '../authority/judge.ts'
import type { Answer } from '../database/idempotency.ts'
import { grantRequests } from '../database/tables.ts'
import type { Standing } from '../http/types.ts'
import { Problem } from '../problem.ts'
import { type Act, actOnGrant } from './act.ts'
import { invalidStep } from './life.ts'
import { aboutToo } from './narrow.ts'
import type { NarrowGrant } from './schema.ts'
import { tellSides } from './tell.ts'
import { narrowed, refsOf, resolve, writeTerms } from './terms.ts'

/**
 * Approves a request. Who approves becomes its grantor, and must hold every action and domain of it; he is never the one who asks,
 * through whatever client. @throws Problem `validation_error` for what is more than was shown, `invalid_transition`, `conflict`
 */
export function approveGrant(context: Context, standing: Standing, body: NarrowGrant): Promise<Answer> {
  const stated = body.domains === undefined ? null : refsOf(body.domains)
  return actOnGrant(
    context,
    standing,
    async (act) => {
      if (act.status !== 'requested') throw invalidStep('account', act.status, 'active')
      demandOther(act)
      await takeRequest(act)
      const ids = stated === null ? null : resolve(act.loaded, stated).map((domain) => String(domain?.id))
      const { terms, changed } = narrowed(act.grant, body, ids, act.authority.at)
      if (changed.length > 0) await writeTerms(act.tx, act.grant, terms)
      await agree(act)
      await tellSides(act, 'grant_approved')
      return true
    },
    stated === null ? standing.ask : aboutToo(standing.ask, stated),
  )
}

function demandOther({ authority, grant }: Act): void {
  if (grant.granteeUserId !== actorOf(authority)) return
  throw new Problem('conflict', { detail: 'Nobody gives permission to himself: another contact must approve it' })
}

/** The request's row decides against a cancellation at the same time: whichever takes it first. */
async function takeRequest({ tx, authority, grant }: Act): Promise<void> {
  const made = and(eq(grantRequests.accountId, grant.accountId), eq(grantRequests.grantId, grant.id))
  const [request] = await tx.select().from(grantRequests).where(made).for('update')
  if (request === undefined) return
  if (request.cancelledAt !== null) throw invalidStep('account', 'cancelled', 'active')
  await tx
    .update(grantRequests)
    .set({ approvedAt: new Date(authority.at) })
    .where(made)
}

async function agree({ context, tx, authority, loaded, grant }: Act): Promise<void> {
  const agreed = {
    account: loaded.account as AccountFact,
    id: grant.id,
    granteeUserId: grant.granteeUserId as string,
    grantor: authority.via.id,
  }
  await bringIntoForce(tx, agreed, {
    jobs: context.jobs,
    userId: actorOf(authority),
    at: authority.at,
    clockOffset: context.clock.offset(),
    event: (kind, rest) => eventOf(authority, kind, rest),
  })
}
