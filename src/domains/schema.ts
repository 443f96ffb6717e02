import { type Static, Type } from '@sinclair/typebox'
import { instantOf, maybeInstantOf, namedAccount, uuidOf } from '../http/shapes.ts'

export const Domain = Type.Object(
  {
    id: uuidOf('The domain as this account holds it; another account that gets the name gets another id'),
    account: namedAccount('Who holds it'),
    name: Type.String({ description: 'Lower-case A-labels, the form in which names are compared', examples: ['xn--bcher-kva.example'] }),
    unicode: Type.String({ description: 'As people read it; for display only', examples: ['bücher.example'] }),
    createdAt: instantOf('When it was put in'),
    releasedAt: maybeInstantOf('When the account gave it up; null while it holds it'),
    version: Type.Integer(),
  },
  { $id: 'Domain', additionalProperties: false },
)
export type Domain = Static<typeof Domain>

export const CreateDomain = Type.Object(
  { name: Type.String({ minLength: 1, maxLength: 1_024, description: 'The name, in A-label or Unicode form' }) },
  { $id: 'CreateDomain', additionalProperties: false, examples: [{ name: 'example.com' }] },
)
export type CreateDomain = Static<typeof CreateDomain>

export const DomainFilters = {
  released: Type.Optional(Type.Boolean({ description: 'Staff only: `true` for those it held before, instead of those it holds' })),
}
