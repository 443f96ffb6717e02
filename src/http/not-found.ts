import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Problem } from '../problem.ts'

/**
 * A path no route has is 404; a path that only other methods have is 405 with `Allow` (RFC 9110, section 15.5.6). Answered before
 * authentication and before the body is read: what paths there are is public, in the OpenAPI document.
 */
export function registerNotFound(app: FastifyInstance): void {
  app.addHook('onRequest', (request, _reply, done) => {
    if (request.is404) throw missing(app, request)
    done()
  })
  app.setNotFoundHandler((request) => {
    throw missing(app, request)
  })
}

/** The methods this path has a route for, sorted. */
export function methodsAt(app: FastifyInstance, url: string): string[] {
  const path = url.replace(/[?#].*$/s, '')
  return app.supportedMethods.filter((method) => app.findRoute({ method: method as 'GET', url: path }) !== null).sort()
}

function missing(app: FastifyInstance, { method, url }: FastifyRequest): Problem {
  const allowed = methodsAt(app, url)
  if (allowed.length === 0 || allowed.includes(method)) return new Problem('not_found')
  const list = allowed.join(', ')
  return new Problem('method_not_allowed', { detail: `This path takes ${list}`, members: { allowed }, headers: { allow: list } })
}
