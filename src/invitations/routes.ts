import { Type } from '@sinclair/typebox'
import { problems } from '../http/contract.ts'
import type { App, Feature } from '../http/feature.ts'
import { acceptAsNewcomer, acceptAsUser } from './accept.ts'
import { declineInvitation } from './decline.ts'
import { AcceptedInvitation, AcceptInvitation, DeclineInvitation, Invitation, ShowInvitation, shared } from './schema.ts'
import { showInvitation } from './show.ts'

const tags = ['invitations']

export async function invitationRoutes(app: App, { context }: Feature): Promise<void> {
  for (const schema of shared) app.addSchema(schema)

  app.post(
    '/v1/invitations/show',
    {
      config: { access: { open: true } },
      schema: {
        tags,
        summary: 'See what a mailed invitation offers',
        body: ShowInvitation,
        response: { 200: Type.Ref(Invitation), ...problems('not_authorised', 'conflict') },
      },
    },
    (request) => showInvitation(context, request.body.token),
  )

  app.post(
    '/v1/invitations/accept',
    {
      config: { access: { open: 'optional' } },
      schema: {
        tags,
        summary: 'Accept a mailed invitation, as the user who has proven the address or as a new one',
        body: AcceptInvitation,
        response: {
          200: Type.Ref(AcceptedInvitation),
          201: Type.Ref(AcceptedInvitation),
          ...problems('unauthenticated', 'step_up_required', 'not_authorised', 'conflict', 'unavailable'),
        },
      },
    },
    async (request, reply) => {
      if (request.standing !== null) return acceptAsUser(context, request.standing, request.body)
      const accepted = await acceptAsNewcomer(context, request.body, request.id)
      return reply.code(201).header('location', '/v1/me/authority').send(accepted)
    },
  )

  app.post(
    '/v1/invitations/decline',
    {
      config: { access: { open: true } },
      schema: {
        tags,
        summary: 'Decline a mailed invitation: it ends, and who invited is told',
        body: DeclineInvitation,
        response: { 204: Type.Null({ description: 'It is declined' }), ...problems('not_authorised') },
      },
    },
    async (request, reply) => {
      await declineInvitation(context, request.body.token, request.id)
      return reply.code(204).send(null)
    },
  )
}
