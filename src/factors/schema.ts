import { type Static, Type } from '@sinclair/typebox'
import { instantOf, lineOf, maybeInstantOf, maybeText, openWord, uuidOf } from '../http/shapes.ts'
import { PasskeyOptions, Registration } from '../identity/passkey-schema.ts'
import { Code } from '../identity/schema.ts'
import { factorKinds } from '../vocabulary.ts'

const name = Type.Optional(lineOf(100, 'what you call it, on one line'))

export const Factor = Type.Object(
  {
    id: uuidOf('The factor'),
    kind: openWord(factorKinds, 'What it is'),
    name: Type.String(),
    createdAt: instantOf('When it was prepared'),
    confirmedAt: maybeInstantOf('Since when it counts; null: until its first code was right it does not'),
    lastUsedAt: maybeInstantOf('When it was last used'),
  },
  { $id: 'SecondFactor', additionalProperties: false },
)
export type Factor = Static<typeof Factor>

export const NewTotp = Type.Object({ name }, { $id: 'NewTotp', additionalProperties: false })
export type NewTotp = Static<typeof NewTotp>

const detail = Type.String({ description: 'What to do with it, in words' })
const once = 'Shown this once; null in a repetition'

export const PreparedTotp = Type.Object(
  {
    factor: Type.Ref(Factor),
    secret: maybeText(`The key in base32, for an app without a camera. ${once}`),
    uri: maybeText(`The otpauth URI, for a QR code. ${once}`),
    detail,
  },
  { $id: 'PreparedTotp', additionalProperties: false },
)
export type PreparedTotp = Static<typeof PreparedTotp>

export const Confirmation = Type.Object({ code: Code }, { $id: 'FactorConfirmation', additionalProperties: false })

const recoveryCodes = Type.Unsafe<string[] | null>({
  type: ['array', 'null'],
  items: { type: 'string' },
  description: `Ten codes for the day the factors are lost, each good once. ${once}, and when there are such codes already`,
})

export const AddedFactor = Type.Object(
  { factor: Type.Ref(Factor), recoveryCodes, detail },
  { $id: 'AddedFactor', additionalProperties: false },
)
export type AddedFactor = Static<typeof AddedFactor>

export const RecoveryCodes = Type.Object({ recoveryCodes, detail }, { $id: 'RecoveryCodes', additionalProperties: false })

export const NewPasskey = Type.Object(
  { name, challengeId: uuidOf('From the options'), credential: Registration },
  { $id: 'NewPasskey', additionalProperties: false },
)
export type NewPasskey = Static<typeof NewPasskey>

export const shared = [PasskeyOptions, Factor, PreparedTotp, AddedFactor, RecoveryCodes]
