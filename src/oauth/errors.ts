/**
 * Refusals in OAuth's own form (RFC 6749, section 5.2). The endpoints under /oauth are the only place that does not speak
 * problem+json: every OAuth library reads `error` and nothing else.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { loggable } from '../http/log.ts'
import { toProblem } from '../http/problems.ts'
import type { Problem } from '../problem.ts'

export type OAuthErrorCode =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_grant'
  | 'unsupported_grant_type'
  | 'invalid_scope'
  | 'invalid_target'
  | 'invalid_authorization_details'
  | 'temporarily_unavailable'
  | 'server_error'

/** `description` is for the developer who reads it; it never repeats what was sent. */
export class OAuthError extends Error {
  readonly code: OAuthErrorCode
  readonly status: number
  readonly headers: Readonly<Record<string, string>>

  constructor(code: OAuthErrorCode, description: string, status = 400, headers: Record<string, string> = {}) {
    super(description)
    this.name = 'OAuthError'
    this.code = code
    this.status = status
    this.headers = headers
  }
}

/** A client that could not be told for certain (RFC 6749, section 5.2): one answer for everything that can be wrong with it. */
export function invalidClient(): OAuthError {
  const headers = { 'www-authenticate': 'Basic realm="oauth", charset="UTF-8"' }
  return new OAuthError('invalid_client', 'Client authentication failed, or is missing', 401, headers)
}

/** The error handler of the endpoints: what the server itself refuses is put into the same form. */
export function sendOAuthError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const refusal = error instanceof OAuthError ? error : translated(toProblem(error, request))
  if (refusal.status >= 500) request.log.error({ error: loggable(error), code: refusal.code }, 'request failed')
  reply.removeHeader('connection')
  reply.headers({ ...refusal.headers, 'cache-control': 'no-store', pragma: 'no-cache', 'content-type': 'application/json' })
  reply
    .code(refusal.status)
    .serializer(JSON.stringify)
    .send({ error: refusal.code, error_description: printable(refusal.message) })
}

function translated({ status, message, headers }: Problem): OAuthError {
  if (status === 429 || status === 503)
    return new OAuthError('temporarily_unavailable', message, status, { 'retry-after': '5', ...headers })
  return status >= 500 ? new OAuthError('server_error', message, status) : new OAuthError('invalid_request', message)
}

/** RFC 6749, section 5.2: what `error_description` may hold. */
const printable = (text: string): string => text.replaceAll('"', "'").replaceAll(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, '?')
