import type { FastifyInstance } from 'fastify'
import { methodsAt } from './not-found.ts'

const requestHeaders = 'Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Traceparent, X-Request-Id'
const replyHeaders =
  'Accept-Patch, Allow, ETag, Idempotency-Replayed, Link, Location, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, X-Request-Id'

/**
 * Lets pages of exactly these origins call the API (the Fetch standard's CORS protocol). Never with cookies, of which there are
 * none. Without origins nothing is registered and OPTIONS is a method like any other that no path knows.
 */
export function registerCors(app: FastifyInstance, origins: readonly string[]): void {
  if (origins.length === 0) return
  const allowed = new Set(origins)
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('vary', 'Origin')
    const { origin } = request.headers
    if (origin === undefined || !allowed.has(origin)) return done()
    reply.headers({ 'access-control-allow-origin': origin, 'access-control-expose-headers': replyHeaders })
    if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined) return done()
    const methods = methodsAt(app, request.url)
    if (methods.length === 0) return done()
    reply.headers({
      'access-control-allow-methods': methods.join(', '),
      'access-control-allow-headers': requestHeaders,
      'access-control-max-age': '600',
    })
    reply.code(204).send()
  })
}
