import { Type } from '@sinclair/typebox'
import { instantOf, openWord, uuidOf } from '../http/shapes.ts'
import { capacities, verificationLevels, verificationMethods } from '../vocabulary.ts'

export const Person = Type.Object({ id: uuidOf('The user'), name: Type.String() }, { $id: 'Person', additionalProperties: false })

/** Who acted, in what capacity and by which row, and how he was verified: on every ticket and message. */
export const Author = Type.Object(
  {
    user: Type.Ref(Person),
    capacity: openWord(capacities, 'In which role: contact of the account, developer under a grant, or staff of the provider'),
    via: uuidOf('The contact, grant or staff row that justified it'),
    onBehalfOf: Type.Object(
      { account: uuidOf('The account'), number: Type.String(), name: Type.String() },
      { additionalProperties: false },
    ),
    verification: Type.Object(
      {
        method: openWord(verificationMethods, 'How the actor was verified'),
        level: openWord(verificationLevels, 'How much that is worth'),
        at: instantOf('When'),
      },
      { additionalProperties: false },
    ),
  },
  { $id: 'Author', additionalProperties: false },
)
