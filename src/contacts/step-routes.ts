import { Type } from '@sinclair/typebox'
import { notFound } from '../authority/judge.ts'
import { isUuid } from '../http/access.ts'
import { problems } from '../http/contract.ts'
import { type App, type Feature, standingOf } from '../http/feature.ts'
import { answering } from '../http/idempotency.ts'
import { etagOf } from '../http/preconditions.ts'
import { setPhone } from './phone.ts'
import { resendInvitation } from './resend.ts'
import { resignContact } from './resign.ts'
import { Contact, SetPhone } from './schema.ts'

const tags = ['contacts']
const contact = Type.String({ description: 'The contact, by id' })
const ContactPath = Type.Object({ account: Type.String({ description: 'The account, by id or number' }), contact })

/** What is done about a contact beside making, changing and removing it. */
export async function contactStepRoutes(app: App, { context }: Feature): Promise<void> {
  app.put(
    '/v1/accounts/:account/contacts/:contact/phone',
    {
      config: { access: { action: 'contact.manage', on: 'contact', stepUp: true } },
      schema: {
        tags,
        summary: 'Set the number support may call back; another number must stand for 7 days first',
        params: ContactPath,
        body: SetPhone,
        response: { 200: Type.Ref(Contact), ...problems('not_authorised', 'not_found', 'step_up_required', 'conflict') },
      },
    },
    async (request, reply) => {
      const contact = await setPhone(context, standingOf(request), request.body.number)
      reply.header('etag', etagOf(contact.version))
      return contact
    },
  )

  app.post(
    '/v1/accounts/:account/contacts/:contact/resend',
    {
      config: { access: { action: 'contact.manage', staffAction: 'staff.provision', on: 'contact', stepUp: true } },
      schema: {
        tags,
        summary: 'Send an open invitation again, with a new token; the one before is void',
        params: ContactPath,
        response: {
          200: Type.Ref(Contact),
          ...problems(
            'not_authorised',
            'not_found',
            'step_up_required',
            'conflict',
            'quota_exceeded',
            'idempotency_key_reused',
            'idempotency_in_progress',
          ),
        },
      },
    },
    (request, reply) => answering(context, request, reply, () => resendInvitation(context, standingOf(request))),
  )

  app.post(
    '/v1/me/contacts/:contact/resign',
    {
      config: { access: { action: 'self.manage', on: 'nothing', stepUp: true } },
      schema: {
        tags,
        summary: 'Leave an account you are a contact of; its owners are told; repeating it is harmless',
        params: Type.Object({ contact }),
        response: {
          204: Type.Null({ description: 'It has ended' }),
          ...problems('not_authorised', 'not_found', 'step_up_required', 'conflict'),
        },
      },
    },
    async (request, reply) => {
      const { contact } = request.params
      if (!isUuid(contact)) throw notFound()
      await resignContact(context, standingOf(request), contact)
      return reply.code(204).send(null)
    },
  )
}
