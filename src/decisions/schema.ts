/** The bodies of the AuthZEN Authorization API 1.0, for the OpenAPI document; `read.ts` reads them. */
import { Type } from '@sinclair/typebox'

export const members = { additionalProperties: true }

export const Entity = Type.Object({ type: Type.String(), id: Type.String() }, members)
export const Sought = Type.Object({ type: Type.String() }, members)
export const Named = Type.Object({ name: Type.String() }, members)
export const context = Type.Optional(Type.Object({}, members))
export const page = Type.Optional(
  Type.Object({ limit: Type.Optional(Type.Integer({ minimum: 1 })), token: Type.Optional(Type.String()) }, members),
)
export const evaluation = { subject: Entity, action: Named, resource: Entity, context }
export const evaluations = Type.Optional(Type.Array(Type.Object({}, members)))

export const Decision = Type.Object({ decision: Type.Boolean(), context }, { additionalProperties: false })
/** One object, and no union of two: of that the whole answer would be validated once more to find out which it is. */
export const Decisions = Type.Object(
  { evaluations: Type.Optional(Type.Array(Decision)), decision: Type.Optional(Type.Boolean()), context },
  { additionalProperties: false, description: 'The evaluations in the order asked; where none were asked for, one decision' },
)
export const pageFound = Type.Object({ next_token: Type.String({ description: 'Empty on the last page' }), count: Type.Integer() })
export const Entities = Type.Object({
  results: Type.Array(Type.Object({ type: Type.String(), id: Type.String(), properties: context })),
  page: pageFound,
})
export const Actions = Type.Object({ results: Type.Array(Type.Object({ name: Type.String() })), page: pageFound })
