import { type Static, Type } from '@sinclair/typebox'
import { closedWord, instantOf, namedPerson, openWord, uuidOf } from '../http/shapes.ts'
import { AddressText } from '../identity/schema.ts'
import { staffRoles, userStatuses } from '../vocabulary.ts'

const role = closedWord(staffRoles, 'What he may do')

export const StaffMember = Type.Object(
  {
    id: uuidOf('The row that justifies what he does as staff'),
    user: namedPerson('Who has it'),
    role,
    status: openWord(userStatuses, 'Of the user'),
    givenAt: instantOf('When he got the role'),
    givenBy: Type.Union([namedPerson('Who invited him'), Type.Null()], { description: 'Null for the first admin' }),
  },
  { $id: 'StaffMember', additionalProperties: false },
)
export type StaffMember = Static<typeof StaffMember>

export const InviteStaff = Type.Object(
  { address: AddressText, role },
  { $id: 'InviteStaff', additionalProperties: false, examples: [{ address: 'sue@provider.example', role: 'support' }] },
)
export type InviteStaff = Static<typeof InviteStaff>

export const StaffInvitation = Type.Object(
  {
    status: Type.Literal('accepted'),
    invitation: Type.Object(
      { id: uuidOf('The invitation'), address: Type.String(), role, expiresAt: instantOf('Until when it can be accepted') },
      { additionalProperties: false },
    ),
  },
  { $id: 'StaffInvitation', additionalProperties: false },
)

export const shared = [StaffMember, StaffInvitation]
