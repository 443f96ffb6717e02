import { Type } from '@sinclair/typebox'
import { personOf } from '../authority/load.ts'
import { problems } from '../http/contract.ts'
import { type App, type Feature, listing, standingOf } from '../http/feature.ts'
import { answering } from '../http/idempotency.ts'
import { pageOf, pageQuery } from '../http/paging.ts'
import { networkOf } from '../http/rate-limit.ts'
import { PasskeyOptions } from '../identity/passkey-schema.ts'
import { addPasskey, passkeyOptions } from './passkey.ts'
import { makeRecoveryCodes, removeFactor } from './remove.ts'
import { AddedFactor, Confirmation, Factor, NewPasskey, NewTotp, PreparedTotp, RecoveryCodes, shared } from './schema.ts'
import { listFactors } from './store.ts'
import { confirmTotp, prepareTotp } from './totp.ts'

const tags = ['second factors']
const config = { access: { action: 'self.manage', on: 'nothing', stepUp: true } } as const
const actProblems = [
  'not_authorised',
  'step_up_required',
  'second_factor_required',
  'conflict',
  'idempotency_key_reused',
  'idempotency_in_progress',
] as const
const FactorPath = Type.Object({ factor: Type.String({ description: 'The factor, by id' }) })

export async function factorRoutes(app: App, feature: Feature): Promise<void> {
  const { context } = feature
  for (const schema of shared) app.addSchema(schema)

  app.get(
    '/v1/me/second-factors',
    {
      config: { access: { action: 'self.read', on: 'nothing' } },
      schema: {
        tags,
        summary: 'List your second factors, oldest first',
        querystring: pageQuery({}),
        response: { 200: pageOf(Type.Ref(Factor)) },
      },
    },
    (request, reply) => {
      const userId = personOf(standingOf(request).caller)
      const position = ({ createdAt, id }: Factor) => [createdAt, id] as const
      const read = (after: readonly [string, string] | undefined, limit: number) => listFactors(context.db, userId, after, limit)
      return listing(feature, { request, reply, query: request.query, position, read })
    },
  )

  app.post(
    '/v1/me/second-factors/totp',
    {
      config,
      schema: {
        tags,
        summary: 'Prepare an authenticator app: its key is shown once',
        body: NewTotp,
        response: { 201: Type.Ref(PreparedTotp), ...problems(...actProblems) },
      },
    },
    (request, reply) => answering(context, request, reply, () => prepareTotp(feature, standingOf(request), request.body)),
  )

  app.post(
    '/v1/me/second-factors/:factor/confirm',
    {
      config,
      schema: {
        tags,
        summary: 'Confirm an authenticator app by a code it shows; from then on it is asked for',
        params: FactorPath,
        body: Confirmation,
        response: { 200: Type.Ref(AddedFactor), ...problems(...actProblems, 'not_found', 'quota_exceeded') },
      },
    },
    (request, reply) => {
      const { factor } = request.params
      const confirm = () => confirmTotp(feature, standingOf(request), factor, request.body.code, networkOf(request.ip))
      return answering(context, request, reply, confirm)
    },
  )

  app.post(
    '/v1/me/second-factors/passkeys/options',
    {
      config,
      schema: {
        tags,
        summary: 'What a browser needs to make a passkey; good for five minutes',
        response: { 200: Type.Ref(PasskeyOptions), ...problems('not_authorised', 'step_up_required') },
      },
    },
    (request) => passkeyOptions(context, standingOf(request)),
  )

  app.post(
    '/v1/me/second-factors/passkeys',
    {
      config,
      schema: {
        tags,
        summary: 'Add the passkey a browser has made',
        body: NewPasskey,
        response: { 201: Type.Ref(AddedFactor), ...problems(...actProblems) },
      },
    },
    (request, reply) => answering(context, request, reply, () => addPasskey(context, standingOf(request), request.body)),
  )

  app.post(
    '/v1/me/second-factors/recovery-codes',
    {
      config,
      schema: {
        tags,
        summary: 'Make new recovery codes in place of the former ones',
        response: { 201: Type.Ref(RecoveryCodes), ...problems(...actProblems) },
      },
    },
    (request, reply) => answering(context, request, reply, () => makeRecoveryCodes(context, standingOf(request))),
  )

  app.delete(
    '/v1/me/second-factors/:factor',
    {
      config,
      schema: {
        tags,
        summary: 'Remove a second factor',
        params: FactorPath,
        response: {
          204: Type.Null({ description: 'It is removed' }),
          ...problems('not_authorised', 'not_found', 'step_up_required', 'second_factor_required'),
        },
      },
    },
    async (request, reply) => {
      await removeFactor(context, standingOf(request), request.params.factor)
      return reply.code(204).send(null)
    },
  )
}
