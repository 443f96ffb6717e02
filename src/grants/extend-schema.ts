import { type Static, Type } from '@sinclair/typebox'
import { closedWord, instantOf } from '../http/shapes.ts'
import { reaches } from '../vocabulary.ts'
import { actions, domains, maxUses, topicsOf } from './schema.ts'

/** Other terms for the same developer; what is absent stays as it is, but for the end. */
export const ExtendGrant = Type.Object(
  {
    domains: Type.Optional(domains),
    actions: Type.Optional(actions),
    topics: Type.Optional(Type.Union([topicsOf('Only these'), Type.Null()], { description: 'Null: all that are not confidential' })),
    reach: Type.Optional(closedWord(reaches, 'Whose tickets')),
    maxUses: Type.Optional(Type.Union([maxUses, Type.Null()], { description: 'Null: any number' })),
    purpose: Type.Optional(Type.String({ minLength: 1, maxLength: 500 })),
    expiresAt: Type.Optional(instantOf('When it ends; absent: after the configured number of days')),
  },
  { $id: 'ExtendGrant', additionalProperties: false, examples: [{ expiresAt: '2027-03-31T00:00:00Z' }] },
)
export type ExtendGrant = Static<typeof ExtendGrant>
