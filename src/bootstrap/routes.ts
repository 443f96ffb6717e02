import { Type } from '@sinclair/typebox'
import { problems } from '../http/contract.ts'
import type { App, Feature } from '../http/feature.ts'
import { makeFirstAdmin } from './first-admin.ts'
import { Bootstrap, Bootstrapped } from './schema.ts'

export async function bootstrapRoutes(app: App, { context }: Feature): Promise<void> {
  app.addSchema(Bootstrapped)

  app.post(
    '/v1/bootstrap',
    {
      config: { access: { open: true } },
      schema: {
        tags: ['staff'],
        summary: 'Make the first admin, with the token that the start of the service has shown',
        body: Bootstrap,
        response: { 201: Type.Ref(Bootstrapped), ...problems('not_authorised', 'conflict', 'unavailable') },
      },
    },
    async (request, reply) => {
      const made = await makeFirstAdmin(context, request.body, request.id)
      return reply.code(201).header('location', `/v1/users/${made.user.id}`).send(made)
    },
  )
}
