import { Type } from '@sinclair/typebox'
import type { AccountFact } from '../authority/facts.ts'
import { problems } from '../http/contract.ts'
import { type App, type Feature, standingOf } from '../http/feature.ts'
import { answering } from '../http/idempotency.ts'
import { makeCode, readCode, removeCode } from './code.ts'
import { NewRequestCode, RequestCode } from './request-schema.ts'

const tags = ['grants']
const AccountPath = Type.Object({ account: Type.String({ description: 'The account, by id or number' }) })
const keyProblems = ['idempotency_key_reused', 'idempotency_in_progress'] as const
const codePath = '/v1/accounts/:account/request-code'

/** The code with which developers ask an account for grants. */
export async function requestCodeRoutes(app: App, { context }: Feature): Promise<void> {
  app.addSchema(RequestCode)
  app.addSchema(NewRequestCode)
  const access = { action: 'request_code.manage', on: 'account' } as const
  const refusals = ['not_authorised', 'not_found'] as const

  app.get(
    codePath,
    {
      config: { access },
      schema: {
        tags,
        summary: 'Whether the account has a request code, and since when',
        params: AccountPath,
        response: { 200: Type.Ref(RequestCode), ...problems(...refusals) },
      },
    },
    (request) => readCode(context.db, (standingOf(request).loaded.account as AccountFact).id),
  )

  app.post(
    codePath,
    {
      config: { access },
      schema: {
        tags,
        summary: 'Make a request code, in the place of the one before; it is shown once and lets developers ask for grants',
        params: AccountPath,
        response: { 201: Type.Ref(NewRequestCode), ...problems(...refusals, ...keyProblems) },
      },
    },
    (request, reply) => answering(context, request, reply, () => makeCode(context, standingOf(request))),
  )

  app.delete(
    codePath,
    {
      config: { access },
      schema: {
        tags,
        summary: 'Take the request code away: nobody can ask any more; repeating it is harmless',
        params: AccountPath,
        response: { 204: Type.Null({ description: 'There is none' }), ...problems(...refusals) },
      },
    },
    async (request, reply) => {
      await removeCode(context, standingOf(request))
      return reply.code(204).send(null)
    },
  )
}
