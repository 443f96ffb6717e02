/**
 * A place in a request body as a JSON pointer in its URI fragment form (RFC 6901, section 6): `#/details/occurredAt`. Segments that
 * are not well-formed Unicode have the offending part replaced, so that a pointer can always be written.
 */
export function pointerTo(segments: readonly (string | number)[]): string {
  return `#${segments.map((segment) => `/${encodeURIComponent(escaped(String(segment)))}`).join('')}`
}

/** A name from the request as it may stand in a sentence: quoted, and cut when it is long. */
export function quoted(name: string): string {
  return JSON.stringify(name.length > 64 ? `${name.slice(0, 64)}…` : name)
}

const escaped = (segment: string): string => segment.toWellFormed().replaceAll('~', '~0').replaceAll('/', '~1')
