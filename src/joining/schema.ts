import { type Static, Type } from '@sinclair/typebox'
import { namedPerson } from '../http/shapes.ts'

export const Join = Type.Object(
  {
    accessToken: Type.String({
      minLength: 1,
      maxLength: 8_192,
      description: 'Of a fresh sign-in as the other user, who is joined to you and can sign in no more',
    }),
  },
  { $id: 'Join', additionalProperties: false },
)
export type Join = Static<typeof Join>

export const Joined = Type.Object(
  {
    user: namedPerson('Who is left: you'),
    joined: namedPerson('Who was joined to you'),
    contacts: Type.Integer({ description: 'How many contacts are yours now' }),
    endedContacts: Type.Integer({ description: 'How many have ended, because both of you were contacts of one account in one role' }),
    grants: Type.Integer({ description: 'How many permissions given to the other are yours now' }),
  },
  { $id: 'Joined', additionalProperties: false },
)
export type Joined = Static<typeof Joined>
