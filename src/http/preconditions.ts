import type { FastifyReply, FastifyRequest } from 'fastify'
import { Problem } from '../problem.ts'

const tagForm = /^\s*(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"\s*$/
const versionForm = /^v(\d{1,15})$/

/** A version that no resource ever has, for an `If-Match` that no version can meet. */
const neverVersion = -1

/** The strong entity tag of a version: `"v7"`. */
export function etagOf(version: number): string {
  return `"v${version}"`
}

/**
 * The version the caller expects (`If-Match`, RFC 9110, section 13.1.1), for a compare-and-set. Undefined when any current version
 * will do: `*`, or no header where none is required. Of a list it is the highest, since versions only grow and a caller can have
 * seen none above the current one. Weak tags and tags that are not ours never match, which is a version that never exists.
 * @throws Problem `precondition_required`, or `malformed_request` for what is no list of entity tags.
 */
export function ifMatch(request: FastifyRequest, { required }: { required: boolean }): number | undefined {
  const header = request.headers['if-match']
  if (header === undefined) {
    if (!required) return undefined
    throw new Problem('precondition_required', { detail: 'Send the ETag of the version you have seen as If-Match' })
  }
  if (header.trim() === '*') return undefined
  return Math.max(neverVersion, ...tagsOf(header, 'If-Match').flatMap(({ weak, version }) => (weak ? [] : version)))
}

/** The 412 for a version that is not the current one any more. */
export function stale(currentVersion: number): Problem {
  return new Problem('precondition_failed', {
    detail: 'Read the resource again and repeat the change on its current version',
    members: { currentEtag: etagOf(currentVersion) },
  })
}

/**
 * Sets `ETag`; when the caller has this version already (`If-None-Match`, section 13.1.2, compared weakly), answers 304 and returns
 * true, and the handler returns the reply.
 */
export function notModified(request: FastifyRequest, reply: FastifyReply, version: number): boolean {
  reply.header('etag', etagOf(version))
  const header = request.headers['if-none-match']
  if (header === undefined) return false
  const has = header.trim() === '*' || tagsOf(header, 'If-None-Match').some((tag) => tag.version.includes(version))
  if (has) reply.code(304).send()
  return has
}

type Tag = { weak: boolean; version: number[] }

function tagsOf(header: string, name: string): Tag[] {
  // Our own tags hold no comma; a foreign one that does is malformed here, and would not have matched.
  return header.split(',').map((text) => {
    const [, weak, opaque] = tagForm.exec(text) ?? []
    if (opaque === undefined) throw new Problem('malformed_request', { detail: `${name} takes entity tags such as "v7", or *` })
    const version = versionForm.exec(opaque)?.[1]
    return { weak: weak !== undefined, version: version === undefined ? [] : [Number(version)] }
  })
}
