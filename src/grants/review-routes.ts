import { Type } from '@sinclair/typebox'
import type { AccountFact } from '../authority/facts.ts'
import { problems } from '../http/contract.ts'
import { type App, type Feature, listing, standingOf } from '../http/feature.ts'
import { answering } from '../http/idempotency.ts'
import { pageOf, pageQuery } from '../http/paging.ts'
import { closedWord } from '../http/shapes.ts'
import { confirmGrant, listFindings } from './review.ts'
import { revokeEverywhere, revokePerson } from './revoke-person.ts'
import { EndGrant, Grant } from './schema.ts'
import { findings, Reviewed, RevokedPerson } from './upkeep-schema.ts'

const tags = ['grants']
const account = Type.String({ description: 'The account, by id or number' })
const user = Type.String({ description: 'The person, by id' })
const always = ['not_authorised', 'not_found'] as const
const keyProblems = ['idempotency_key_reused', 'idempotency_in_progress'] as const

/** Looking after grants: what to look at, that it was looked at, and everything of one person gone. */
export async function grantReviewRoutes(app: App, feature: Feature): Promise<void> {
  const { context } = feature
  app.addSchema(Reviewed)
  app.addSchema(RevokedPerson)

  app.get(
    '/v1/accounts/:account/grants/review',
    {
      config: { access: { action: 'grant.read', staffAction: 'staff.directory.read', on: 'account', list: true } },
      schema: {
        tags,
        summary: 'List the grants in force that somebody should look at, newest first',
        params: Type.Object({ account }),
        querystring: pageQuery({ finding: Type.Optional(closedWord(findings, 'Only where this is found')) }),
        response: { 200: pageOf(Type.Ref(Reviewed)), ...problems(...always) },
      },
    },
    (request, reply) => {
      const { loaded, clauses } = standingOf(request)
      const { id } = loaded.account as AccountFact
      const moment = { now: loaded.facts.now, answerDays: context.config.invitationDays }
      return listing(feature, {
        request,
        reply,
        query: request.query,
        position: ({ grant }) => [grant.createdAt, grant.id] as const,
        read: (after, limit) => listFindings(context.db, id, clauses, request.query.finding, after, limit, moment),
      })
    },
  )

  app.post(
    '/v1/accounts/:account/grants/:grant/confirm',
    {
      config: { access: { action: 'grant.manage', on: 'grant' } },
      schema: {
        tags,
        summary: 'Say that a grant was looked at and is right as it is; none of its terms change',
        params: Type.Object({ account, grant: Type.String({ description: 'The grant, by id' }) }),
        response: { 200: Type.Ref(Grant), ...problems(...always, 'conflict', 'invalid_transition', ...keyProblems) },
      },
    },
    (request, reply) => answering(context, request, reply, () => confirmGrant(context, standingOf(request))),
  )

  app.post(
    '/v1/accounts/:account/grantees/:user/revoke',
    {
      config: { access: { action: 'grant.manage', staffAction: 'staff.grant.end', on: 'account', list: true } },
      schema: {
        tags,
        summary: 'End at once every grant and invitation of one person that you may end; repeating it is harmless',
        params: Type.Object({ account, user }),
        body: EndGrant,
        response: { 200: Type.Ref(RevokedPerson), ...problems(...always, ...keyProblems) },
      },
    },
    (request, reply) =>
      answering(context, request, reply, () => revokePerson(context, standingOf(request), request.params.user, request.body)),
  )

  app.post(
    '/v1/users/:user/grants/revoke',
    {
      config: { access: { action: 'staff.grant.end', staffAction: 'staff.grant.end', on: 'user' } },
      schema: {
        tags,
        summary: 'End every grant and invitation of one person on every account, with a reason; the owners are told',
        params: Type.Object({ user }),
        body: EndGrant,
        response: { 200: Type.Ref(RevokedPerson), ...problems(...always, ...keyProblems) },
      },
    },
    (request, reply) => answering(context, request, reply, () => revokeEverywhere(context, standingOf(request), request.body)),
  )
}
