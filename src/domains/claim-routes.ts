import { Type } from '@sinclair/typebox'
import type { AccountFact } from '../authority/facts.ts'
import { notFound } from '../authority/judge.ts'
import { isUuid } from '../http/access.ts'
import { problems } from '../http/contract.ts'
import { type App, type Feature, isStaff, listing, standingOf } from '../http/feature.ts'
import { answering } from '../http/idempotency.ts'
import { pageOf, pageQuery } from '../http/paging.ts'
import { notModified } from '../http/preconditions.ts'
import type { Standing } from '../http/types.ts'
import { claimDomain, withdrawClaim } from './claim.ts'
import { ClaimDomain, ClaimPath, claimPath, DomainClaim } from './claim-schema.ts'
import { listClaims, readClaim } from './claim-store.ts'
import { checkClaim } from './prove.ts'

const tags = ['domains']
const AccountPath = Type.Object({ account: ClaimPath.properties.account })

/** About the account as a whole: what is claimed is none of its domains, so it lies in no limit. */
const manage = { action: 'domain.manage', on: 'account' } as const
const read = { ...manage, staffAction: 'staff.directory.read' } as const

const viewOf = (standing: Standing) => ({ staff: isStaff(standing), now: standing.loaded.facts.now })

/** An account says that a name is its own, and proves it by a TXT record. */
export async function claimRoutes(app: App, feature: Feature): Promise<void> {
  const { context, txt } = feature
  app.addSchema(DomainClaim)

  const found = async (standing: Standing, id: string): Promise<DomainClaim> => {
    const account = standing.loaded.account as AccountFact
    const claim = isUuid(id) ? await readClaim(context.db, account.id, id, viewOf(standing)) : undefined
    if (claim === undefined) throw notFound()
    return claim
  }

  app.post(
    claimPath,
    {
      config: { access: manage },
      schema: {
        tags,
        summary: 'Claim a name; the answer is the same whether anybody holds it or not',
        params: AccountPath,
        body: ClaimDomain,
        response: {
          202: Type.Ref(DomainClaim),
          ...problems('not_authorised', 'not_found', 'conflict', 'quota_exceeded', 'idempotency_key_reused', 'idempotency_in_progress'),
        },
      },
    },
    (request, reply) => answering(context, request, reply, () => claimDomain(context, standingOf(request), request.body)),
  )

  app.get(
    claimPath,
    {
      config: { access: read },
      schema: {
        tags,
        summary: 'List the claims of an account, newest first',
        params: AccountPath,
        querystring: pageQuery({}),
        response: { 200: pageOf(Type.Ref(DomainClaim)), ...problems('not_authorised', 'not_found') },
      },
    },
    (request, reply) => {
      const standing = standingOf(request)
      const account = standing.loaded.account as AccountFact
      return listing(feature, {
        request,
        reply,
        query: request.query,
        position: ({ createdAt, id }) => [createdAt, id] as const,
        read: (after, limit) => listClaims(context.db, account.id, after, limit, viewOf(standing)),
      })
    },
  )

  app.get(
    `${claimPath}/:claim`,
    {
      config: { access: read },
      schema: {
        tags,
        summary: 'Read a claim',
        params: ClaimPath,
        response: { 200: Type.Ref(DomainClaim), ...problems('not_authorised', 'not_found') },
      },
    },
    async (request, reply) => {
      const claim = await found(standingOf(request), request.params.claim)
      return notModified(request, reply, claim.version) ? reply : claim
    },
  )

  app.post(
    `${claimPath}/:claim/check`,
    {
      config: { access: manage },
      schema: {
        tags,
        summary: 'Look for the record now, instead of within some minutes; the answer is the claim as it is then',
        params: ClaimPath,
        response: { 200: Type.Ref(DomainClaim), ...problems('not_authorised', 'not_found', 'quota_exceeded') },
      },
    },
    async (request) => {
      const standing = standingOf(request)
      const { claim: id } = request.params
      if (isUuid(id)) await checkClaim(context, txt, standing, id)
      return found(standing, id)
    },
  )

  app.delete(
    `${claimPath}/:claim`,
    {
      config: { access: manage },
      schema: {
        tags,
        summary: 'Withdraw a claim; repeating it is harmless',
        params: ClaimPath,
        response: { 204: Type.Null({ description: 'It has ended' }), ...problems('not_authorised', 'not_found') },
      },
    },
    async (request, reply) => {
      const standing = standingOf(request)
      const { id } = await found(standing, request.params.claim)
      await withdrawClaim(context, standing, id)
      return reply.code(204).send(null)
    },
  )
}
