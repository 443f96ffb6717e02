import { Type } from '@sinclair/typebox'
import type { AccountFact } from '../authority/facts.ts'
import { problems } from '../http/contract.ts'
import { type App, type Feature, listing, standingOf } from '../http/feature.ts'
import { answering } from '../http/idempotency.ts'
import { pageOf, pageQuery } from '../http/paging.ts'
import { notModified } from '../http/preconditions.ts'
import { ApproveSubmission, DecidedSubmission, ReleaseSubmission } from './act-schema.ts'
import { approve } from './approve.ts'
import { namedIn } from './decide.ts'
import { decline, mute } from './decline.ts'
import { release } from './release.ts'
import { Submission, SubmissionFilters } from './schema.ts'
import { listSubmissions, readSubmission } from './store.ts'

const tags = ['submissions']
const AccountPath = Type.Object({ account: Type.String({ description: 'The account, by id or number' }) })
const SubmissionPath = Type.Object({ ...AccountPath.properties, submission: Type.String({ description: 'The submission, by id' }) })
const keyProblems = ['idempotency_key_reused', 'idempotency_in_progress'] as const
const yesProblems = problems(
  'not_authorised',
  'not_found',
  'step_up_required',
  'precondition_required',
  'precondition_failed',
  'conflict',
  'unavailable',
  ...keyProblems,
)
const path = '/v1/accounts/:account/submissions'
const decides = { action: 'submission.decide', staffAction: 'staff.submission.decide' } as const

/** The account's side: who asks, what he says, and the answer. */
export async function consentRoutes(app: App, feature: Feature): Promise<void> {
  const { context } = feature
  app.addSchema(Submission)
  app.addSchema(DecidedSubmission)

  app.get(
    path,
    {
      config: { access: { ...decides, on: 'account', list: true } },
      schema: {
        tags,
        summary: 'List what waits for a decision of the account, newest first',
        params: AccountPath,
        querystring: pageQuery(SubmissionFilters),
        response: { 200: pageOf(Type.Ref(Submission)), ...problems('not_authorised', 'not_found') },
      },
    },
    (request, reply) => {
      const { loaded, clauses } = standingOf(request)
      const { id: accountId } = loaded.account as AccountFact
      const wanted = { accountId, status: request.query.status ?? ('waiting' as const), clauses, now: loaded.facts.now }
      return listing(feature, {
        request,
        reply,
        query: request.query,
        position: ({ arrivedAt, id }) => [arrivedAt, id] as const,
        read: (after, limit) => listSubmissions(context.db, wanted, after, limit),
      })
    },
  )

  app.get(
    `${path}/:submission`,
    {
      config: { access: { ...decides, on: 'submission' } },
      schema: {
        tags,
        summary: 'Read something that was submitted: who asks first, then his words',
        params: SubmissionPath,
        response: { 200: Type.Ref(Submission), ...problems('not_found') },
      },
    },
    async (request, reply) => {
      const standing = standingOf(request)
      const { accountId, submission } = namedIn(standing)
      const shown = await readSubmission(context.db, accountId, submission.id, standing.loaded.facts.now)
      return notModified(request, reply, shown.version) ? reply : shown
    },
  )

  app.post(
    `${path}/:submission/approve`,
    {
      config: { access: { action: 'submission.decide', on: 'submission', stepUp: true, ifMatch: true } },
      schema: {
        tags,
        summary: 'Agree to this ticket, or to more: it becomes a ticket with the time at which it arrived',
        params: SubmissionPath,
        body: ApproveSubmission,
        response: {
          200: Type.Ref(DecidedSubmission),
          ...yesProblems,
        },
      },
    },
    (request, reply) => answering(context, request, reply, () => approve(context, standingOf(request), request.body)),
  )

  app.post(
    `${path}/:submission/release`,
    {
      config: {
        access: {
          action: 'staff.submission.decide',
          staffAction: 'staff.submission.decide',
          on: 'submission',
          stepUp: true,
          ifMatch: true,
        },
      },
      schema: {
        tags,
        summary: 'Staff: let it through after a telephone call with a contact who may decide; the owners are told',
        params: SubmissionPath,
        body: ReleaseSubmission,
        response: {
          200: Type.Ref(DecidedSubmission),
          ...yesProblems,
        },
      },
    },
    (request, reply) => answering(context, request, reply, () => release(context, standingOf(request), request.body)),
  )

  const noes = {
    decline: [decline, 'Say no; the submitter sees nothing of it before the fourteenth day, and repeating it is harmless'],
    mute: [mute, 'Say no and hear nothing of this submitter any more; repeating it is harmless'],
  } as const
  for (const [verb, [act, summary]] of Object.entries(noes)) {
    app.post(
      `${path}/:submission/${verb}`,
      {
        config: { access: { action: 'submission.decide', on: 'submission' } },
        schema: {
          tags,
          summary,
          params: SubmissionPath,
          response: { 200: Type.Ref(DecidedSubmission), ...problems('not_authorised', 'not_found', 'conflict', ...keyProblems) },
        },
      },
      (request, reply) => answering(context, request, reply, () => act(context, standingOf(request))),
    )
  }
}
