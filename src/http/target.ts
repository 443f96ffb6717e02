import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Problem } from '../problem.ts'

/**
 * Refuses requests whose target or Host cannot be meant: too long, percent-encoding that is broken or hides a NUL (the router
 * itself refuses only broken paths, and leaves broken queries as they are), and not exactly one Host (RFC 9112, section 3.2).
 */
export function registerTargetCheck(app: FastifyInstance, urlLengthMax: number): void {
  app.addHook('onRequest', (request, _reply, done) => {
    if (request.url.length > urlLengthMax) {
      throw new Problem('uri_too_long', { detail: `The URI may have up to ${urlLengthMax} characters` })
    }
    if (request.url.includes('%') && !isDecodable(request.url)) throw brokenEncoding()
    if (hostsOf(request) !== 1 && request.raw.httpVersion === '1.1') {
      throw new Problem('malformed_request', { detail: 'The request needs exactly one Host header' })
    }
    done()
  })
}

/** The 400 for percent-encoding that is no UTF-8 text or contains a NUL. */
export function brokenEncoding(): Problem {
  return new Problem('malformed_request', { detail: 'The URI contains percent-encoding that is not UTF-8 text' })
}

function isDecodable(url: string): boolean {
  try {
    return !decodeURIComponent(url).includes('\0')
  } catch {
    return false
  }
}

function hostsOf({ raw: { rawHeaders } }: FastifyRequest): number {
  let count = 0
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string
    if (name.length === 4 && name.toLowerCase() === 'host') count++
  }
  return count
}
