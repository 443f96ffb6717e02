import { Type } from '@sinclair/typebox'
import { personOf } from '../authority/load.ts'
import { problems } from '../http/contract.ts'
import { type App, type Feature, listing, standingOf } from '../http/feature.ts'
import { answering } from '../http/idempotency.ts'
import { pageOf, pageQuery } from '../http/paging.ts'
import { askForAddress, proveAddress } from './add.ts'
import { removeAddress } from './remove.ts'
import { AddAddress, AdditionAccepted, MyAddress, ProveAddress, shared } from './schema.ts'
import { listAddresses } from './store.ts'

const tags = ['addresses']
const config = { access: { action: 'self.manage', on: 'nothing', stepUp: true } } as const
const actProblems = ['not_authorised', 'step_up_required', 'second_factor_required'] as const
const onceProblems = ['idempotency_key_reused', 'idempotency_in_progress'] as const

export async function addressRoutes(app: App, feature: Feature): Promise<void> {
  const { context } = feature
  for (const schema of shared) app.addSchema(schema)

  app.get(
    '/v1/me/addresses',
    {
      config: { access: { action: 'self.read', on: 'nothing' } },
      schema: {
        tags,
        summary: 'List your mail addresses, oldest first',
        querystring: pageQuery({}),
        response: { 200: pageOf(Type.Ref(MyAddress)) },
      },
    },
    (request, reply) => {
      const userId = personOf(standingOf(request).caller)
      const position = ({ createdAt, id }: MyAddress) => [createdAt, id] as const
      const read = (after: readonly [string, string] | undefined, limit: number) => listAddresses(context.db, userId, after, limit)
      return listing(feature, { request, reply, query: request.query, position, read })
    },
  )

  app.post(
    '/v1/me/addresses',
    {
      config,
      schema: {
        tags,
        summary: 'Ask to add a mail address: a mail goes there, whoever has it',
        body: AddAddress,
        response: { 202: Type.Ref(AdditionAccepted), ...problems(...actProblems, ...onceProblems, 'quota_exceeded') },
      },
    },
    (request, reply) => answering(context, request, reply, () => askForAddress(context, standingOf(request), request.body.address)),
  )

  app.post(
    '/v1/me/addresses/proofs',
    {
      config,
      schema: {
        tags,
        summary: 'Prove an address with the token mailed there, as the user who asked to add it',
        body: ProveAddress,
        response: { 201: Type.Ref(MyAddress), ...problems(...actProblems, ...onceProblems) },
      },
    },
    (request, reply) => answering(context, request, reply, () => proveAddress(context, standingOf(request), request.body.token)),
  )

  app.delete(
    '/v1/me/addresses/:address',
    {
      config,
      schema: {
        tags,
        summary: 'Remove one of your addresses, but not the last one you have proven',
        params: Type.Object({ address: Type.String({ description: 'The address, by id' }) }),
        response: { 204: Type.Null({ description: 'It is removed' }), ...problems(...actProblems, 'not_found', 'conflict') },
      },
    },
    async (request, reply) => {
      await removeAddress(context, standingOf(request), request.params.address)
      return reply.code(204).send(null)
    },
  )
}
