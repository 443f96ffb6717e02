import { type Static, Type } from '@sinclair/typebox'
import { instantOf, namedDomain, namedPerson, uuidOf } from '../http/shapes.ts'

/** Of the submitter only what the account has seen him call himself. */
export const Mute = Type.Object(
  {
    id: uuidOf('The mute'),
    submitter: namedPerson('Whom the account does not hear; the name is what he calls himself'),
    domain: Type.Union([namedDomain('The domain'), Type.Null()], {
      description: 'The one domain about which he is not heard; null: whatever he submits for the account',
    }),
    mutedBy: Type.Object({ contact: uuidOf('The contact'), user: namedPerson('Who that is') }, { additionalProperties: false }),
    mutedAt: instantOf('Since when'),
  },
  { $id: 'Mute', additionalProperties: false },
)
export type Mute = Static<typeof Mute>
