import { Type } from '@sinclair/typebox'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { problems } from '../http/contract.ts'
import { type App, type Feature, standingOf } from '../http/feature.ts'
import { readJson } from '../http/json.ts'
import { issuerOf } from '../http/keys.ts'
import { evaluate, type Result } from './evaluate.ts'
import { type Evaluation, malformed, readBatch, readBody, readEvaluation, type Semantic, type Unreadable } from './read.ts'

const tags = ['decisions']
const consumes = ['application/json']
const access = { action: 'self.read', on: 'nothing' } as const

const Entity = Type.Object({ type: Type.String(), id: Type.String() }, { additionalProperties: true })
const Decision = Type.Object(
  { decision: Type.Boolean(), context: Type.Optional(Type.Object({}, { additionalProperties: true })) },
  { $id: 'Decision', additionalProperties: false },
)
const EvaluationBody = {
  subject: Entity,
  action: Type.Object({ name: Type.String() }, { additionalProperties: true }),
  resource: Entity,
  context: Type.Optional(Type.Object({}, { additionalProperties: true })),
}
const described = (members: object, example: object) =>
  Type.Object(members as typeof EvaluationBody, { additionalProperties: true, examples: [example] })
const example = {
  subject: { type: 'user', id: '0192f3c1-6f0e-7c52-9f0a-0c6f2b0f1a11' },
  action: { name: 'ticket.create' },
  resource: { type: 'domain', id: 'example.com' },
  context: { account: 'C-10001', topic: 'website' },
}

/** The decision point (OpenID AuthZEN Authorization API 1.0): the same rule the routes ask, for those who draw buttons. */
export async function decisionRoutes(app: App, { context }: Feature): Promise<void> {
  app.addSchema(Decision)
  standardBodies(app)

  app.post(
    '/access/v1/evaluation',
    {
      config: { access },
      validatorCompiler: () => () => true,
      schema: {
        tags,
        consumes,
        summary: 'Decide one question',
        body: described(EvaluationBody, example),
        response: { 200: Type.Ref(Decision), ...problems() },
      },
    },
    async (request) => single(await answers(request, [readEvaluation(readBody(request.body))])),
  )

  app.post(
    '/access/v1/evaluations',
    {
      config: { access },
      validatorCompiler: () => () => true,
      schema: {
        tags,
        consumes,
        summary: 'Decide many questions in one request',
        body: described(
          { ...EvaluationBody, evaluations: Type.Optional(Type.Array(Type.Object({}, { additionalProperties: true }))) },
          example,
        ),
        response: { 200: Type.Union([Type.Object({ evaluations: Type.Array(Type.Ref(Decision)) }), Type.Ref(Decision)]), ...problems() },
      },
    },
    async (request) => {
      const body = readBody(request.body)
      const batch = readBatch(body)
      if (batch === undefined) return single(await answers(request, [readEvaluation(body)]))
      return { evaluations: upTo(batch.semantic, await answers(request, batch.items)) }
    },
  )

  app.get(
    '/.well-known/authzen-configuration',
    {
      config: { access: { open: true } },
      schema: { tags, summary: 'Where the decision point is', response: { 200: Type.Object({}, { additionalProperties: true }) } },
    },
    async () => {
      const base = issuerOf(context.config)
      return {
        policy_decision_point: base,
        access_evaluation_endpoint: `${base}/access/v1/evaluation`,
        access_evaluations_endpoint: `${base}/access/v1/evaluations`,
      }
    },
  )

  async function answers(request: FastifyRequest, items: readonly (Evaluation | Unreadable)[]): Promise<(Result | Unreadable)[]> {
    const { caller } = standingOf(request)
    const readable = items.filter((item): item is Evaluation => !('fault' in item))
    const results = await evaluate(context, caller, readable)
    return items.map((item) => ('fault' in item ? item : (results[readable.indexOf(item)] as Result)))
  }
}

function single([result]: readonly (Result | Unreadable)[]): Result {
  if (result === undefined || 'fault' in result) throw malformed(result?.fault ?? 'nothing was asked')
  return result
}

/** Stops after the first answer that settles it, in the semantics that have one. */
function upTo(semantic: Semantic, results: readonly (Result | Unreadable)[]): Result[] {
  const settled = { execute_all: undefined, deny_on_first_deny: false, permit_on_first_permit: true }[semantic]
  const answered = results.map((result) =>
    'fault' in result ? { decision: false, context: { error: { status: 400, message: result.fault } } } : result,
  )
  const end = settled === undefined ? -1 : answered.findIndex(({ decision }) => decision === settled)
  return end === -1 ? answered : answered.slice(0, end + 1)
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
