/** The OAuth endpoints: forms in, JSON out, refusals in OAuth's own form. */
import { Type } from '@sinclair/typebox'
import type { FastifyRequest } from 'fastify'
import type { App, Feature } from '../http/feature.ts'
import { type Client, clientOf } from './client.ts'
import { invalidClient, sendOAuthError } from './errors.ts'
import { type Form, formBytesMax, formOf, formType, registerForms, required } from './form.ts'
import { grantToken } from './grants.ts'
import { introspect, isStaffToken } from './introspect.ts'
import { revokeToken } from './revoke.ts'
import { Introspection, OAuthRefusal, shared, TokenAnswer, TokenPlea, TokenRequest } from './schema.ts'

const tags = ['oauth']
const config = { access: { open: true } } as const
const refusals = Object.fromEntries([400, 401, 429, 500, 503].map((status) => [status, Type.Ref(OAuthRefusal)]))
const form = { consumes: [formType] }

export async function oauthRoutes(app: App, feature: Feature): Promise<void> {
  registerForms(app)
  app.setErrorHandler(sendOAuthError)
  for (const schema of shared) app.addSchema(schema)
  const options = { config, bodyLimit: formBytesMax }

  app.post(
    '/oauth/token',
    {
      ...options,
      schema: {
        tags,
        summary: 'Get an access token: for a signed-in user of a panel, for a client itself, or a narrower one for a tool',
        ...form,
        body: TokenRequest,
        response: { 200: Type.Ref(TokenAnswer), ...refusals },
      },
    },
    async (request, reply) => {
      const sent = formOf(request)
      const answer = await grantToken({ feature, form: sent, client: await clientOf(feature, request, sent), requestId: request.id })
      return reply.header('pragma', 'no-cache').send(answer)
    },
  )

  app.post(
    '/oauth/revoke',
    {
      ...options,
      schema: {
        tags,
        summary: 'End a token; harmless for what is none',
        ...form,
        body: TokenPlea,
        response: { 200: Type.Unsafe<undefined>(Type.Null({ description: 'It is of no use any more' })), ...refusals },
      },
    },
    async (request, reply) => {
      const sent = formOf(request)
      await revokeToken(feature, required(sent, 'token'), await clientOf(feature, request, sent), request.id)
      return reply.send(undefined)
    },
  )

  app.post(
    '/oauth/introspect',
    {
      ...options,
      schema: {
        tags,
        summary: 'Whether a token is good at this moment: for clients, about their own and those of their users, and for staff',
        ...form,
        body: TokenPlea,
        response: { 200: Type.Ref(Introspection), ...refusals },
      },
    },
    async (request) => {
      const sent = formOf(request)
      const client = await inspector(feature, request, sent)
      return introspect(feature, required(sent, 'token'), client, request.id)
    },
  )
}

/** The client that asks, or null for staff. */
async function inspector(feature: Feature, request: FastifyRequest, sent: Form): Promise<Client | null> {
  const [, bearer] = /^bearer +(\S+) *$/i.exec(request.headers.authorization ?? '') ?? []
  if (bearer !== undefined && (await isStaffToken(feature, bearer, request.id))) return null
  const client = await clientOf(feature, request, sent)
  if (client === undefined) throw invalidClient()
  return client
}
