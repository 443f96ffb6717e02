import { Type } from '@sinclair/typebox'
import { personOf } from '../authority/load.ts'
import { problems } from '../http/contract.ts'
import { type App, type Feature, listing, standingOf } from '../http/feature.ts'
import { answering } from '../http/idempotency.ts'
import { pageOf, pageQuery } from '../http/paging.ts'
import { makeAccessToken } from './make.ts'
import { revokeAccessToken } from './revoke.ts'
import { AccessToken, AccessTokenWithSecret, MakeAccessToken, shared } from './schema.ts'
import { listAccessTokens } from './store.ts'

const tags = ['access tokens']

export async function accessTokenRoutes(app: App, feature: Feature): Promise<void> {
  const { context } = feature
  for (const schema of shared) app.addSchema(schema)

  app.post(
    '/v1/access-tokens',
    {
      config: { access: { action: 'self.manage', on: 'nothing', stepUp: true } },
      schema: {
        tags,
        summary: 'Make a personal access token for a tool: for one account, and for named domains and actions at most',
        body: MakeAccessToken,
        response: {
          201: Type.Ref(AccessTokenWithSecret),
          ...problems('not_authorised', 'step_up_required', 'idempotency_key_reused', 'idempotency_in_progress'),
        },
      },
    },
    (request, reply) => answering(context, request, reply, () => makeAccessToken(context, standingOf(request), request.body)),
  )

  app.get(
    '/v1/access-tokens',
    {
      config: { access: { action: 'self.read', on: 'nothing' } },
      schema: {
        tags,
        summary: 'List your personal access tokens, newest first',
        querystring: pageQuery({}),
        response: { 200: pageOf(Type.Ref(AccessToken)), ...problems('not_authorised') },
      },
    },
    (request, reply) => {
      const { caller, loaded } = standingOf(request)
      const who = { userId: personOf(caller), now: loaded.facts.now }
      return listing(feature, {
        request,
        reply,
        query: request.query,
        position: ({ createdAt, id }) => [createdAt, id] as const,
        read: (after, limit) => listAccessTokens(context.db, who, after, limit),
      })
    },
  )

  app.delete(
    '/v1/access-tokens/:token',
    {
      config: { access: { action: 'self.manage', on: 'nothing' } },
      schema: {
        tags,
        summary: 'End one of your personal access tokens at once; repeating it is harmless',
        params: Type.Object({ token: Type.String({ description: 'The token, by id' }) }),
        response: { 204: Type.Null({ description: 'It has ended' }), ...problems('not_authorised', 'not_found') },
      },
    },
    async (request, reply) => {
      await revokeAccessToken(context, standingOf(request), request.params.token)
      return reply.code(204).send(null)
    },
  )
}
