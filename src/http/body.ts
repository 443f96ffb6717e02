import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Problem } from '../problem.ts'
import { readJson } from './json.ts'

const json = 'application/json'
const mergePatch = 'application/merge-patch+json'
const charsetForm = /;\s*charset\s*=\s*"?([^";\s]*)/i

/**
 * Reads JSON bodies: `application/json`, and `application/merge-patch+json` (RFC 7396) for PATCH and for nothing else. A body of no
 * bytes counts as none. A byte order mark is skipped, as RFC 8259, section 8.1, allows.
 */
export function registerBodyParsers(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser([json, mergePatch], { parseAs: 'buffer' }, (request, body, done) => {
    done(null, readBody(request, body as Buffer))
  })
}

/** The 415 for a body in another form than the method takes; it names the form that is taken (RFC 5789, section 3.1). */
export function unsupportedMediaType(method: string, detail?: string): Problem {
  const accepted = acceptedBy(method)
  return new Problem('unsupported_media_type', {
    detail: detail ?? `${method} takes ${accepted}`,
    headers: { [method === 'PATCH' ? 'accept-patch' : 'accept']: accepted },
  })
}

const acceptedBy = (method: string): string => (method === 'PATCH' ? mergePatch : json)

function readBody(request: FastifyRequest, body: Buffer): unknown {
  const { method, mediaType } = request
  if (mediaType !== acceptedBy(method)) throw unsupportedMediaType(method)
  refuseEncodings(request)
  return body.length === 0 ? undefined : readJson(decodeText(body))
}

/** Refuses a body in another character set than UTF-8, or compressed. @throws Problem `unsupported_media_type` */
export function refuseEncodings({ method, headers }: FastifyRequest): void {
  const charset = charsetForm.exec(String(headers['content-type']))?.[1]
  if (charset !== undefined && charset.toLowerCase() !== 'utf-8') throw unsupportedMediaType(method, 'Only utf-8 is understood')
  const coding = headers['content-encoding']
  if (coding !== undefined && coding !== 'identity') throw unsupportedMediaType(method, 'Only an uncompressed body is understood')
}

/** The text of a body. @throws Problem `malformed_request` when it is not UTF-8 */
export function decodeText(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch {
    throw new Problem('malformed_request', { detail: 'The body is not valid UTF-8' })
  }
}
