import { Type } from '@sinclair/typebox'
import { notFound } from '../authority/judge.ts'
import { isUuid } from '../http/access.ts'
import { problems } from '../http/contract.ts'
import { type App, type Feature, listing, standingOf } from '../http/feature.ts'
import { answering } from '../http/idempotency.ts'
import { pageOf, pageQuery } from '../http/paging.ts'
import { Because, ClaimPath, claimPath, DomainClaim, TransferDomain } from './claim-schema.ts'
import { listWaiting } from './claim-store.ts'
import { confirmClaim, refuseClaim } from './decide-claim.ts'
import { Domain } from './schema.ts'
import { transferDomain } from './transfer.ts'

const tags = ['domains']
const provision = { action: 'staff.provision', staffAction: 'staff.provision', ifMatch: true } as const
const refusals = ['not_authorised', 'step_up_required', 'not_found', 'precondition_required', 'precondition_failed'] as const
const keyed = ['idempotency_key_reused', 'idempotency_in_progress'] as const

/** What staff, and nobody else, do about names that more than one account says are its own. */
export async function claimDecisionRoutes(app: App, feature: Feature): Promise<void> {
  const { context } = feature

  app.get(
    '/v1/domain-claims',
    {
      config: { access: { action: 'staff.directory.read', staffAction: 'staff.directory.read', on: 'nothing' } },
      schema: {
        tags,
        summary: 'List the claims that wait for staff: proven, while another account holds the name',
        querystring: pageQuery({}),
        response: { 200: pageOf(Type.Ref(DomainClaim)), ...problems('not_authorised') },
      },
    },
    (request, reply) => {
      const view = { staff: true, now: standingOf(request).loaded.facts.now }
      return listing(feature, {
        request,
        reply,
        query: request.query,
        position: ({ createdAt, id }) => [createdAt, id] as const,
        read: (after, limit) => listWaiting(context.db, after, limit, view),
      })
    },
  )

  for (const [verb, decide, summary] of [
    ['confirm', confirmClaim, 'The name becomes a domain of the claimant; whoever holds it gives it up'],
    ['refuse', refuseClaim, 'The claim ends without a domain'],
  ] as const) {
    app.post(
      `${claimPath}/:claim/${verb}`,
      {
        config: { access: { ...provision, on: 'account' } },
        schema: {
          tags,
          summary,
          params: ClaimPath,
          body: Because,
          response: { 200: Type.Ref(DomainClaim), ...problems(...refusals, 'conflict', 'invalid_transition', ...keyed) },
        },
      },
      (request, reply) => {
        const { claim } = request.params
        if (!isUuid(claim)) throw notFound()
        return answering(context, request, reply, () => decide(context, standingOf(request), claim, request.body))
      },
    )
  }

  app.post(
    '/v1/accounts/:account/domains/:domain/transfer',
    {
      config: { access: { ...provision, on: 'domain' } },
      schema: {
        tags,
        summary: 'Move a domain into another account: it ends here, with all that hung on it, and begins there with another id',
        params: Type.Object({
          account: ClaimPath.properties.account,
          domain: Type.String({ description: 'The domain, by id or name' }),
        }),
        body: TransferDomain,
        response: { 201: Type.Ref(Domain), ...problems(...refusals, 'conflict', ...keyed) },
      },
    },
    (request, reply) => answering(context, request, reply, () => transferDomain(context, standingOf(request), request.body)),
  )
}
