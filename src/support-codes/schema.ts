import { type Static, Type } from '@sinclair/typebox'
import { instantOf, namedAccount, namedDomain, namedPerson, openWord, uuidOf } from '../http/shapes.ts'
import { capacities } from '../vocabulary.ts'

export const CreateSupportCode = Type.Object(
  {
    domain: Type.Optional(Type.String({ minLength: 1, maxLength: 255, description: 'Only for this domain of the account, by name or id' })),
  },
  { $id: 'CreateSupportCode', additionalProperties: false, examples: [{ domain: 'example.com' }] },
)
export type CreateSupportCode = Static<typeof CreateSupportCode>

const maybeDomain = (description: string) => Type.Union([namedDomain(description), Type.Null()], { description })

export const SupportCode = Type.Object(
  {
    id: uuidOf('The code'),
    code: Type.Union([Type.String({ description: 'Eight digits to tell on the telephone' }), Type.Null()], {
      description: 'Shown once; null when the answer is repeated: make another',
    }),
    account: namedAccount('The account it is for'),
    domain: maybeDomain('The domain it is for; null: whatever you may'),
    expiresAt: instantOf('Until when it can be told'),
  },
  { $id: 'SupportCode', additionalProperties: false },
)

export const VerifySupportCode = Type.Object(
  {
    account: Type.String({ minLength: 1, maxLength: 64, description: 'The number of the account' }),
    code: Type.String({ pattern: '^[0-9]{4} ?[0-9]{4}$', description: 'What the caller says' }),
  },
  { $id: 'VerifySupportCode', additionalProperties: false, examples: [{ account: 'C-10001', code: '1234 5678' }] },
)
export type VerifySupportCode = Static<typeof VerifySupportCode>

export const VerifiedSupportCode = Type.Object(
  {
    id: uuidOf('The code: name it as supportCode when you open his ticket'),
    person: namedPerson('Who is on the telephone'),
    account: namedAccount('The account he made it for'),
    capacity: openWord(capacities, 'In which role he made it'),
    via: uuidOf('The contact or grant by which he made it'),
    domain: maybeDomain('The domain it is for; null: whatever he may'),
    serves: instantOf('Until when it serves you, and nobody else'),
  },
  { $id: 'VerifiedSupportCode', additionalProperties: false },
)
export type VerifiedSupportCode = Static<typeof VerifiedSupportCode>
