import { Type } from '@sinclair/typebox'
import { notFound } from '../authority/judge.ts'
import { personOf } from '../authority/load.ts'
import { isUuid } from '../http/access.ts'
import { problems } from '../http/contract.ts'
import { type App, type Feature, listing, standingOf } from '../http/feature.ts'
import { answering } from '../http/idempotency.ts'
import { pageOf, pageQuery } from '../http/paging.ts'
import { listOwn, readOwn } from './own.ts'
import { CreateSubmission, OwnSubmission } from './schema.ts'
import { submit } from './submit.ts'

const tags = ['submissions']
const SubmissionPath = Type.Object({ submission: Type.String({ description: 'The submission, by id' }) })
const keyProblems = ['idempotency_key_reused', 'idempotency_in_progress'] as const

/** The door of whoever has no authority: he submits, and sees of it only whether it was accepted. */
export async function submissionRoutes(app: App, feature: Feature): Promise<void> {
  const { context } = feature
  app.addSchema(OwnSubmission)

  app.post(
    '/v1/submissions',
    {
      config: { access: { action: 'self.read', on: 'nothing', idempotency: 'required' } },
      schema: {
        tags,
        summary: 'Submit something for an account you have no authority for: it is held until the account decides, 14 days at most',
        body: CreateSubmission,
        response: {
          202: Type.Ref(OwnSubmission),
          ...problems('not_authorised', 'details_missing', 'conflict', 'quota_exceeded', 'idempotency_key_missing', ...keyProblems),
        },
      },
    },
    (request, reply) => {
      const standing = standingOf(request)
      const channel = standing.loaded.facts.session?.kind === 'panel' ? ('panel' as const) : ('api' as const)
      return answering(context, request, reply, () => submit(context, standing, request.body, channel))
    },
  )

  app.get(
    '/v1/submissions',
    {
      config: { access: { action: 'self.read', on: 'nothing' } },
      schema: {
        tags,
        summary: 'List what you submitted, newest first',
        querystring: pageQuery({}),
        response: { 200: pageOf(Type.Ref(OwnSubmission)) },
      },
    },
    (request, reply) => {
      const { caller, loaded } = standingOf(request)
      return listing(feature, {
        request,
        reply,
        query: request.query,
        position: ({ arrivedAt, id }) => [arrivedAt, id] as const,
        read: (after, limit) => listOwn(context.db, personOf(caller), after, limit, loaded.facts.now),
      })
    },
  )

  app.get(
    '/v1/submissions/:submission',
    {
      config: { access: { action: 'self.read', on: 'nothing' } },
      schema: {
        tags,
        summary: 'See what became of something you submitted',
        params: SubmissionPath,
        response: { 200: Type.Ref(OwnSubmission), ...problems('not_found') },
      },
    },
    async (request) => {
      const { caller, loaded } = standingOf(request)
      const { submission: id } = request.params
      const own = isUuid(id) ? await readOwn(context.db, personOf(caller), id, loaded.facts.now) : undefined
      if (own === undefined) throw notFound()
      return own
    },
  )
}
