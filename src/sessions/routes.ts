import { Type } from '@sinclair/typebox'
import { problems } from '../http/contract.ts'
import { type App, type Feature, listing, standingOf } from '../http/feature.ts'
import { pageOf, pageQuery } from '../http/paging.ts'
import { networkOf } from '../http/rate-limit.ts'
import { endSession } from './end.ts'
import { passkeySessionRoutes } from './passkey-routes.ts'
import { Session, SignedIn, SignIn, StepUp, shared } from './schema.ts'
import { signIn } from './sign-in.ts'
import { stepUp } from './step-up.ts'
import { listSessions } from './store.ts'

const tags = ['sessions']
const manage = { action: 'self.manage', on: 'nothing' } as const

export async function sessionRoutes(app: App, feature: Feature): Promise<void> {
  const { context } = feature
  for (const schema of shared) app.addSchema(schema)
  passkeySessionRoutes(app, feature)

  app.post(
    '/v1/sessions',
    {
      config: { access: { open: true } },
      schema: {
        tags,
        summary: 'Sign in with a proven address and a password',
        body: SignIn,
        response: { 201: Type.Ref(SignedIn), ...problems('unauthenticated', 'second_factor_required', 'quota_exceeded', 'unavailable') },
      },
    },
    async (request, reply) => {
      const origin = { network: networkOf(request.ip), requestId: request.id }
      const answer = await signIn(feature, request.body, origin)
      return reply.code(201).header('location', `/v1/sessions/${answer.session.id}`).send(answer)
    },
  )

  app.post(
    '/v1/sessions/step-up',
    {
      config: { access: manage },
      schema: {
        tags,
        summary: 'Prove yourself anew, for acts that need a fresh sign-in',
        body: StepUp,
        response: { 200: Type.Ref(SignedIn), ...problems('not_authorised', 'second_factor_required', 'quota_exceeded', 'unavailable') },
      },
    },
    (request) => stepUp(feature, standingOf(request), request.body, networkOf(request.ip)),
  )

  app.get(
    '/v1/sessions',
    {
      config: { access: { action: 'self.read', on: 'nothing' } },
      schema: {
        tags,
        summary: 'List your open sessions, newest first',
        querystring: pageQuery({}),
        response: { 200: pageOf(Type.Ref(Session)) },
      },
    },
    (request, reply) => {
      const { caller, loaded } = standingOf(request)
      const who = { userId: caller.userId as string, current: caller.sessionId, now: loaded.facts.now }
      return listing(feature, {
        request,
        reply,
        query: request.query,
        position: ({ createdAt, id }) => [createdAt, id] as const,
        read: (after, limit) => listSessions(context.db, who, after, limit),
      })
    },
  )

  app.delete(
    '/v1/sessions/current',
    {
      config: { access: manage },
      schema: { tags, summary: 'Sign out', response: { 204: Type.Null({ description: 'It has ended' }), ...problems('not_authorised') } },
    },
    async (request, reply) => {
      const standing = standingOf(request)
      await endSession(context, standing, standing.caller.sessionId)
      return reply.code(204).send(null)
    },
  )

  app.delete(
    '/v1/sessions/:session',
    {
      config: { access: manage },
      schema: {
        tags,
        summary: 'End one of your sessions',
        params: Type.Object({ session: Type.String({ description: 'The session, by id' }) }),
        response: { 204: Type.Null({ description: 'It has ended' }), ...problems('not_authorised', 'not_found', 'step_up_required') },
      },
    },
    async (request, reply) => {
      await endSession(context, standingOf(request), request.params.session)
      return reply.code(204).send(null)
    },
  )
}
