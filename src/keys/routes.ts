import { Type } from '@sinclair/typebox'
import { problems } from '../http/contract.ts'
import { type App, type Feature, listing, standingOf } from '../http/feature.ts'
import { answering } from '../http/idempotency.ts'
import { pageOf, pageQuery } from '../http/paging.ts'
import { removeKey, rotateKey } from './alter.ts'
import { Key } from './schema.ts'
import { listKeys } from './store.ts'

const tags = ['keys']
const read = { action: 'staff.settings.manage', staffAction: 'staff.settings.manage', on: 'nothing' } as const
const manage = { ...read, stepUp: true } as const
const refused = ['not_authorised', 'step_up_required', 'conflict'] as const

export async function signingKeyRoutes(app: App, feature: Feature): Promise<void> {
  const { context } = feature
  app.addSchema(Key)

  app.get(
    '/v1/keys',
    {
      config: { access: read },
      schema: {
        tags,
        summary: 'List the signing keys, newest first, also those that were removed',
        querystring: pageQuery({}),
        response: { 200: pageOf(Type.Ref(Key)), ...problems('not_authorised') },
      },
    },
    (request, reply) =>
      listing(feature, {
        request,
        reply,
        query: request.query,
        position: ({ createdAt, id }) => [createdAt, id] as const,
        read: (after, limit) => listKeys(context.db, after, limit),
      }),
  )

  app.post(
    '/v1/keys/rotate',
    {
      config: { access: manage },
      schema: {
        tags,
        summary: 'Make a new signing key: it signs at once, and the others are taken until they are removed',
        response: { 201: Type.Ref(Key), ...problems(...refused, 'idempotency_key_reused', 'idempotency_in_progress') },
      },
    },
    (request, reply) => answering(context, request, reply, () => rotateKey(feature, standingOf(request))),
  )

  app.delete(
    '/v1/keys/:key',
    {
      config: { access: manage },
      schema: {
        tags,
        summary: 'Remove a signing key: tokens it signed are refused at once; never the last one',
        params: Type.Object({ key: Type.String({ description: 'The key, by id' }) }),
        response: { 204: Type.Null({ description: 'It is removed' }), ...problems(...refused, 'not_found') },
      },
    },
    async (request, reply) => {
      await removeKey(feature, standingOf(request), request.params.key)
      return reply.code(204).send(null)
    },
  )
}
