/**
 * The routes of a decision point (OpenID AuthZEN Authorization API 1.0). Unknown members are ignored here, as the standard says, and what
 * is missing or of the wrong type is a 400: everywhere else both are otherwise.
 */
import { Type } from '@sinclair/typebox'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Access } from '../http/access.ts'
import { problems } from '../http/contract.ts'
import type { App } from '../http/feature.ts'
import { readJson } from '../http/json.ts'
import type { DecisionPoint, Found, Result } from './point.ts'
import {
  type Evaluation,
  malformed,
  readBatch,
  readBody,
  readEvaluation,
  readSearch,
  type Search,
  type Searched,
  type Semantic,
  type Unreadable,
} from './read.ts'
import { Actions, context, Decision, Decisions, Entities, Entity, evaluation, evaluations, members, page, Sought } from './schema.ts'

type Options = {
  point: DecisionPoint
  /** What the paths begin with; empty for the service's own. */
  path: string
  /** Where the service is reached, from configuration and never from `Host`. */
  origin: string
  access: Access
  /** With null it is not in the OpenAPI document. */
  tag: string | null
  /** An example of an evaluation. */
  example: Record<string, unknown>
}

const consumes = ['application/json']
export async function decisionPoint(app: App, { point, path, origin, access, tag, example }: Options): Promise<void> {
  standardBodies(app)
  const { subject, action, resource, context: stated } = example as Record<string, Record<string, unknown>>
  const about = tag === null ? { hide: true } : { tags: [tag] }

  const post = (
    name: string,
    summary: string,
    body: object,
    shown: object,
    reply: object,
    answer: (request: FastifyRequest) => unknown,
    asked = access,
  ) =>
    app.post(
      `${path}/access/v1/${name}`,
      {
        config: { access: asked },
        validatorCompiler: () => () => true,
        schema: {
          ...about,
          consumes,
          summary,
          body: Type.Object(body as typeof evaluation, { ...members, examples: [shown] }),
          response: { 200: reply, ...problems() },
        },
      },
      answer,
    )

  const late = 'open' in access ? access : { ...access, late: 'own' as const } // the asker's facts come with those he asks about
  const one = (request: FastifyRequest) => answerOne(point, request, readEvaluation(readBody(request.body)))
  const each = (request: FastifyRequest) => answerMany(point, request)
  post('evaluation', 'Decide one question', evaluation, example, Decision, one, late)
  const many = { ...example, evaluations: [{}, { action: { name: 'ticket.read' } }] }
  post('evaluations', 'Decide many questions in one request', { ...evaluation, evaluations }, many, Decisions, each, late)
  const who = { subject: { type: subject?.['type'] }, action, resource, context: stated }
  post('search/subject', 'Who may do this here', { ...evaluation, subject: Sought, page }, who, Entities, async (request) =>
    paged(await point.subjects(request, search(request, 'subject'))),
  )
  const where = { subject, action, resource: { type: resource?.['type'] }, context: stated, page: { limit: 50 } }
  post('search/resource', 'Where somebody may do this', { ...evaluation, resource: Sought, page }, where, Entities, async (request) =>
    paged(await point.resources(request, search(request, 'resource'))),
  )
  const what = { subject, resource, context: stated }
  post('search/action', 'What somebody may do here', { subject: Entity, resource: Entity, context, page }, what, Actions, async (request) =>
    paged(await point.actions(request, search(request, 'action'))),
  )

  app.get(
    `/.well-known/authzen-configuration${path}`,
    {
      config: { access: { open: true } },
      schema: { ...about, summary: 'Where the decision point is', response: { 200: Type.Object({}, members) } },
    },
    async () => metadata(`${origin}${path}`),
  )
}

function metadata(base: string): Record<string, string> {
  return {
    policy_decision_point: base,
    access_evaluation_endpoint: `${base}/access/v1/evaluation`,
    access_evaluations_endpoint: `${base}/access/v1/evaluations`,
    search_subject_endpoint: `${base}/access/v1/search/subject`,
    search_resource_endpoint: `${base}/access/v1/search/resource`,
    search_action_endpoint: `${base}/access/v1/search/action`,
  }
}

const search = (request: FastifyRequest, searched: Searched): Search => readSearch(readBody(request.body), searched)

const paged = <T>({ results, next }: Found<T>) => ({ results, page: { next_token: next, count: results.length } })

async function answerOne(point: DecisionPoint, request: FastifyRequest, item: Evaluation | Unreadable): Promise<Result> {
  if ('fault' in item) throw malformed(item.fault)
  const [result] = await point.evaluate(request, [item])
  return result as Result
}

/** No evaluations, or an empty list, is a single one. */
async function answerMany(point: DecisionPoint, request: FastifyRequest): Promise<Result | { evaluations: Result[] }> {
  const body = readBody(request.body)
  const batch = readBatch(body)
  if (batch === undefined) return answerOne(point, request, readEvaluation(body))
  const readable = batch.items.filter((item): item is Evaluation => !('fault' in item))
  const answers = await point.evaluate(request, readable)
  const results = batch.items.map((item) => ('fault' in item ? unreadable(item) : (answers[readable.indexOf(item)] as Result)))
  return { evaluations: upTo(batch.semantic, results) }
}

const unreadable = ({ fault }: Unreadable): Result => ({ decision: false, context: { error: { status: 400, message: fault } } })

/** Stops after the first answer that settles it, in the semantics that have one. */
function upTo(semantic: Semantic, results: readonly Result[]): Result[] {
  const settled = { execute_all: undefined, deny_on_first_deny: false, permit_on_first_permit: true }[semantic]
  const end = settled === undefined ? -1 : results.findIndex(({ decision }) => decision === settled)
  return end === -1 ? [...results] : results.slice(0, end + 1)
}

/** Here a wrong content type and an empty body are 400, as the standard's tests expect, where everywhere else they are 415 and 422. */
function standardBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'string' }, async (_request: FastifyRequest, body: string) => {
    if (body.trim() === '') throw malformed('a JSON body is required')
    return readJson(body)
  })
  app.addContentTypeParser('*', { parseAs: 'string' }, async () => {
    throw malformed('the body must be application/json')
  })
}
