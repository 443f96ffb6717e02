import { Type } from '@sinclair/typebox'
import { problems } from '../http/contract.ts'
import { type App, type Feature, standingOf } from '../http/feature.ts'
import { networkOf } from '../http/rate-limit.ts'
import { changePassword } from './change.ts'
import { askReset, completeReset } from './reset.ts'
import { AskReset, ChangePassword, CompleteReset, ResetAccepted, shared } from './schema.ts'

const tags = ['passwords']
const open = { access: { open: true } } as const

export async function passwordRoutes(app: App, feature: Feature): Promise<void> {
  const { context } = feature
  for (const schema of shared) app.addSchema(schema)

  app.put(
    '/v1/me/password',
    {
      config: { access: { action: 'self.manage', on: 'nothing', stepUp: true } },
      schema: {
        tags,
        summary: 'Change your password; every other session and personal access token ends, unless you keep it by name',
        body: ChangePassword,
        response: {
          204: Type.Null({ description: 'It is changed' }),
          ...problems('not_authorised', 'step_up_required', 'second_factor_required', 'quota_exceeded', 'unavailable'),
        },
      },
    },
    async (request, reply) => {
      await changePassword(context, standingOf(request), request.body, networkOf(request.ip))
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/v1/password-resets',
    {
      config: open,
      schema: {
        tags,
        summary: 'Ask for a new password by mail; the answer is the same for every address',
        body: AskReset,
        response: { 202: Type.Ref(ResetAccepted), ...problems('quota_exceeded') },
      },
    },
    async (request, reply) => {
      await askReset(context, request.body.address, networkOf(request.ip))
      const detail = `If a user has proven this address, a mail goes there; its token is good for ${context.config.proofMinutes} minutes`
      return reply.code(202).send({ status: 'accepted', detail })
    },
  )

  app.post(
    '/v1/password-resets/complete',
    {
      config: open,
      schema: {
        tags,
        summary: 'Choose a new password with the mailed token; every session and personal access token ends',
        body: CompleteReset,
        response: {
          204: Type.Null({ description: 'It is changed; sign in with it' }),
          ...problems('not_authorised', 'second_factor_required', 'quota_exceeded', 'unavailable'),
        },
      },
    },
    async (request, reply) => {
      await completeReset(feature, request.body, { network: networkOf(request.ip), requestId: request.id })
      return reply.code(204).send(null)
    },
  )
}
