import type { FastifyInstance } from 'fastify'

/** Headers of every reply: nothing here is a page, nothing here may be kept. A route may set its own in their place. */
const always = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
} as const

export type StandardHeaders = Readonly<Record<string, string>>

/** @param hsts whether clients reach the service through TLS only (RFC 6797). */
export function standardHeaders(hsts: boolean): StandardHeaders {
  return hsts ? { ...always, 'strict-transport-security': 'max-age=31536000' } : always
}

/** Puts the standard headers and the request's id on every reply before anything else can answer. */
export function registerHeaders(app: FastifyInstance, headers: StandardHeaders): void {
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(headers).header('x-request-id', request.id)
    done()
  })
}
