import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, type FastifyServerOptions } from 'fastify'
import { registerAcceptCheck } from './accept.ts'
import { registerBodyParsers } from './body.ts'
import { clientErrorHandler, registerRawAnswers } from './client-errors.ts'
import { registerContract } from './contract.ts'
import { registerCors } from './cors.ts'
import { registerHeaders, standardHeaders } from './headers.ts'
import { RequestLog } from './log.ts'
import { registerNotFound } from './not-found.ts'
import { problemSchema, registerProblems, sendProblem } from './problems.ts'
import { childLogger, requestIdOf } from './request-id.ts'
import { buildSerializer } from './serialization.ts'
import { registerTargetCheck } from './target.ts'
import { validatorBuilder } from './validation.ts'

export type ServerOptions = {
  /** Options for a logger, or a logger that is there already; false for none. */
  logger: Exclude<FastifyServerOptions['logger'], undefined> | FastifyBaseLogger
  /** Proxies (addresses or networks) whose `X-Forwarded-*` headers are believed. */
  trustProxy: readonly string[]
  /** Web origins that may call from a browser. */
  corsOrigins: readonly string[]
  /** Whether to tell browsers to use TLS only. */
  hsts: boolean
  /** Milliseconds since the epoch. */
  now: () => number
  /** The largest body in bytes; 64 KiB when not given. */
  bodyLimit?: number
  /** The longest URI in characters; 8,000 when not given (RFC 9110, section 4.1). */
  urlLengthMax?: number
  /** Milliseconds a client may take for its headers and for a whole request, and how often that is checked. */
  headersTimeout?: number
  requestTimeout?: number
  checkInterval?: number
}

export type Server = ReturnType<typeof createServer>

/**
 * The HTTP server without a route: limits, strict reading, and a problem (RFC 9457) for everything that goes wrong. Hooks that are
 * added to it run in the order they are added, after the checks of the request's form and before its body is read; unknown paths
 * are answered before them.
 */
export function createServer(options: ServerOptions) {
  const headers = standardHeaders(options.hsts)
  const app = Fastify({
    ...limits(options),
    ...loggerOptions(options.logger),
    logController: new RequestLog({ requestIdLogLabel: 'requestId' }),
    childLoggerFactory: (logger, bindings, loggerOptions, request) => childLogger(logger, bindings, loggerOptions, request),
    genReqId: requestIdOf,
    trustProxy: options.trustProxy.length > 0 ? [...options.trustProxy] : false,
    schemaController: { compilersFactory: { buildValidator: validatorBuilder() as never, buildSerializer } },
    frameworkErrors: (error, request, reply) => {
      reply.headers({ ...headers, 'x-request-id': request.id })
      sendProblem(error, request as never, reply as never)
    },
    clientErrorHandler: clientErrorHandler({ headers, now: options.now }),
  }).withTypeProvider<TypeBoxTypeProvider>()
  app.addSchema(problemSchema)
  registerRawAnswers(app, { headers, now: options.now })
  registerProblems(app)
  registerBodyParsers(app)
  registerContract(app)
  registerHeaders(app, headers)
  registerCors(app, options.corsOrigins)
  registerTargetCheck(app, options.urlLengthMax ?? 8_000)
  registerNotFound(app)
  registerAcceptCheck(app)
  closeConnections(app)
  return app
}

function limits(options: ServerOptions) {
  return {
    bodyLimit: options.bodyLimit ?? 65_536,
    requestTimeout: options.requestTimeout ?? 10_000,
    keepAliveTimeout: 5_000,
    routerOptions: { maxParamLength: 1_024 },
    http: {
      headersTimeout: options.headersTimeout ?? 5_000,
      connectionsCheckingInterval: options.checkInterval ?? 1_000,
      maxHeaderSize: 16_384,
      // Node's own answer to a missing Host is no problem document; `target.ts` asks for it.
      requireHostHeader: false,
    },
    forceCloseConnections: 'idle' as const,
    // What arrives while closing is served: the database closes after the server.
    return503OnClosing: false,
  }
}

function loggerOptions(logger: ServerOptions['logger']) {
  return typeof logger === 'object' && 'child' in logger ? { loggerInstance: logger as FastifyBaseLogger } : { logger }
}

/** Without `Connection: close` a client keeps its connection, and the closing server waits for it. */
function closeConnections(app: FastifyInstance): void {
  let closing = false
  app.addHook('preClose', (done) => {
    closing = true
    done()
  })
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (closing) reply.header('connection', 'close')
    done()
  })
}
