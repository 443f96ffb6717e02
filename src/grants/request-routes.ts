import { Type } from '@sinclair/typebox'
import { found, notFound } from '../authority/judge.ts'
import { personOf } from '../authority/load.ts'
import { isUuid } from '../http/access.ts'
import { problems } from '../http/contract.ts'
import { type App, type Feature, listing, standingOf } from '../http/feature.ts'
import { answering } from '../http/idempotency.ts'
import { pageOf, pageQuery } from '../http/paging.ts'
import { askForGrant, cancelRequest } from './ask.ts'
import { AskForGrant, GrantRequest } from './request-schema.ts'
import { listRequests, readRequest, toRequest } from './request-store.ts'

const tags = ['grants']
const RequestPath = Type.Object({ request: Type.String({ description: 'The request, by id' }) })
const keyProblems = ['idempotency_key_reused', 'idempotency_in_progress'] as const

/** Asking gives nothing, so it asks for no more than being signed in. */
export async function grantRequestRoutes(app: App, feature: Feature): Promise<void> {
  const { context } = feature
  app.addSchema(GrantRequest)
  const path = '/v1/grant-requests'
  const read = { action: 'self.read', on: 'nothing' } as const
  const moment = (now: number) => ({ now, answerDays: context.config.invitationDays })

  app.post(
    path,
    {
      config: { access: { ...read, idempotency: 'required' } },
      schema: {
        tags,
        summary: 'Ask an account for a grant, with its request code; the answer is the same whatever was stated',
        body: AskForGrant,
        response: { 202: Type.Ref(GrantRequest), ...problems('not_authorised', 'conflict', 'idempotency_key_missing', ...keyProblems) },
      },
    },
    (request, reply) => answering(context, request, reply, () => askForGrant(context, standingOf(request), request.body)),
  )

  app.get(
    path,
    {
      config: { access: read },
      schema: {
        tags,
        summary: 'List what you asked for, newest first',
        querystring: pageQuery({}),
        response: { 200: pageOf(Type.Ref(GrantRequest)), ...problems('not_authorised') },
      },
    },
    (request, reply) => {
      const { caller, loaded } = standingOf(request)
      const userId = personOf(caller)
      return listing(feature, {
        request,
        reply,
        query: request.query,
        position: ({ createdAt, id }) => [createdAt, id] as const,
        read: (after, limit) => listRequests(context.db, userId, moment(loaded.facts.now), after, limit),
      })
    },
  )

  app.get(
    `${path}/:request`,
    {
      config: { access: read },
      schema: {
        tags,
        summary: 'Read what you asked for',
        params: RequestPath,
        response: { 200: Type.Ref(GrantRequest), ...problems('not_authorised', 'not_found') },
      },
    },
    async (request) => {
      const { caller, loaded } = standingOf(request)
      const row = await readRequest(context.db, personOf(caller), idIn(request.params.request))
      return toRequest(found(row), moment(loaded.facts.now))
    },
  )

  app.post(
    `${path}/:request/cancel`,
    {
      config: { access: read },
      schema: {
        tags,
        summary: 'Take back what you asked for; repeating it is harmless',
        params: RequestPath,
        response: { 200: Type.Ref(GrantRequest), ...problems('not_authorised', 'not_found', 'invalid_transition') },
      },
    },
    (request) => cancelRequest(context, standingOf(request), idIn(request.params.request)),
  )
}

function idIn(text: string): string {
  if (!isUuid(text)) throw notFound()
  return text
}
