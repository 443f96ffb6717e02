import { Type } from '@sinclair/typebox'
import { problems } from '../http/contract.ts'
import { type App, type Feature, listing, standingOf } from '../http/feature.ts'
import { answering } from '../http/idempotency.ts'
import { pageOf, pageQuery } from '../http/paging.ts'
import { endStaffRole } from './end.ts'
import { inviteStaff } from './invite.ts'
import { InviteStaff, StaffInvitation, StaffMember, shared } from './schema.ts'
import { listStaff } from './store.ts'

const tags = ['staff']
const manage = { action: 'staff.user.manage', staffAction: 'staff.user.manage', stepUp: true } as const

export async function staffRoutes(app: App, feature: Feature): Promise<void> {
  const { context } = feature
  for (const schema of shared) app.addSchema(schema)

  app.get(
    '/v1/staff',
    {
      config: { access: { action: 'staff.directory.read', staffAction: 'staff.directory.read', on: 'nothing' } },
      schema: {
        tags,
        summary: 'List who works for the provider',
        querystring: pageQuery({}),
        response: { 200: pageOf(Type.Ref(StaffMember)), ...problems('not_authorised') },
      },
    },
    (request, reply) =>
      listing(feature, {
        request,
        reply,
        query: request.query,
        position: ({ givenAt, id }) => [givenAt, id] as const,
        read: (after, limit) => listStaff(context.db, after, limit),
      }),
  )

  app.post(
    '/v1/staff',
    {
      config: { access: { ...manage, on: 'nothing' } },
      schema: {
        tags,
        summary: 'Invite somebody to become staff: a mail goes to the address',
        body: InviteStaff,
        response: {
          202: Type.Ref(StaffInvitation),
          ...problems('not_authorised', 'step_up_required', 'conflict', 'idempotency_key_reused', 'idempotency_in_progress'),
        },
      },
    },
    (request, reply) => answering(context, request, reply, () => inviteStaff(context, standingOf(request), request.body)),
  )

  app.delete(
    '/v1/staff/:user',
    {
      config: { access: { ...manage, on: 'user' } },
      schema: {
        tags,
        summary: "End a user's staff role and his sessions",
        params: Type.Object({ user: Type.String({ description: 'The user, by id' }) }),
        response: {
          204: Type.Null({ description: 'It has ended' }),
          ...problems('not_authorised', 'not_found', 'step_up_required', 'conflict'),
        },
      },
    },
    async (request, reply) => {
      await endStaffRole(context, standingOf(request))
      return reply.code(204).send(null)
    },
  )
}
