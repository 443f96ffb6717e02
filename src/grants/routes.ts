import { Type } from '@sinclair/typebox'
import type { AccountFact } from '../authority/facts.ts'
import type { GrantRow } from '../authority/load.ts'
import { problems } from '../http/contract.ts'
import { type App, type Feature, listing, standingOf } from '../http/feature.ts'
import { answering } from '../http/idempotency.ts'
import { pageOf, pageQuery } from '../http/paging.ts'
import { notModified } from '../http/preconditions.ts'
import { grantActRoutes } from './act-routes.ts'
import { giveGrant } from './give.ts'
import { recordAttempt } from './record.ts'
import { grantReviewRoutes } from './review-routes.ts'
import { CreateGrant, Grant, GrantFilters } from './schema.ts'
import { listGrants, readGrant } from './store.ts'
import { grantUpkeepRoutes } from './upkeep-routes.ts'

const tags = ['grants']
const AccountPath = Type.Object({ account: Type.String({ description: 'The account, by id or number' }) })
const GrantPath = Type.Object({ account: AccountPath.properties.account, grant: Type.String({ description: 'The grant, by id' }) })
const keyProblems = ['idempotency_key_reused', 'idempotency_in_progress'] as const
const path = '/v1/accounts/:account/grants'

export async function grantRoutes(app: App, feature: Feature): Promise<void> {
  const { context } = feature
  const moment = (now: number) => ({ now, answerDays: context.config.invitationDays })
  app.addSchema(Grant)
  app.setErrorHandler(async (error, request) => {
    await recordAttempt(context, request, error)
    throw error // to the service's own handler
  })

  app.post(
    path,
    {
      config: { access: { action: 'grant.manage', on: 'account', list: true, stepUp: true, idempotency: 'required' } },
      schema: {
        tags,
        summary: 'Give a developer permission for named domains and actions; it holds once accepted',
        params: AccountPath,
        body: CreateGrant,
        response: {
          201: Type.Ref(Grant),
          ...problems('not_authorised', 'not_found', 'step_up_required', 'idempotency_key_missing', ...keyProblems),
        },
      },
    },
    (request, reply) => answering(context, request, reply, () => giveGrant(context, standingOf(request), request.body)),
  )

  app.get(
    path,
    {
      config: { access: { action: 'grant.read', staffAction: 'staff.directory.read', on: 'account', list: true } },
      schema: {
        tags,
        summary: 'List the grants of an account, newest first',
        params: AccountPath,
        querystring: pageQuery(GrantFilters),
        response: { 200: pageOf(Type.Ref(Grant)), ...problems('not_authorised', 'not_found') },
      },
    },
    (request, reply) => {
      const { loaded, clauses } = standingOf(request)
      const { id } = loaded.account as AccountFact
      return listing(feature, {
        request,
        reply,
        query: request.query,
        position: (grant) => [grant.createdAt, grant.id] as const,
        read: (after, limit) => listGrants(context.db, id, clauses, request.query.status, after, limit, moment(loaded.facts.now)),
      })
    },
  )

  app.get(
    `${path}/:grant`,
    {
      config: { access: { action: 'grant.read', staffAction: 'staff.directory.read', on: 'grant' } },
      schema: { tags, summary: 'Read a grant', params: GrantPath, response: { 200: Type.Ref(Grant), ...problems('not_found') } },
    },
    async (request, reply) => {
      const { loaded } = standingOf(request)
      const grant = await readGrant(context.db, (loaded.account as AccountFact).id, (loaded.grant as GrantRow).id, moment(loaded.facts.now))
      return notModified(request, reply, grant.version) ? reply : grant
    },
  )

  await grantActRoutes(app, feature)
  await grantUpkeepRoutes(app, feature)
  await grantReviewRoutes(app, feature)
}
