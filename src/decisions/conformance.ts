/**
 * The policy of the AuthZEN working group's published scenario (openid/authzen, certification for Authorization API 1.0): its own users,
 * records and rule, and no data of ours. It is here so that anybody can run the published requests against the protocol code that the
 * service's own decision point uses; it is off unless `CONFORMANCE_PDP` says otherwise.
 */
import type { DecisionPoint, Found } from './point.ts'
import type { Action, Entity, Evaluation, Search } from './read.ts'

const users: Record<string, { role: string }> = { alice: { role: 'member' }, bob: { role: 'admin' } }
const records: Record<string, { status: string }> = { 'record-1': { status: 'active' }, 'record-2': { status: 'archived' } }
const names = ['read', 'write', 'delete']

/** What the request says of an entity goes before what is stored. */
function known<T>(type: string, stored: Record<string, T>, entity: Entity): T | undefined {
  const found = entity.type === type && Object.hasOwn(stored, entity.id) ? stored[entity.id] : undefined
  return found && { ...found, ...entity.properties }
}

function permits({ subject, action, resource }: Pick<Evaluation, 'subject' | 'action' | 'resource'>): boolean {
  const user = known('user', users, subject)
  const record = known('record', records, resource)
  if (user === undefined || record === undefined) return false
  if (action.name === 'read') return true
  if (action.name === 'write')
    return (record.status === 'active' && subject.id === 'alice') || (record.status === 'archived' && user.role === 'admin')
  return action.name === 'delete' && subject.id === 'alice' && resource.id === 'record-1' && action.properties['soft'] === true
}

/** A page's token is the place where it begins. */
function page<T>(all: readonly T[], { limit, token }: Search): Found<T> {
  const start = Number(token ?? 0) || 0
  const end = start + limit
  return { results: all.slice(start, end), next: end < all.length ? String(end) : '' }
}

const entities = (type: string, stored: object, { properties }: Entity): Entity[] =>
  Object.keys(stored).map((id) => ({ type, id, properties }))
const shown = ({ type, id }: Entity) => ({ type, id })

export const conformancePoint: DecisionPoint = {
  evaluate: async (_request, evaluations) => evaluations.map((evaluation) => ({ decision: permits(evaluation) })),
  subjects: async (_request, search) => {
    const candidates = search.subject.type === 'user' ? entities('user', users, search.subject) : []
    return page(candidates.filter((subject) => permits({ ...search, subject })).map(shown), search)
  },
  resources: async (_request, search) => {
    const candidates = search.resource.type === 'record' ? entities('record', records, search.resource) : []
    return page(candidates.filter((resource) => permits({ ...search, resource })).map(shown), search)
  },
  actions: async (_request, search) => {
    const candidates = names.map((name): Action => ({ name, properties: search.action.properties }))
    return page(
      candidates.filter((action) => permits({ ...search, action })).map(({ name }) => ({ name })),
      search,
    )
  },
}
