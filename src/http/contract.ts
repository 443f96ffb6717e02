import { Type } from '@sinclair/typebox'
import type { FastifyInstance, FastifyRequest, FastifySchema, preValidationHookHandler } from 'fastify'
import { invalid, Problem, type ProblemCode, problemCodes, problemKind } from '../problem.ts'
import { problemMediaType } from './problems.ts'

const noQuery = Type.Object({}, { additionalProperties: false })
const codesKey = Symbol('problem codes')
const declared = new WeakMap<object, FastifySchema>()

type ProblemResponse = { description: string; content: object; [codesKey]: readonly ProblemCode[] }

/**
 * The members of a route's `response` that document its own problems, one per status. They are for the OpenAPI document only:
 * problems are written past the response schemas, so nothing is compiled for them and they do not enter the type of a reply.
 */
export function problems(...codes: ProblemCode[]): Record<never, never> {
  const entries = new Map<number, ProblemCode[]>()
  for (const code of problemCodes.filter((known) => codes.includes(known))) {
    const { status } = problemKind(code)
    entries.set(status, [...(entries.get(status) ?? []), code])
  }
  return Object.fromEntries([...entries].map(([status, shared]) => [String(status), problemResponse(shared)])) as object
}

/** A route's schema as its author wrote it, with every response. */
export function declaredSchema(schema: FastifySchema): FastifySchema {
  return declared.get(schema) ?? schema
}

/** The responses of a schema that are no problems: what is left to compile, and what stands whatever else a status can mean. */
export function ownResponses(schema: FastifySchema): Record<string, unknown> {
  return Object.fromEntries(Object.entries((schema.response ?? {}) as object).filter(([, entry]) => !isProblem(entry)))
}

/** The codes that the responses of a schema document. */
export function documentedCodes(schema: FastifySchema): ProblemCode[] {
  return Object.values((schema.response ?? {}) as object).flatMap((entry) => (isProblem(entry) ? entry[codesKey] : []))
}

/**
 * Gives each route what it did not say: without a schema for the query it takes no parameters, without one for the body no body.
 * A body whose fields are all optional may be left out, but not that of a PATCH, where nothing is no instruction.
 */
export function registerContract(app: FastifyInstance): void {
  app.addHook('onRoute', (route) => {
    const schema = { ...route.schema }
    declared.set(schema, { ...schema })
    schema.querystring ??= noQuery
    if (schema.response !== undefined) schema.response = ownResponses(schema)
    route.schema = schema
    // A route that names what it consumes reads it in its own way.
    if (schema.consumes !== undefined) return
    const bodyless = [route.method].flat().some((method) => method === 'GET' || method === 'HEAD')
    const check = bodyless ? refuseContent : bodyCheck(schema.body as Body | undefined)
    route.preValidation = [check, ...[route.preValidation ?? []].flat()]
  })
}

type Body = { required?: readonly string[] }

/** Content on a GET has no meaning (RFC 9110, section 9.3.1), and two readers that disagree on its end are a way to smuggle requests. */
const refuseContent: preValidationHookHandler = ({ headers, method }, _reply, done) => {
  const { 'content-length': length = '0', 'transfer-encoding': coding } = headers
  if (length !== '0' || coding !== undefined) throw new Problem('malformed_request', { detail: `${method} takes no content` })
  done()
}

function bodyCheck(schema: Body | undefined): preValidationHookHandler {
  return (request, _reply, done) => {
    if (schema === undefined) refuseBody(request)
    else if (request.body === undefined) provideBody(request, schema)
    done()
  }
}

function refuseBody({ body }: FastifyRequest): void {
  const empty = body === undefined || (typeof body === 'object' && body !== null && Object.keys(body).length === 0)
  if (!empty) throw invalid({ pointer: '#', detail: 'this request takes no body', code: 'unknown' })
}

function provideBody(request: FastifyRequest, { required = [] }: Body): void {
  if (required.length > 0 || request.method === 'PATCH')
    throw invalid({ pointer: '#', detail: 'a JSON body is required', code: 'required' })
  request.body = {}
}

function problemResponse(codes: readonly ProblemCode[]): ProblemResponse {
  const description = codes.map((code) => `\`${code}\`: ${problemKind(code).title}.`).join(' ')
  return { description, content: { [problemMediaType]: { schema: Type.Ref('Problem') } }, [codesKey]: codes }
}

const isProblem = (entry: unknown): entry is ProblemResponse => typeof entry === 'object' && entry !== null && codesKey in entry
