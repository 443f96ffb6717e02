import { Type } from '@sinclair/typebox'
import { problems } from '../http/contract.ts'
import { type App, type Feature, standingOf } from '../http/feature.ts'
import { answering } from '../http/idempotency.ts'
import { makeCode } from './make.ts'
import { CreateSupportCode, SupportCode, VerifiedSupportCode, VerifySupportCode } from './schema.ts'
import { verifyCode } from './verify.ts'

const tags = ['support codes']

export async function supportCodeRoutes(app: App, { context, codeKey }: Feature): Promise<void> {
  app.addSchema(SupportCode)
  app.addSchema(VerifiedSupportCode)

  app.post(
    '/v1/accounts/:account/support-codes',
    {
      config: { access: { action: 'support_code.create', delegateAction: 'ticket.create', on: 'account', list: true } },
      schema: {
        tags,
        summary: 'Make a short code to tell support on the telephone: 15 minutes, once',
        params: Type.Object({ account: Type.String({ description: 'The account, by id or number' }) }),
        body: CreateSupportCode,
        response: {
          201: Type.Ref(SupportCode),
          ...problems('not_authorised', 'not_found', 'idempotency_key_reused', 'idempotency_in_progress'),
        },
      },
    },
    (request, reply) => answering(context, request, reply, () => makeCode(context, codeKey, standingOf(request), request.body)),
  )

  app.post(
    '/v1/support-codes/verify',
    {
      config: { access: { action: 'staff.ticket.open', staffAction: 'staff.ticket.open', on: 'nothing' } },
      schema: {
        tags,
        summary: 'See who is on the telephone, by the code he tells',
        body: VerifySupportCode,
        response: { 200: Type.Ref(VerifiedSupportCode), ...problems('not_authorised') },
      },
    },
    (request) => verifyCode(context, codeKey, standingOf(request), request.body),
  )
}
