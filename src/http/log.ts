import { type FastifyReply, type FastifyRequest, LogController } from 'fastify'
import { chainOf, codeOf, isQueryError } from './database-errors.ts'

/** One line a request, when it is done. */
export class RequestLog extends LogController {
  override incomingRequest(): void {}

  override requestCompleted(error: Error | null | undefined, request: FastifyRequest, reply: FastifyReply): void {
    const line = {
      method: request.method,
      // Without the query: what people put there (an address, by mistake a token) is nobody's to read in a log.
      path: request.url.split('?', 1)[0],
      remoteAddress: request.ip,
      status: reply.statusCode,
      milliseconds: Math.round(reply.elapsedTime * 1000) / 1000,
    }
    if (error) reply.log.warn({ ...line, error: loggable(error) }, 'request cut short')
    else reply.log.info(line, 'request')
  }
}

/**
 * An error as it may be logged. A failed query shows its statement but not its parameters, and a value PostgreSQL refused (SQLSTATE
 * classes 22 and 23) is not repeated: among them are passwords' hashes, tokens and what people wrote.
 */
export function loggable(error: unknown): Record<string, unknown> {
  const [first, ...causes] = chainOf(error).map(described)
  if (first === undefined) return { thrown: typeof error }
  return causes.length === 0 ? first : { ...first, causes }
}

function described(error: Error): Record<string, unknown> {
  const code = codeOf(error)
  const { query, constraint, table } = error as { query?: unknown; constraint?: unknown; table?: unknown }
  const holdsValues = isQueryError(error) || /^2[23]/.test(code)
  return {
    name: error.name,
    ...(code !== '' && { code }),
    ...(holdsValues ? { query, constraint, table } : { message: error.message }),
    // The first line of a stack repeats the message.
    stack: (error.stack ?? '')
      .split('\n')
      .filter((line) => line.startsWith('    at '))
      .join('\n'),
  }
}
