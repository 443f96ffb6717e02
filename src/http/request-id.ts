import type { IncomingMessage } from 'node:http'
import type { FastifyBaseLogger } from 'fastify'
import { newId } from '../id.ts'

const givenForm = /^[A-Za-z0-9._~-]{1,128}$/
const uuidForm = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
const traceForm = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(?=$|-)/

/** The caller's `X-Request-Id` when it is 1 to 128 plain characters, else a new UUIDv7. */
export function requestIdOf(request: IncomingMessage): string {
  const given = request.headers['x-request-id']
  return typeof given === 'string' && givenForm.test(given) ? given : newId()
}

/** A URN for one occurrence of a problem (RFC 9457, section 3.1.5): the request id where that is a UUID, else a fresh one. */
export function occurrenceOf(requestId: string): string {
  return `urn:uuid:${uuidForm.test(requestId) ? requestId.toLowerCase() : newId()}`
}

export type Trace = { traceId: string; parentSpanId: string }

/** The caller's trace (W3C Trace Context, section 3.2), or undefined when there is none or it is not valid. */
export function traceOf(traceparent: string | string[] | undefined): Trace | undefined {
  const [form, traceId, parentSpanId] = traceForm.exec(String(traceparent)) ?? []
  // Version 00 ends after the flags; later versions may go on.
  if (traceId === undefined || parentSpanId === undefined) return undefined
  return form?.startsWith('00') && form.length !== String(traceparent).length ? undefined : { traceId, parentSpanId }
}

/** A request's logger: every line carries the request id, and the trace when the caller brought one. */
export function childLogger(
  logger: FastifyBaseLogger,
  bindings: Record<string, unknown>,
  options: object,
  request: IncomingMessage,
): FastifyBaseLogger {
  return logger.child({ ...bindings, ...traceOf(request.headers['traceparent']) }, options)
}
