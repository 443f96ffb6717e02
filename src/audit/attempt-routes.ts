import { Type } from '@sinclair/typebox'
import type { AccountFact } from '../authority/facts.ts'
import { problems } from '../http/contract.ts'
import { type App, type Feature, listing, standingOf } from '../http/feature.ts'
import { pageOf, pageQuery } from '../http/paging.ts'
import { RefusedAttempts } from './attempt-schema.ts'
import { listAttempts } from './attempts.ts'

export async function attemptRoutes(app: App, feature: Feature): Promise<void> {
  app.addSchema(RefusedAttempts)

  app.get(
    '/v1/accounts/:account/refused-attempts',
    {
      config: { access: { action: 'audit.read', staffAction: 'staff.audit.read', on: 'account' } },
      schema: {
        tags: ['audit'],
        summary: 'List how often callers who have nothing to do with an account were refused on it, by the hour, newest first',
        params: Type.Object({ account: Type.String({ description: 'The account, by id or number' }) }),
        querystring: pageQuery({}),
        response: { 200: pageOf(Type.Ref(RefusedAttempts)), ...problems('not_authorised', 'not_found') },
      },
    },
    (request, reply) => {
      const { query } = request
      const { id } = standingOf(request).loaded.account as AccountFact
      const position = (row: RefusedAttempts) => [row.hour, id] as const
      const read = (after: readonly [string, string] | undefined, limit: number) => listAttempts(feature.context.db, id, after?.[0], limit)
      return listing(feature, { request, reply, query, position, read })
    },
  )
}
