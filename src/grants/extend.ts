/**
 * More of a grant, or longer: a new offer to the same developer, which takes the place of the grant when he accepts it. Until then the
 * old one stays as it is.
 */
import type { Context } from '../authority/context.ts'
import { actorOf } from '../authority/judge.ts'
import type { Answer } from '../database/idempotency.ts'
import { grantDomains, grants } from '../database/tables.ts'
import { etagOf } from '../http/preconditions.ts'
import type { Standing } from '../http/types.ts'
import { newId } from '../id.ts'
import { postNotice } from '../outbox/post.ts'
import { Problem } from '../problem.ts'
import { type Act, actOnGrant, madeGrant } from './act.ts'
import type { ExtendGrant } from './extend-schema.ts'
import { demandStep } from './life.ts'
import { aboutToo } from './narrow.ts'
import { endAfter } from './period.ts'
import { readGrant } from './store.ts'
import { record } from './tell.ts'
import { refsOf, resolve } from './terms.ts'

/** Offers it. @throws Problem `invalid_transition` for what is not in force, `conflict`, `validation_error` */
export async function extendGrant(context: Context, standing: Standing, body: ExtendGrant): Promise<Answer> {
  const stated = body.domains === undefined ? null : refsOf(body.domains)
  const made = { id: '' }
  const answer = await actOnGrant(
    context,
    standing,
    async (act) => {
      demandStep('account', act.status, 'superseded')
      if (act.grant.granteeUserId === actorOf(act.authority))
        throw new Problem('conflict', { detail: 'Nobody gives permission to himself' })
      const held = stated === null ? (act.loaded.grant?.domains ?? []) : resolve(act.loaded, stated)
      made.id = await offer(act, body, [...new Set(held.map((domain) => String(domain?.id)))])
      return true
    },
    stated === null ? standing.ask : aboutToo(standing.ask, stated),
    async (tx, { accountId }, moment) => ({
      status: 201,
      headers: { location: `/v1/accounts/${accountId}/grants/${made.id}`, etag: etagOf(1) },
      body: await readGrant(tx, accountId, made.id, moment),
      made: madeGrant(accountId, made.id),
    }),
  )
  return answer
}

async function offer(act: Act, body: ExtendGrant, domainIds: string[]): Promise<string> {
  const { context, tx, authority, grant } = act
  const { config, jobs } = context
  if (domainIds.length === 0) throw new Problem('conflict', { detail: 'The grant has no domain left; say which the new one is for' })
  const id = newId()
  const { accountId, granteeUserId, granteeAddress } = grant
  const at = new Date(authority.at)
  const terms = {
    actions: body.actions ?? grant.actions,
    topics: body.topics === undefined ? grant.topics : body.topics,
    reach: body.reach ?? grant.reach,
    maxUses: body.maxUses === undefined ? grant.maxUses : body.maxUses,
    purpose: body.purpose ?? grant.purpose,
    expiresAt: endAfter(body.expiresAt, authority.at, config.grantDaysDefault, config.grantDaysMax),
  }
  const sides = { granteeUserId, granteeAddress, grantorContactId: authority.via.id, grantedAt: at, createdBy: actorOf(authority) }
  await tx
    .insert(grants)
    .values({ accountId, id, status: 'invited', ...sides, ...terms, supersedes: grant.id, notBefore: at, createdAt: at })
  await tx.insert(grantDomains).values(domainIds.map((domainId) => ({ accountId, grantId: id, domainId })))
  await record({ ...act, grant: { ...grant, id, domainIds } }, 'grant.invited', ['status'], { supersedes: grant.id })
  await postNotice(jobs, tx, { kind: 'grant_invited', accountId, subjectId: id, recipientUserId: granteeUserId as string })
  return id
}
