import { type Static, Type } from '@sinclair/typebox'
import { instantOf } from '../http/shapes.ts'

export const RefusedAttempts = Type.Object(
  {
    hour: instantOf('The beginning of the hour'),
    attempts: Type.Integer({ description: 'How many requests were refused' }),
    callers: Type.Integer({ description: 'How many different users or services sent them' }),
  },
  { $id: 'RefusedAttempts', additionalProperties: false },
)
export type RefusedAttempts = Static<typeof RefusedAttempts>
