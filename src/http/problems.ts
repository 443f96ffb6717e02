import { type Static, Type } from '@sinclair/typebox'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Problem, type ProblemCode, problemKind } from '../problem.ts'
import { unsupportedMediaType } from './body.ts'
import { databaseProblem } from './database-errors.ts'
import { loggable } from './log.ts'
import { occurrenceOf } from './request-id.ts'
import { brokenEncoding } from './target.ts'
import { invalidRequest, type RequestPart } from './validation-errors.ts'

export const problemMediaType = 'application/problem+json'

/** A problem as it is written (RFC 9457); what a program may read beside these is told by each operation. */
export const problemSchema = Type.Object(
  {
    type: Type.String({ description: 'Where this kind of problem is explained: a URI reference.', examples: ['/problems/not-found'] }),
    title: Type.String({ description: 'The kind of problem in words, the same each time.' }),
    status: Type.Integer({ description: 'The HTTP status.' }),
    detail: Type.Optional(Type.String({ description: 'What helps to mend this occurrence. Not to be parsed.' })),
    instance: Type.String({ description: 'This occurrence, to be named when asking for help.' }),
    code: Type.String({ description: 'The kind of problem for programs. New ones may be added.', examples: ['not_found'] }),
    errors: Type.Optional(
      Type.Array(
        Type.Object({
          pointer: Type.Optional(Type.String({ description: 'The field in the body: a JSON pointer as a URI fragment.' })),
          parameter: Type.Optional(Type.String({ description: 'The parameter, when it is not in the body.' })),
          in: Type.Optional(Type.String({ description: 'Where the parameter is: query, path or header.' })),
          detail: Type.String(),
          code: Type.String(),
        }),
      ),
    ),
  },
  { $id: 'Problem', additionalProperties: true, description: 'A problem (RFC 9457).' },
)
export type ProblemBody = Static<typeof problemSchema> & Record<string, unknown>

/** The body of a problem's reply. Members can add to the standard ones, never replace them. */
export function problemBody(problem: Problem, instance: string): ProblemBody {
  const { status, title, slug } = problemKind(problem.code)
  const detail = problem.detail === undefined ? {} : { detail: problem.detail }
  const standard = { type: `/problems/${slug}`, title, status, ...detail, instance, code: problem.code }
  return { ...standard, ...problem.members, ...standard }
}

/** Makes `sendProblem` the answer to every error that a hook, a schema or a handler raises. */
export function registerProblems(app: FastifyInstance): void {
  app.decorateRequest('prove', null)
  app.setErrorHandler((error, request, reply) => {
    // Fastify closes the connection after a body it refused, and the reset that follows can swallow the answer. What is left of
    // the body is discarded instead, within the request timeout.
    reply.removeHeader('connection')
    const { prove } = request
    if (prove === null) return sendProblem(error, request, reply)
    request.prove = null
    prove().then(
      () => sendProblem(error, request, reply),
      (refused: unknown) => sendProblem(refused, request, reply),
    )
  })
}

/** Answers any error as a problem, past the route's response schema, and logs what the caller is not told. */
export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const problem = toProblem(error, request)
  const instance = occurrenceOf(request.id)
  if (problem.status >= 500 || problem.cause !== undefined) {
    request.log[problem.code === 'internal' ? 'error' : 'warn']({ error: loggable(error), code: problem.code, instance }, 'request failed')
  }
  for (const name of ['etag', 'link', 'location', 'last-modified']) reply.removeHeader(name)
  reply.headers({ ...problem.headers, 'cache-control': 'no-store', 'content-type': problemMediaType })
  // RFC 9110, sections 11.6.1 and 10.2.3: what a 401 must and a 503 should tell.
  if (problem.status === 401 && !reply.hasHeader('www-authenticate')) reply.header('www-authenticate', 'Bearer')
  if (problem.status === 503 && !reply.hasHeader('retry-after')) reply.header('retry-after', '5')
  reply.code(problem.status).serializer(JSON.stringify).send(problemBody(problem, instance))
}

/** The problem that an error of any kind is for the caller. */
export function toProblem(error: unknown, request: Pick<FastifyRequest, 'method' | 'routeOptions'>): Problem {
  if (error instanceof Problem) return error
  const { code = '', validation, validationContext, statusCode = 500 } = error as Partial<FastifyError>
  if (validation !== undefined) return invalidRequest(validation as never, validationContext as RequestPart)
  // The token library gives some of these no status or another one, and its words teach forgers.
  if (/^F(?:AST|ST)_JWT_/.test(code)) return new Problem('unauthenticated')
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return unsupportedMediaType(request.method)
  if (code === 'FST_ERR_BAD_URL') return brokenEncoding()
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return tooLarge(request.routeOptions.bodyLimit)
  const known = statusCode < 500 ? (codesByStatus[statusCode] ?? 'malformed_request') : undefined
  return known === undefined ? (databaseProblem(error) ?? new Problem('internal', { cause: error })) : new Problem(known)
}

function tooLarge(bodyLimit: number): Problem {
  return new Problem('content_too_large', { detail: `The body may have up to ${bodyLimit} bytes` })
}

/** Errors of the framework keep their status and lose their words; what is not here is a request that cannot be read. */
const codesByStatus: Readonly<Record<number, ProblemCode>> = {
  401: 'unauthenticated',
  404: 'not_found',
  408: 'request_timeout',
  413: 'content_too_large',
  414: 'uri_too_long',
  415: 'unsupported_media_type',
}
