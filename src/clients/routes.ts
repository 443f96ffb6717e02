import { Type } from '@sinclair/typebox'
import { notFound } from '../authority/judge.ts'
import { isUuid } from '../http/access.ts'
import { problems } from '../http/contract.ts'
import { type App, type Feature, listing, standingOf } from '../http/feature.ts'
import { answering } from '../http/idempotency.ts'
import { pageOf, pageQuery } from '../http/paging.ts'
import { notModified } from '../http/preconditions.ts'
import { disableClient, rotateSecret, updateClient } from './alter.ts'
import { registerClient } from './register.ts'
import { Client, ClientWithSecret, CreateClient, shared, UpdateClient } from './schema.ts'
import { listClients, readClient } from './store.ts'

const tags = ['clients']
const read = { action: 'staff.client.manage', staffAction: 'staff.client.manage', on: 'nothing' } as const
const manage = { ...read, stepUp: true } as const
const params = Type.Object({ client: Type.String({ description: 'The client, by id' }) })
const path = '/v1/clients/:client'
const refused = ['not_authorised', 'step_up_required'] as const
const keyed = ['idempotency_key_reused', 'idempotency_in_progress'] as const

export async function clientRoutes(app: App, feature: Feature): Promise<void> {
  const { context } = feature
  for (const schema of shared) app.addSchema(schema)

  app.post(
    '/v1/clients',
    {
      config: { access: manage },
      schema: {
        tags,
        summary: 'Register a control panel or another service',
        body: CreateClient,
        response: { 201: Type.Ref(ClientWithSecret), ...problems(...refused, 'conflict', ...keyed) },
      },
    },
    (request, reply) => answering(context, request, reply, () => registerClient(context, standingOf(request), request.body)),
  )

  app.get(
    '/v1/clients',
    {
      config: { access: read },
      schema: {
        tags,
        summary: 'List the clients, newest first',
        querystring: pageQuery({}),
        response: { 200: pageOf(Type.Ref(Client)), ...problems('not_authorised') },
      },
    },
    (request, reply) =>
      listing(feature, {
        request,
        reply,
        query: request.query,
        position: ({ createdAt, id }) => [createdAt, id] as const,
        read: (after, limit) => listClients(context.db, after, limit),
      }),
  )

  app.get(
    path,
    {
      config: { access: read },
      schema: { tags, summary: 'Read a client', params, response: { 200: Type.Ref(Client), ...problems('not_authorised', 'not_found') } },
    },
    async (request, reply) => {
      const { client: id } = request.params
      const client = isUuid(id) ? await readClient(context.db, id) : undefined
      if (client === undefined) throw notFound()
      return notModified(request, reply, client.version) ? reply : client
    },
  )

  app.patch(
    path,
    {
      config: { access: { ...manage, ifMatch: true } },
      schema: {
        tags,
        summary: 'Change its name, scopes, keys or whether it may step up; at once, also for tokens it has',
        params,
        body: UpdateClient,
        response: {
          200: Type.Ref(Client),
          ...problems(...refused, 'not_found', 'conflict', 'precondition_required', 'precondition_failed'),
        },
      },
    },
    (request, reply) =>
      answering(context, request, reply, () => updateClient(context, standingOf(request), request.params.client, request.body)),
  )

  app.post(
    `${path}/secret`,
    {
      config: { access: manage },
      schema: {
        tags,
        summary: 'Make a new secret; the one before serves for another 24 hours',
        params,
        response: { 200: Type.Ref(ClientWithSecret), ...problems(...refused, 'not_found', 'conflict', ...keyed) },
      },
    },
    (request, reply) => answering(context, request, reply, () => rotateSecret(context, standingOf(request), request.params.client)),
  )

  app.post(
    `${path}/disable`,
    {
      config: { access: manage },
      schema: {
        tags,
        summary: 'End its use at once, with every token it has; repeating it is harmless',
        params,
        response: { 200: Type.Ref(Client), ...problems(...refused, 'not_found', ...keyed) },
      },
    },
    (request, reply) => answering(context, request, reply, () => disableClient(context, standingOf(request), request.params.client)),
  )
}
