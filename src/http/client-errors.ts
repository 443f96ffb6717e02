import type { IncomingMessage, ServerResponse } from 'node:http'
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import { newId } from '../id.ts'
import { Problem } from '../problem.ts'
import type { StandardHeaders } from './headers.ts'
import { problemBody, problemMediaType } from './problems.ts'
import { occurrenceOf } from './request-id.ts'

type Surroundings = { headers: StandardHeaders; now: () => number }

/**
 * Answers what is not HTTP, or not in time, with a problem like any other and closes the connection: Node refuses these before there
 * is a request, so nothing else of the server sees them.
 */
export function clientErrorHandler(surroundings: Surroundings) {
  return function refuse(this: { log: FastifyBaseLogger }, error: Error & { code?: string }, socket: Socket): void {
    this.log.debug({ code: error.code }, 'refused a connection')
    // A reply that has begun cannot be begun again, and one to a connection that is gone reaches nobody.
    const reply = (socket as { _httpMessage?: ServerResponse | null })._httpMessage
    if (!socket.writable || reply?.headersSent) socket.destroy()
    else writeProblem(socket, problemOf(error.code), surroundings)
  }
}

/** CONNECT, which Node hands over as a bare connection, and expectations other than 100-continue, which it would answer in its own way. */
export function registerRawAnswers(app: FastifyInstance, surroundings: Surroundings): void {
  app.server.on('connect', (_request: IncomingMessage, socket: Duplex) => {
    writeProblem(socket as Socket, new Problem('method_not_allowed', { headers: { allow: '' } }), surroundings)
  })
  // RFC 9110, section 10.1.1: an expectation that is not known may be ignored.
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response))
}

function problemOf(code: string | undefined): Problem {
  if (code === 'HPE_HEADER_OVERFLOW') return new Problem('header_fields_too_large')
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new Problem('request_timeout')
  return new Problem('malformed_request', { detail: 'This is not HTTP/1.1' })
}

function writeProblem(socket: Socket, problem: Problem, { headers, now }: Surroundings): void {
  const requestId = newId()
  const body = JSON.stringify(problemBody(problem, occurrenceOf(requestId)))
  const lines = Object.entries({
    ...headers,
    ...problem.headers,
    'content-type': problemMediaType,
    'content-length': Buffer.byteLength(body),
    'x-request-id': requestId,
    date: new Date(now()).toUTCString(),
    connection: 'close',
  }).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.write(`HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\n${lines.join('')}\r\n${body}`)
  socket.destroySoon()
}
