import { type Static, Type } from '@sinclair/typebox'
import { instantOf, lineOf, maybeText, namedAccount, namedPerson, openWord, uuidOf } from '../http/shapes.ts'
import { NewPassword, Secret } from '../identity/schema.ts'
import { contactRoles, delegableActions, reaches, staffRoles } from '../vocabulary.ts'

export const ShowInvitation = Type.Object({ token: Secret }, { $id: 'ShowInvitation', additionalProperties: false })

export const AcceptInvitation = Type.Object(
  {
    token: Secret,
    name: Type.Optional(lineOf(200, 'a name on one line')),
    password: Type.Optional(NewPassword),
  },
  {
    $id: 'AcceptInvitation',
    additionalProperties: false,
    description: 'With an access token only `token` counts. Without one, name and password make a new user with the invited address.',
  },
)
export type AcceptInvitation = Static<typeof AcceptInvitation>

const kinds = ['contact', 'grant', 'staff'] as const
const kind = openWord(kinds, 'What is offered: the member of this name says more, the others are null')
const maybe = <T extends ReturnType<typeof Type.Object>>(schema: T) => Type.Union([schema, Type.Null()])
const account = Type.Union([namedAccount('For which account'), Type.Null()], { description: 'Null for staff' })

const OfferedContact = Type.Object(
  {
    role: openWord(contactRoles, 'What a contact in this role may do is in the documentation'),
    domains: Type.Unsafe<string[] | null>({
      type: ['array', 'null'],
      items: { type: 'string' },
      description: 'The domains it is limited to; null for no limit',
    }),
  },
  { additionalProperties: false },
)

const OfferedGrant = Type.Object(
  {
    domains: Type.Array(Type.String()),
    actions: Type.Array(openWord(delegableActions, 'What may be done')),
    topics: Type.Unsafe<string[] | null>({
      type: ['array', 'null'],
      items: { type: 'string' },
      description: 'Null: every topic that is not confidential',
    }),
    reach: openWord(reaches, '`own`: the tickets opened under it; `domain`: also others of its domains opened after it began'),
    maxUses: Type.Unsafe<number | null>({
      type: ['integer', 'null'],
      description: 'How many tickets may be opened under it; null: any number',
    }),
    purpose: maybeText('What for'),
    notBefore: instantOf('When it begins, or when it is accepted if that is later'),
    expiresAt: instantOf('When it ends'),
  },
  { additionalProperties: false },
)

const OfferedRole = Type.Object({ role: openWord(staffRoles, 'The role at the support desk') }, { additionalProperties: false })

export const DeclineInvitation = Type.Object({ token: Secret }, { $id: 'DeclineInvitation', additionalProperties: false })

/** What an invitation offers, before it is accepted. */
export const Invitation = Type.Object(
  {
    kind,
    address: Type.String({ description: 'The invited address; only who has proven it, or proves it so, can accept' }),
    name: maybeText('How the one who invites calls you'),
    invitedBy: maybeText('Who invites; null where no person did'),
    expiresAt: instantOf('Until when it can be accepted'),
    next: openWord(['sign_up', 'sign_in'] as const, '`sign_in`: the address belongs to a user, who accepts with his access token'),
    account,
    contact: maybe(OfferedContact),
    grant: maybe(OfferedGrant),
    staff: maybe(OfferedRole),
  },
  { $id: 'Invitation', additionalProperties: false },
)
export type Invitation = Static<typeof Invitation>

/** What came of it. */
export const AcceptedInvitation = Type.Object(
  {
    kind,
    user: namedPerson('Who has accepted'),
    account,
    contact: maybe(
      Type.Object(
        {
          id: uuidOf('The contact'),
          role: openWord(contactRoles, 'The role'),
          confirmed: Type.Boolean({ description: 'False: powers over others come with the yes of an owner' }),
        },
        { additionalProperties: false },
      ),
    ),
    grant: maybe(
      Type.Object(
        { id: uuidOf('The grant'), notBefore: instantOf('When it begins'), expiresAt: instantOf('When it ends') },
        { additionalProperties: false },
      ),
    ),
    staff: maybe(OfferedRole),
  },
  { $id: 'AcceptedInvitation', additionalProperties: false },
)
export type AcceptedInvitation = Static<typeof AcceptedInvitation>

export const shared = [Invitation, AcceptedInvitation]
