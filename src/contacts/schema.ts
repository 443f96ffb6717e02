import { type Static, type TSchema, Type } from '@sinclair/typebox'
import { closedWord, instantOf, maybeInstantOf, namedAccount, namedDomain, namedPerson, openWord, uuidOf } from '../http/shapes.ts'
import { contactRoles, contactStatuses } from '../vocabulary.ts'

/** What a contact is limited to: a list, or the word for no limit at all. */
const allOr = <T extends TSchema>(list: T, description: string) => Type.Union([Type.Literal('all'), list], { description })

export const Contact = Type.Object(
  {
    id: uuidOf('The contact'),
    account: namedAccount('The account it may speak for'),
    user: Type.Union([namedPerson('Who accepted'), Type.Null()], { description: 'Null while the invitation is open' }),
    role: openWord(contactRoles, 'What it may do'),
    domains: allOr(
      Type.Array(namedDomain('One of its domains')),
      '`all`, or the domains its authority is limited to; of a list that is empty nothing is left',
    ),
    status: openWord(contactStatuses, 'An `invited` one counts nowhere until it accepts'),
    address: Type.String({ description: 'The address it was invited at' }),
    confirmed: Type.Boolean({
      description: 'One that staff added, or gave more, holds no power over grants, contacts and submissions before an owner has said yes',
    }),
    createdAt: instantOf('When it was invited'),
    acceptedAt: maybeInstantOf('When it accepted'),
    endedAt: maybeInstantOf('When it was removed'),
    version: Type.Integer(),
  },
  { $id: 'Contact', additionalProperties: false },
)
export type Contact = Static<typeof Contact>

const limit = allOr(
  Type.Array(Type.String({ minLength: 1, maxLength: 1_024 }), { minItems: 1, maxItems: 100 }),
  '`all`, or domains of the account by name or id; an owner is never limited',
)
export type StatedLimit = Static<typeof limit>

export const InviteContact = Type.Object(
  {
    address: Type.String({ minLength: 3, maxLength: 254, description: 'Where the invitation goes; only who has proven it can accept' }),
    role: closedWord(contactRoles, 'What it may do'),
    domains: Type.Optional(limit),
  },
  {
    $id: 'InviteContact',
    additionalProperties: false,
    examples: [{ address: 'tom@example.com', role: 'technical', domains: ['example.com'] }],
  },
)
export type InviteContact = Static<typeof InviteContact>

export const UpdateContact = Type.Object(
  { role: Type.Optional(closedWord(contactRoles, 'What it may do from now on')), domains: Type.Optional(limit) },
  { $id: 'UpdateContact', additionalProperties: false, minProperties: 1 },
)
export type UpdateContact = Static<typeof UpdateContact>

export const ContactFilters = {
  role: Type.Optional(closedWord(contactRoles, 'Only in this role')),
  status: Type.Optional(closedWord(contactStatuses, 'Only in this status; absent: all that have not ended')),
}
