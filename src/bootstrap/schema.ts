import { type Static, Type } from '@sinclair/typebox'
import { namedPerson } from '../http/shapes.ts'
import { AddressText, NewPassword, PersonName, Secret } from '../identity/schema.ts'

export const Bootstrap = Type.Object(
  { token: Secret, name: PersonName, address: AddressText, password: NewPassword },
  { $id: 'Bootstrap', additionalProperties: false },
)
export type Bootstrap = Static<typeof Bootstrap>

export const Bootstrapped = Type.Object(
  {
    user: namedPerson('The first admin'),
    staff: Type.Object({ role: Type.Literal('admin') }, { additionalProperties: false }),
  },
  { $id: 'Bootstrapped', additionalProperties: false },
)
export type Bootstrapped = Static<typeof Bootstrapped>
