import { Type } from '@sinclair/typebox'
import type { AccountFact, DomainFact } from '../authority/facts.ts'
import { problems } from '../http/contract.ts'
import { type App, type Feature, isStaff, listing, standingOf } from '../http/feature.ts'
import { answering } from '../http/idempotency.ts'
import { pageOf, pageQuery } from '../http/paging.ts'
import { notModified } from '../http/preconditions.ts'
import { invalid } from '../problem.ts'
import { addDomain } from './add.ts'
import { claimDecisionRoutes } from './claim-decision-routes.ts'
import { claimRoutes } from './claim-routes.ts'
import { releaseDomain } from './release.ts'
import { CreateDomain, Domain, DomainFilters } from './schema.ts'
import { listDomains, readDomain } from './store.ts'

const tags = ['domains']
const AccountPath = Type.Object({ account: Type.String({ description: 'The account, by id or number' }) })
const DomainPath = Type.Object({ ...AccountPath.properties, domain: Type.String({ description: 'The domain, by id or name' }) })
const path = '/v1/accounts/:account/domains'

export async function domainRoutes(app: App, feature: Feature): Promise<void> {
  const { context } = feature
  app.addSchema(Domain)
  await claimRoutes(app, feature)
  await claimDecisionRoutes(app, feature)

  app.post(
    path,
    {
      config: { access: { action: 'staff.provision', staffAction: 'staff.provision', on: 'account' } },
      schema: {
        tags,
        summary: 'Put a domain into an account; only the provider does',
        params: AccountPath,
        body: CreateDomain,
        response: {
          201: Type.Ref(Domain),
          ...problems('not_authorised', 'not_found', 'conflict', 'idempotency_key_reused', 'idempotency_in_progress'),
        },
      },
    },
    (request, reply) => answering(context, request, reply, () => addDomain(context, standingOf(request), request.body)),
  )

  app.get(
    path,
    {
      config: { access: { action: 'domain.read', staffAction: 'staff.directory.read', on: 'account', list: true } },
      schema: {
        tags,
        summary: 'List the domains of an account within your authority, newest first',
        params: AccountPath,
        querystring: pageQuery(DomainFilters),
        response: { 200: pageOf(Type.Ref(Domain)), ...problems('not_authorised', 'not_found') },
      },
    },
    (request, reply) => {
      const standing = standingOf(request)
      const { query } = request
      const account = standing.loaded.account as AccountFact
      if (query.released !== undefined && !isStaff(standing)) throw staffOnly()
      return listing(feature, {
        request,
        reply,
        query,
        position: ({ createdAt, id }) => [createdAt, id] as const,
        read: (after, limit) => listDomains(context.db, account, standing.clauses, query.released === true, after, limit),
      })
    },
  )

  app.get(
    `${path}/:domain`,
    {
      config: { access: { action: 'domain.read', staffAction: 'staff.directory.read', on: 'domain' } },
      schema: { tags, summary: 'Read a domain', params: DomainPath, response: { 200: Type.Ref(Domain), ...problems('not_found') } },
    },
    async (request, reply) => {
      const { account, domains } = standingOf(request).loaded
      const domain = await readDomain(context.db, account as AccountFact, (domains[0] as DomainFact).id)
      return notModified(request, reply, domain.version) ? reply : domain
    },
  )

  app.delete(
    `${path}/:domain`,
    {
      config: { access: { action: 'domain.manage', staffAction: 'staff.provision', on: 'domain', again: true } },
      schema: {
        tags,
        summary: 'Release a domain: it ends, with all that hung on it; repeating it by id is harmless',
        params: DomainPath,
        response: { 204: Type.Null({ description: 'It is released' }), ...problems('not_authorised', 'not_found') },
      },
    },
    async (request, reply) => {
      await releaseDomain(context, standingOf(request))
      return reply.code(204).send(null)
    },
  )
}

function staffOnly() {
  return invalid({ parameter: 'released', in: 'query', detail: 'is for staff only', code: 'staff_only' })
}
