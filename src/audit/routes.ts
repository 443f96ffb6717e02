import { Type } from '@sinclair/typebox'
import type { AccountFact } from '../authority/facts.ts'
import { reach } from '../authority/reach.ts'
import { accountRef } from '../http/access.ts'
import { problems } from '../http/contract.ts'
import { type App, type Feature, isStaff, listing, standingOf } from '../http/feature.ts'
import { pageOf, pageQuery } from '../http/paging.ts'
import { periodOf } from './period.ts'
import { AuditEvent, EventFilters, ProviderEventFilters } from './schema.ts'
import { listEvents } from './store.ts'

const tags = ['audit']
const position = ({ at, id }: AuditEvent) => [at, id] as const

export async function auditRoutes(app: App, feature: Feature): Promise<void> {
  const { db } = feature.context
  app.addSchema(AuditEvent)

  app.get(
    '/v1/accounts/:account/audit-events',
    {
      config: { access: { action: 'audit.read', staffAction: 'staff.audit.read', on: 'account', list: true } },
      schema: {
        tags,
        summary: 'List what happened on an account, newest first: who acted, in what capacity and by which right',
        params: Type.Object({ account: Type.String({ description: 'The account, by id or number' }) }),
        querystring: pageQuery(EventFilters),
        response: { 200: pageOf(Type.Ref(AuditEvent)), ...problems('not_authorised', 'not_found') },
      },
    },
    (request, reply) => {
      const standing = standingOf(request)
      const { query } = request
      const filter = { ...query, ...periodOf(query), account: { id: (standing.loaded.account as AccountFact).id } }
      const read = (after: readonly [string, string] | undefined, limit: number) =>
        listEvents(db, { clauses: standing.clauses, filter, after, limit, forStaff: isStaff(standing) })
      return listing(feature, { request, reply, query, position, read })
    },
  )

  app.get(
    '/v1/audit-events',
    {
      config: { access: { action: 'staff.audit.read', staffAction: 'staff.audit.read', on: 'nothing' } },
      schema: {
        tags,
        summary: "List what happened on all accounts and in the provider's own house, newest first",
        querystring: pageQuery(ProviderEventFilters),
        response: { 200: pageOf(Type.Ref(AuditEvent)), ...problems('not_authorised') },
      },
    },
    (request, reply) => {
      const { facts } = standingOf(request).loaded
      const { query } = request
      const filter = { ...query, ...periodOf(query), account: query.account === undefined ? undefined : accountRef(query.account) }
      const read = (after: readonly [string, string] | undefined, limit: number) =>
        listEvents(db, { clauses: reach(facts, 'staff.audit.read', facts.now), filter, after, limit, forStaff: true })
      return listing(feature, { request, reply, query, position, read })
    },
  )
}
