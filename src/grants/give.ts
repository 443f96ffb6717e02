/** An account gives a developer permission: it is offered to an address, and holds once whoever has proven that address accepts. */
import { and, eq, isNotNull } from 'drizzle-orm'
import { normaliseAddress } from '../address.ts'
import { eventOf } from '../authority/authorship.ts'
import { changeOnce } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import type { AccountFact, DomainFact } from '../authority/facts.ts'
import { type Authority, actorOf } from '../authority/judge.ts'
import type { Answer } from '../database/idempotency.ts'
import type { Database } from '../database/open.ts'
import { addresses, grantDomains, grants } from '../database/tables.ts'
import { etagOf } from '../http/preconditions.ts'
import type { Standing } from '../http/types.ts'
import { newId } from '../id.ts'
import { append } from '../journal/append.ts'
import { mailToken } from '../outbox/tokens.ts'
import { invalid } from '../problem.ts'
import { madeGrant } from './act.ts'
import { aboutToo } from './narrow.ts'
import { endAfter } from './period.ts'
import type { CreateGrant } from './schema.ts'
import { readGrant } from './store.ts'
import { instantIn, refsOf, resolve } from './terms.ts'

const dayMs = 86_400_000

/** Offers a grant. The giver is its grantor: it is never worth more than what he holds, now and at every use. */
export function giveGrant(context: Context, standing: Standing, body: CreateGrant): Promise<Answer> {
  const address = addressOf(body)
  const stated = refsOf(body.domains)
  const ask = aboutToo(standing.ask, stated)
  const { id: accountId } = standing.loaded.account as AccountFact
  return changeOnce(context, standing.caller, ask, { accounts: [accountId] }, standing.repeatable, async (tx, authority, loaded) => {
    await refuseOneself(tx, address, authority)
    const domains = resolve(loaded, stated) as DomainFact[]
    return offer(context, tx, authority, body, address, [...new Set(domains.map(({ id }) => id))])
  })
}

function addressOf({ grantee }: CreateGrant): string {
  const normal = normaliseAddress(grantee.address)
  if ('error' in normal) throw invalid({ pointer: '#/grantee/address', detail: normal.error, code: 'format' })
  return normal.address
}

/** Nobody gives himself permission: the approver is never the grantee. */
async function refuseOneself(tx: Database, address: string, authority: Authority): Promise<void> {
  const own = await tx
    .select({ id: addresses.id })
    .from(addresses)
    .where(and(eq(addresses.userId, actorOf(authority)), eq(addresses.address, address), isNotNull(addresses.provenAt)))
  if (own.length > 0) throw invalid({ pointer: '#/grantee/address', detail: 'must be the address of somebody else', code: 'oneself' })
}

async function offer(
  context: Context,
  tx: Database,
  authority: Authority,
  body: CreateGrant,
  address: string,
  domainIds: string[],
): Promise<Answer> {
  const { config, jobs } = context
  const accountId = authority.accountId as string
  const id = newId()
  const period = periodOf(body, authority.at, config.grantDaysDefault, config.grantDaysMax)
  await tx.insert(grants).values({
    id,
    accountId,
    status: 'invited',
    granteeAddress: address,
    grantorContactId: authority.via.id,
    actions: body.actions,
    topics: body.topics ?? null,
    reach: body.reach ?? 'own',
    maxUses: body.maxUses ?? null,
    purpose: body.purpose ?? null,
    ...period,
    createdAt: new Date(authority.at),
    grantedAt: new Date(authority.at),
    createdBy: actorOf(authority),
  })
  await tx.insert(grantDomains).values(domainIds.map((domainId) => ({ accountId, grantId: id, domainId })))
  const token = { purpose: 'grant_invitation' as const, address, accountId, grantId: id, invitedBy: actorOf(authority) }
  await mailToken(jobs, tx, token, authority.at, config.invitationDays * dayMs)
  await append(
    tx,
    eventOf(authority, 'grant.invited', { resourceType: 'grant', resourceId: id, value: { address, domainIds, actions: body.actions } }),
  )
  return {
    status: 201,
    headers: { location: `/v1/accounts/${accountId}/grants/${id}`, etag: etagOf(1) },
    body: await readGrant(tx, accountId, id, { now: authority.at, answerDays: config.invitationDays }),
    made: madeGrant(accountId, id),
  }
}

/** Always time-bound: from now for the default days unless said otherwise, never longer than the maximum. */
function periodOf(body: CreateGrant, now: number, daysDefault: number, daysMax: number): { notBefore: Date; expiresAt: Date } {
  const notBefore = body.notBefore === undefined ? now : instantIn('notBefore', body.notBefore)
  return { notBefore: new Date(notBefore), expiresAt: endAfter(body.expiresAt, now, daysDefault, daysMax, Math.max(now, notBefore)) }
}
