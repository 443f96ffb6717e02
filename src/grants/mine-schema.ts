import { type Static, Type } from '@sinclair/typebox'
import { namedPerson } from '../http/shapes.ts'
import { Grant } from './schema.ts'

/** A grant as its developer sees it: without what concerns the account alone. */
export const MyGrant = Type.Object(
  {
    ...Type.Omit(Grant, ['suspensionCauses', 'grantee', 'grantor']).properties,
    grantor: namedPerson('Who stands for it'),
  },
  { $id: 'MyGrant', additionalProperties: false },
)
export type MyGrant = Static<typeof MyGrant>
