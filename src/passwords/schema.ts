import { type Static, Type } from '@sinclair/typebox'
import { uuidOf } from '../http/shapes.ts'
import { AddressText, Code, NewPassword, Password, Secret } from '../identity/schema.ts'

const kept = (description: string) => Type.Optional(Type.Array(uuidOf('By id'), { maxItems: 100, uniqueItems: true, description }))

export const ChangePassword = Type.Object(
  {
    currentPassword: Password,
    newPassword: NewPassword,
    keepSessions: kept('Sessions that go on, beside the one of this request; all others end'),
    keepAccessTokens: kept('Personal access tokens that stay good; all others end'),
  },
  {
    $id: 'ChangePassword',
    additionalProperties: false,
    examples: [{ currentPassword: 'correct horse battery staple', newPassword: 'another horse battery staple' }],
  },
)
export type ChangePassword = Static<typeof ChangePassword>

export const AskReset = Type.Object({ address: AddressText }, { $id: 'AskPasswordReset', additionalProperties: false })

export const ResetAccepted = Type.Object(
  { status: Type.Literal('accepted'), detail: Type.String() },
  { $id: 'PasswordResetAccepted', additionalProperties: false },
)

export const CompleteReset = Type.Object(
  { token: Secret, newPassword: NewPassword, code: Type.Optional(Code) },
  { $id: 'CompletePasswordReset', additionalProperties: false },
)
export type CompleteReset = Static<typeof CompleteReset>

export const shared = [ResetAccepted]
