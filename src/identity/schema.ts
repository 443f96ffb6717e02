/** What people say about themselves, on the wire. */
import { Type } from '@sinclair/typebox'
import { normaliseAddress } from '../address.ts'
import { lineOf } from '../http/shapes.ts'
import { invalid } from '../problem.ts'

export const PersonName = lineOf(200, 'a name on one line')

export const AddressText = Type.String({
  minLength: 1,
  maxLength: 320,
  description: 'One mail address, without a name',
  examples: ['anna@shop.example'],
})

export const NewPassword = Type.String({
  minLength: 1,
  maxLength: 4_096,
  description: 'A new password: 12 to 1024 characters, not the address',
  examples: ['correct horse battery staple'],
})

export const Password = Type.String({ minLength: 1, maxLength: 4_096, description: 'The password' })

export const Secret = Type.String({ minLength: 1, maxLength: 128, description: 'The token as it was handed over' })

/** The form addresses are compared by. @throws Problem 422 about the field, or the query parameter, the text stands in. */
export function addressOf(text: string, place: { pointer: string } | { parameter: string; in: 'query' }): string {
  const normal = normaliseAddress(text)
  if ('error' in normal) throw invalid({ ...place, detail: normal.error, code: 'format' })
  return normal.address
}

export const Code = Type.String({
  minLength: 1,
  maxLength: 64,
  description: 'Six digits of an authenticator app, or one of your recovery codes',
  examples: ['123456', 'x7kq-0m2v-9fhw-3c8n'],
})
