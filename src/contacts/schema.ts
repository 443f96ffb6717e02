import { type Static, type TSchema, Type } from '@sinclair/typebox'
import { closedWord, instantOf, maybeInstantOf, namedAccount, namedDomain, namedPerson, openWord, uuidOf } from '../http/shapes.ts'
import { contactRoles, contactStatuses, grantStatuses, suspensionCauses } from '../vocabulary.ts'

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
    phone: Type.Union(
      [
        Type.Object(
          { number: Type.String(), since: instantOf('Support calls it back when it has stood for 7 days') },
          { additionalProperties: false },
        ),
        Type.Null(),
      ],
      { description: 'Where support may call back' },
    ),
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

export const SetPhone = Type.Object(
  {
    number: Type.Unsafe<string | null>({
      type: ['string', 'null'],
      pattern: '^\\+[1-9][0-9]{6,14}$',
      description: 'In the form of E.164, such as +61731234567; null takes it away',
    }),
  },
  { $id: 'SetPhone', additionalProperties: false, examples: [{ number: '+61731234567' }] },
)

export const ContactFilters = {
  role: Type.Optional(closedWord(contactRoles, 'Only in this role')),
  status: Type.Optional(closedWord(contactStatuses, 'Only in this status; absent: all that have not ended')),
}

/** How a contact is changed or removed: with what it stands for kept by the one who does it, or only to see what would fall. */
export const How = Type.Object(
  {
    validateOnly: Type.Optional(
      Type.Boolean({ description: 'True: everything but the write; the answer lists the grants that would fall with it' }),
    ),
    adopt: Type.Optional(
      Type.Array(uuidOf('A grant'), {
        maxItems: 100,
        description: 'Grants it stands for that you adopt in the same act, so that they do not fall',
      }),
    ),
  },
  { additionalProperties: false },
)
export type How = Static<typeof How>

export const Falls = Type.Object(
  {
    grants: Type.Array(
      Type.Object(
        {
          id: uuidOf('The grant'),
          status: openWord(grantStatuses, 'What would become of it'),
          suspensionCauses: Type.Array(openWord(suspensionCauses, 'Why')),
          grantee: Type.Union([namedPerson('Who acts under it'), Type.Null()]),
          granteeAddress: Type.String({ description: 'The address it was offered to; empty where it was asked for' }),
          domains: Type.Array(Type.String()),
        },
        { additionalProperties: false },
      ),
      { description: 'What would fall; nothing was written' },
    ),
  },
  { $id: 'FallingGrants', additionalProperties: false },
)
export type Falls = Static<typeof Falls>
