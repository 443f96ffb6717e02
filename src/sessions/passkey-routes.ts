import { Type } from '@sinclair/typebox'
import { personOf } from '../authority/load.ts'
import { problems } from '../http/contract.ts'
import { type App, type Feature, standingOf } from '../http/feature.ts'
import { networkOf } from '../http/rate-limit.ts'
import { Assertion, PasskeyOptions } from '../identity/passkey-schema.ts'
import { assertionOptions, signInByPasskey } from './passkey.ts'
import { SignedIn } from './schema.ts'

const tags = ['sessions']

/** What passkeys add to `sessionRoutes`, with its schemas; `POST /v1/sessions/step-up` takes one, too. */
export function passkeySessionRoutes(app: App, feature: Feature): void {
  const { context } = feature

  app.post(
    '/v1/sessions/passkey/options',
    {
      config: { access: { open: true } },
      schema: {
        tags,
        summary: 'What a browser needs to sign in with a passkey; good for five minutes',
        response: { 200: Type.Ref(PasskeyOptions) },
      },
    },
    () => assertionOptions(context, null),
  )

  app.post(
    '/v1/sessions/passkey',
    {
      config: { access: { open: true } },
      schema: {
        tags,
        summary: 'Sign in with a passkey alone',
        body: Type.Ref(Assertion),
        response: { 201: Type.Ref(SignedIn), ...problems('unauthenticated', 'quota_exceeded') },
      },
    },
    async (request, reply) => {
      const answer = await signInByPasskey(feature, request.body, { network: networkOf(request.ip), requestId: request.id })
      return reply.code(201).header('location', `/v1/sessions/${answer.session.id}`).send(answer)
    },
  )

  app.post(
    '/v1/sessions/step-up/passkey/options',
    {
      config: { access: { action: 'self.manage', on: 'nothing' } },
      schema: {
        tags,
        summary: 'What a browser needs to step up with one of your passkeys; good for five minutes',
        response: { 200: Type.Ref(PasskeyOptions), ...problems('not_authorised') },
      },
    },
    (request) => assertionOptions(context, personOf(standingOf(request).caller)),
  )
}
