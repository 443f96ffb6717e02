/**
 * Reading the requests of the AuthZEN Authorization API 1.0. Unknown members are ignored, as the standard says; what is missing or of
 * the wrong type is a 400, never coerced.
 */
import { Problem } from '../problem.ts'

/** `properties` are what the request says of it: no fact, and so of no weight but in the published scenario. */
export type Entity = { type: string; id: string; properties: Members }
export type Action = { name: string; properties: Members }
export type Evaluation = { subject: Entity; action: Action; resource: Entity; context: Members }
export type Semantic = 'execute_all' | 'deny_on_first_deny' | 'permit_on_first_permit'

/** An item of a batch that cannot be evaluated, with what is wrong. */
export type Unreadable = { fault: string }

/** What a search looks for; the id of that entity, or the name of that action, is empty and means nothing. */
export type Search = Evaluation & { limit: number; token: string | undefined; binding: string }
export type Searched = 'subject' | 'resource' | 'action'

type Members = Record<string, unknown>

export function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The body of any of the endpoints. @throws Problem `malformed_request` */
export function readBody(body: unknown): Members {
  if (!isObject(body)) throw malformed('the body must be a JSON object')
  return body
}

export function malformed(detail: string): Problem {
  return new Problem('malformed_request', { detail })
}

/** One evaluation, or what is wrong with it. */
export function readEvaluation(members: Members): Evaluation | Unreadable {
  const { subject, action, resource, context = {} } = members
  const fault = entityFault('subject', subject) ?? actionFault(action) ?? entityFault('resource', resource)
  if (fault !== undefined) return { fault }
  if (!isObject(context)) return { fault: 'context must be an object' }
  return { subject: entityOf(subject), action: actionOf(action), resource: entityOf(resource), context }
}

function entityOf(entity: unknown): Entity {
  const { type, id = '', properties } = entity as Entity
  return { type, id, properties: isObject(properties) ? properties : {} }
}

function actionOf(action: unknown): Action {
  const { name, properties } = action as Action
  return { name, properties: isObject(properties) ? properties : {} }
}

const pageMax = 1_000
const pageDefault = 100

/**
 * A search: like an evaluation, but for what it looks for, of which only the type counts. The binding ties a page's token to everything
 * else that was asked. @throws Problem `malformed_request`
 */
export function readSearch(body: Members, searched: Searched): Search {
  const { page = {}, ...rest } = body
  if (!isObject(page)) throw malformed('page must be an object')
  const { limit = pageDefault, token } = page
  const known = searched === 'action' ? { ...rest, action: { name: 'any' } } : { ...rest, [searched]: anyOf(rest[searched]) }
  const evaluation = readEvaluation(known)
  if ('fault' in evaluation) throw malformed(evaluation.fault)
  if (!Number.isInteger(limit) || (limit as number) < 1) throw malformed('page.limit must be a whole number from 1 on')
  if (token !== undefined && typeof token !== 'string') throw malformed('page.token must be a string')
  const binding = JSON.stringify([searched, rest])
  return { ...evaluation, limit: Math.min(limit as number, pageMax), token: token === '' ? undefined : token, binding }
}

const anyOf = (entity: unknown): unknown => (isObject(entity) ? { ...entity, id: 'any' } : entity)

function entityFault(name: string, entity: unknown): string | undefined {
  if (!isObject(entity)) return `${name} must be an object with type and id`
  const absent = ['type', 'id'].find((member) => !isText(entity[member]))
  return absent && `${name}.${absent} must be a string`
}

function actionFault(action: unknown): string | undefined {
  return isObject(action) && isText(action['name']) ? undefined : 'action must be an object with a name, which is a string'
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '' && value.length <= 1_024

const semantics: readonly Semantic[] = ['execute_all', 'deny_on_first_deny', 'permit_on_first_permit']
const itemsMax = 1_000

/**
 * The items of a batch with the request's own members as defaults: an item's key replaces the whole default entity. No items, or an
 * empty list, is a single evaluation, for which this returns undefined.
 */
export function readBatch(body: Members): { items: (Evaluation | Unreadable)[]; semantic: Semantic } | undefined {
  const { evaluations, options = {}, ...defaults } = body
  if (evaluations === undefined) return undefined
  if (!Array.isArray(evaluations) || !isObject(options)) throw malformed('evaluations must be a list, and options an object')
  if (evaluations.length === 0) return undefined
  if (evaluations.length > itemsMax) throw malformed(`at most ${itemsMax} evaluations fit in one request`)
  const semantic = (options['evaluations_semantic'] ?? 'execute_all') as Semantic
  if (!semantics.includes(semantic)) throw malformed(`options.evaluations_semantic must be one of ${semantics.join(', ')}`)
  const items = evaluations.map((item: unknown) =>
    isObject(item) ? readEvaluation({ ...defaults, ...item }) : { fault: 'an evaluation must be an object' },
  )
  return { items, semantic }
}
