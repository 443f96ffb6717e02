import { Type } from '@sinclair/typebox'
import type { AccountFact } from '../authority/facts.ts'
import { problems } from '../http/contract.ts'
import { type App, type Feature, listing, standingOf } from '../http/feature.ts'
import { pageOf, pageQuery } from '../http/paging.ts'
import { Mute } from './mute-schema.ts'
import { listMutes } from './mutes.ts'
import { unmute } from './unmute.ts'

const tags = ['submissions']
const AccountPath = Type.Object({ account: Type.String({ description: 'The account, by id or number' }) })
const MutePath = Type.Object({ ...AccountPath.properties, mute: Type.String({ description: 'The mute, by id' }) })
const path = '/v1/accounts/:account/mutes'
const decides = { action: 'submission.decide', on: 'account', list: true } as const

/** Whom the account does not hear, and how he is heard again. Muting is an answer to a submission. */
export async function muteRoutes(app: App, feature: Feature): Promise<void> {
  const { context } = feature
  app.addSchema(Mute)

  app.get(
    path,
    {
      config: { access: { ...decides, staffAction: 'staff.submission.decide' } },
      schema: {
        tags,
        summary: 'List the submitters whom the account has muted, newest first; a contact who is limited sees those of his domains',
        params: AccountPath,
        querystring: pageQuery({}),
        response: { 200: pageOf(Type.Ref(Mute)), ...problems('not_authorised', 'not_found') },
      },
    },
    (request, reply) => {
      const { loaded, clauses } = standingOf(request)
      const { id: accountId } = loaded.account as AccountFact
      return listing(feature, {
        request,
        reply,
        query: request.query,
        position: ({ mutedAt, id }) => [mutedAt, id] as const,
        read: (after, limit) => listMutes(context.db, accountId, clauses, after, limit),
      })
    },
  )

  app.delete(
    `${path}/:mute`,
    {
      config: { access: { ...decides, stepUp: true } },
      schema: {
        tags,
        summary: 'Hear a submitter again: what waits of his is shown; he learns nothing of it, and repeating it is harmless',
        params: MutePath,
        response: { 204: Type.Null({ description: 'He is heard' }), ...problems('not_authorised', 'not_found', 'step_up_required') },
      },
    },
    async (request, reply) => {
      await unmute(context, standingOf(request), request.params.mute)
      return reply.code(204).send(null)
    },
  )
}
