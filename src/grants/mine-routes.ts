import { Type } from '@sinclair/typebox'
import { personOf } from '../authority/load.ts'
import { problems } from '../http/contract.ts'
import { type App, type Feature, listing, standingOf } from '../http/feature.ts'
import { answering } from '../http/idempotency.ts'
import { pageOf, pageQuery } from '../http/paging.ts'
import { notModified } from '../http/preconditions.ts'
import { acceptMine, declineMine, findMine, listMine, resignMine, showMine } from './mine.ts'
import { MyGrant } from './mine-schema.ts'

const tags = ['me']
const params = Type.Object({ grant: Type.String({ description: 'The grant, by id' }) })
const path = '/v1/me/grants'
const read = { action: 'self.read', on: 'nothing' } as const
const manage = { action: 'self.manage', on: 'nothing', stepUp: true } as const
const always = [
  'not_authorised',
  'not_found',
  'step_up_required',
  'invalid_transition',
  'idempotency_key_reused',
  'idempotency_in_progress',
] as const
const onVersion = ['precondition_failed', 'precondition_required'] as const

/** A developer's own grants. */
export async function myGrantRoutes(app: App, feature: Feature): Promise<void> {
  const { context } = feature
  const moment = (now: number) => ({ now, answerDays: context.config.invitationDays })
  app.addSchema(MyGrant)

  app.get(
    path,
    {
      config: { access: read },
      schema: {
        tags,
        summary: 'List the grants you have or had, and what is offered to you in their place, newest first',
        querystring: pageQuery({}),
        response: { 200: pageOf(Type.Ref(MyGrant)), ...problems('not_authorised') },
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
        read: (after, limit) => listMine(context.db, userId, moment(loaded.facts.now), after, limit),
      })
    },
  )

  app.get(
    `${path}/:grant`,
    {
      config: { access: read },
      schema: {
        tags,
        summary: 'Read a grant of yours',
        params,
        response: { 200: Type.Ref(MyGrant), ...problems('not_authorised', 'not_found') },
      },
    },
    async (request, reply) => {
      const { caller, loaded } = standingOf(request)
      const of = await findMine(context.db, personOf(caller), request.params.grant, loaded.facts.now)
      const grant = await showMine(context.db, of, moment(loaded.facts.now))
      return notModified(request, reply, grant.version) ? reply : grant
    },
  )

  app.post(
    `${path}/:grant/accept`,
    {
      config: { access: { ...manage, ifMatch: true } },
      schema: {
        tags,
        summary: 'Accept what is offered to you in the place of a grant you have, as it was shown',
        params,
        response: { 200: Type.Ref(MyGrant), ...problems(...always, ...onVersion, 'conflict') },
      },
    },
    (request, reply) => answering(context, request, reply, () => acceptMine(context, standingOf(request), request.params.grant)),
  )

  for (const [verb, summary, act] of [
    ['decline', 'Decline what is offered to you; repeating it is harmless', declineMine],
    ['resign', 'Give a grant back, at once; repeating it is harmless', resignMine],
  ] as const) {
    app.post(
      `${path}/:grant/${verb}`,
      {
        config: { access: manage },
        schema: { tags, summary, params, response: { 200: Type.Ref(MyGrant), ...problems(...always) } },
      },
      (request, reply) => answering(context, request, reply, () => act(context, standingOf(request), request.params.grant)),
    )
  }
}
