import type { ErrorObject } from 'ajv'
import { type FieldError, invalid, type Problem } from '../problem.ts'
import { pointerTo } from './pointer.ts'
import { sentences } from './validation-sentences.ts'

const errorsMax = 20
/** ajv reports every item of a long list, and what is reported costs a hostile caller nothing. */
const consideredMax = 200
const places = { querystring: 'query', params: 'path', headers: 'header' } as const

/** Which part of the request a schema was about, in Fastify's words. */
export type RequestPart = 'body' | keyof typeof places

/** The 422 for what ajv found in one part of a request: one entry per field, at most 20, in sentences that help to mend. */
export function invalidRequest(found: readonly ErrorObject[], part: RequestPart): Problem {
  const unique = new Map<string, FieldError>()
  for (const error of readable(found.slice(0, consideredMax))) {
    const entry = toFieldError(error, part)
    const key = JSON.stringify(entry)
    if (unique.size < errorsMax) unique.set(key, entry)
  }
  return invalid(...unique.values())
}

function toFieldError(error: ErrorObject, part: RequestPart): FieldError {
  const path = [...segmentsOf(error.instancePath), ...ownSegment(error)]
  const code = error.keyword === 'additionalProperties' ? 'unknown' : snake(error.keyword)
  const detail = sentences[error.keyword]?.(error.params, error.parentSchema as Record<string, unknown>) ?? 'is not valid'
  if (part === 'body') return { pointer: pointerTo(path), detail, code }
  return { parameter: String(path[0] ?? ''), in: places[part], detail, code }
}

/** Keywords that blame an object for one of its members name the member. */
function ownSegment({ keyword, params }: ErrorObject): string[] {
  if (keyword === 'required') return [params['missingProperty']]
  if (keyword === 'additionalProperties') return [params['additionalProperty']]
  return keyword === 'discriminator' ? [params['tag']] : []
}

/** An alternative that fails brings the errors of every branch; what a person needs is one sentence, or the errors of the branch he meant. */
function readable(found: readonly ErrorObject[]): ErrorObject[] {
  let errors = found.filter(({ keyword }) => keyword !== 'if')
  for (const union of errors.filter(isUnion)) {
    const branches = errors.filter((error) => error !== union && error.schemaPath.startsWith(`${union.schemaPath}/`))
    const kept = reduced(union, branches)
    errors = errors.flatMap((error) => (error === union ? kept : branches.includes(error) ? [] : [error]))
  }
  return errors
}

function reduced(union: ErrorObject, branches: readonly ErrorObject[]): ErrorObject[] {
  const meant = branches.filter((error) => error.instancePath !== union.instancePath || !isAboutTheWhole(error))
  if (meant.length > 0 && meant.length <= 5) return meant
  if (meant.length > 0) return [union]
  const literals = branches.filter(({ keyword }) => keyword === 'const' || keyword === 'enum')
  const values = literals.flatMap(({ params }) => params['allowedValues'] ?? [params['allowedValue']])
  // A literal brings its own type along, which says nothing more.
  const types = branches
    .filter((error) => error.keyword === 'type' && !literals.some((literal) => homeOf(literal) === homeOf(error)))
    .flatMap(({ params }) => params['type'])
  const onlyNull = types.every((type) => type === 'null')
  if (values.length > 0 && onlyNull)
    return [{ ...union, keyword: 'enum', params: { allowedValues: [...values, ...types.map(() => null)] } }]
  if (values.length === 0 && types.length > 0) return [{ ...union, keyword: 'type', params: { type: types } }]
  return [union]
}

/** Where in the schema the keyword that failed stands. */
const homeOf = ({ schemaPath }: ErrorObject): string => schemaPath.slice(0, schemaPath.lastIndexOf('/'))
const isUnion = ({ keyword }: ErrorObject): boolean => keyword === 'anyOf' || keyword === 'oneOf'
const wholeKeywords = new Set(['type', 'const', 'enum', 'anyOf', 'oneOf'])
const isAboutTheWhole = ({ keyword }: ErrorObject): boolean => wholeKeywords.has(keyword)
const segmentsOf = (instancePath: string): string[] =>
  instancePath
    .split('/')
    .slice(1)
    .map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'))
const snake = (keyword: string): string => keyword.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
