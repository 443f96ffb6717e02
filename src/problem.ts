/**
 * Every problem the API can answer, declared once (RFC 9457). Domain code throws `Problem`; `http/problems.ts` writes it on the wire.
 */
const kinds = {
  malformed_request: [400, 'The request cannot be read'],
  unsupported_cursor: [400, 'The cursor is not valid here'],
  idempotency_key_missing: [400, 'This request needs an Idempotency-Key'],
  unauthenticated: [401, 'Authentication is required'],
  second_factor_required: [401, 'A second factor is required'],
  step_up_required: [401, 'A fresh sign-in is required'],
  not_authorised: [403, 'Not authorised'],
  not_found: [404, 'Not found'],
  method_not_allowed: [405, 'Method not allowed'],
  not_acceptable: [406, 'Not acceptable'],
  request_timeout: [408, 'The request took too long to arrive'],
  conflict: [409, 'Conflict with the current state'],
  invalid_transition: [409, 'This change of state is not allowed'],
  idempotency_in_progress: [409, 'A request with this Idempotency-Key is still running'],
  gone: [410, 'Gone'],
  precondition_failed: [412, 'The resource has changed'],
  content_too_large: [413, 'The content is too large'],
  uri_too_long: [414, 'The URI is too long'],
  unsupported_media_type: [415, 'Unsupported media type'],
  validation_error: [422, 'The request is not valid'],
  details_missing: [422, 'Details are missing'],
  idempotency_key_reused: [422, 'This Idempotency-Key was used for another request'],
  precondition_required: [428, 'A precondition is required'],
  quota_exceeded: [429, 'Too many requests'],
  header_fields_too_large: [431, 'The header fields are too large'],
  internal: [500, 'Internal error'],
  unavailable: [503, 'Temporarily unavailable'],
  timeout: [503, 'The request took too long'],
  insufficient_storage: [507, 'Insufficient storage'],
} as const satisfies Record<string, readonly [number, string]>

export type ProblemCode = keyof typeof kinds
export const problemCodes = Object.keys(kinds) as ProblemCode[]

/** One thing that is wrong with a request: in the body (`pointer`, RFC 6901 as a URI fragment) or elsewhere (`parameter` and `in`). */
export type FieldError = { detail: string; code: string } & ({ pointer: string } | { parameter: string; in: 'query' | 'path' | 'header' })

/** HTTP status, constant title and URL slug of a problem code. */
export function problemKind(code: ProblemCode): { status: number; title: string; slug: string } {
  const [status, title] = kinds[code]
  return { status, title, slug: code.replaceAll('_', '-') }
}

/**
 * A refusal or failure that the caller is told about. `detail` helps to mend and is never parsed; `members` are the extension
 * members a program may read; `headers` go out with the reply. Never put a secret or another caller's data into any of them.
 */
export class Problem extends Error {
  readonly code: ProblemCode
  readonly detail: string | undefined
  readonly members: Readonly<Record<string, unknown>>
  readonly headers: Readonly<Record<string, string>>

  constructor(
    code: ProblemCode,
    options: { detail?: string; members?: Record<string, unknown>; headers?: Record<string, string>; cause?: unknown } = {},
  ) {
    super(options.detail ?? problemKind(code).title, { cause: options.cause })
    this.name = 'Problem'
    this.code = code
    this.detail = options.detail
    this.members = options.members ?? {}
    this.headers = options.headers ?? {}
  }

  get status(): number {
    return problemKind(this.code).status
  }
}

/** A 422 about named fields. */
export function invalid(...errors: FieldError[]): Problem {
  const count = errors.length
  return new Problem('validation_error', {
    detail: count === 1 ? '1 field needs attention' : `${count} fields need attention`,
    members: { errors },
  })
}
