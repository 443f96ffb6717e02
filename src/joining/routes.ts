import { Type } from '@sinclair/typebox'
import { problems } from '../http/contract.ts'
import { type App, type Feature, standingOf } from '../http/feature.ts'
import { answering } from '../http/idempotency.ts'
import { joinUsers } from './join.ts'
import { Join, Joined } from './schema.ts'

export async function joiningRoutes(app: App, feature: Feature): Promise<void> {
  const { context } = feature
  app.addSchema(Joined)

  app.post(
    '/v1/me/joining',
    {
      config: { access: { action: 'self.manage', on: 'nothing', stepUp: true } },
      schema: {
        tags: ['me'],
        summary: 'Join another user of yours to you: what he is and holds becomes yours, and he can sign in no more',
        body: Join,
        response: {
          200: Type.Ref(Joined),
          ...problems(
            'not_authorised',
            'step_up_required',
            'second_factor_required',
            'conflict',
            'idempotency_key_reused',
            'idempotency_in_progress',
            'unavailable',
          ),
        },
      },
    },
    (request, reply) => answering(context, request, reply, () => joinUsers(feature, standingOf(request), request.body.accessToken)),
  )
}
