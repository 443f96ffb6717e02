import { type Static, Type } from '@sinclair/typebox'
import { instantOf, maybeInstantOf, uuidOf } from '../http/shapes.ts'
import { AddressText, Secret } from '../identity/schema.ts'

export const MyAddress = Type.Object(
  {
    id: uuidOf('The address'),
    address: Type.String(),
    createdAt: instantOf('Since when it is yours, or somebody says so'),
    provenAt: maybeInstantOf('When you proved it; null: never, so it is for notices only and identifies nobody'),
  },
  { $id: 'MyAddress', additionalProperties: false },
)
export type MyAddress = Static<typeof MyAddress>

export const AddAddress = Type.Object({ address: AddressText }, { $id: 'AddAddress', additionalProperties: false })

export const AdditionAccepted = Type.Object(
  { status: Type.Literal('accepted'), detail: Type.String() },
  { $id: 'AddressAdditionAccepted', additionalProperties: false },
)

export const ProveAddress = Type.Object({ token: Secret }, { $id: 'ProveAddress', additionalProperties: false })

export const shared = [MyAddress, AdditionAccepted]
