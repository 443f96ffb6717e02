import { type Static, Type } from '@sinclair/typebox'
import { instantOf, maybeInstantOf, maybeOpenWord, maybeText, namedPerson, openWord, uuidOf } from '../http/shapes.ts'
import { AddressText, NewPassword, Password, PersonName, Secret } from '../identity/schema.ts'
import { staffRoles, userStatuses } from '../vocabulary.ts'

export const SignUp = Type.Object(
  { name: PersonName, address: AddressText, password: NewPassword },
  {
    $id: 'SignUp',
    additionalProperties: false,
    examples: [{ name: 'Anna Meyer', address: 'anna@shop.example', password: 'correct horse battery staple' }],
  },
)
export type SignUp = Static<typeof SignUp>

export const SignUpAccepted = Type.Object(
  { status: Type.Literal('accepted'), detail: Type.String() },
  { $id: 'SignUpAccepted', additionalProperties: false },
)

export const Proof = Type.Object(
  { token: Secret, password: Password },
  { $id: 'Proof', additionalProperties: false, description: 'The token of the mail and the password chosen at sign-up' },
)
export type Proof = Static<typeof Proof>

export const Proven = Type.Object(
  {
    user: namedPerson('Who has just come to be'),
    address: Type.String({ description: 'The address that is proven now' }),
  },
  { $id: 'Proven', additionalProperties: false },
)
export type Proven = Static<typeof Proven>

/** A user as staff see him. */
export const User = Type.Object(
  {
    id: uuidOf('The user'),
    name: Type.String(),
    status: openWord(userStatuses, 'A suspended user can do nothing at all'),
    addresses: Type.Array(
      Type.Object({ address: Type.String(), provenAt: maybeInstantOf('When it was proven to us; null: never, so it identifies nobody') }),
    ),
    staffRole: maybeOpenWord(staffRoles, 'Null for everyone who does not work for the provider'),
    suspendedAt: maybeInstantOf('Since when he is suspended'),
    suspendedReason: maybeText('Why'),
    compromisedSince: maybeInstantOf('Since when, as was said last, somebody else had him in his hands; it stays when he is restored'),
    createdAt: instantOf('When he came to be'),
    version: Type.Integer(),
  },
  { $id: 'User', additionalProperties: false },
)
export type User = Static<typeof User>

export const Suspend = Type.Object(
  {
    reason: Type.String({ minLength: 1, maxLength: 1_000, pattern: '\\S', description: 'Why; only staff see it' }),
    compromisedSince: Type.Optional(
      instantOf('Since when somebody else had this user in his hands: what he granted since then stays suspended until an owner adopts it'),
    ),
  },
  { $id: 'Suspend', additionalProperties: false },
)
export type Suspend = Static<typeof Suspend>

/** An address has one user at most, so there are no pages. */
export const UserFilter = Type.Object({ address: AddressText }, { additionalProperties: false })

export const shared = [SignUpAccepted, Proven, User]
