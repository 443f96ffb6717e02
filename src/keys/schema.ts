import { type Static, Type } from '@sinclair/typebox'
import { signingAlgorithms } from '../config.ts'
import { instantOf, maybeInstantOf, openWord, uuidOf } from '../http/shapes.ts'

/** A signing key as admins see it. Its public half is at `/.well-known/jwks.json`; its private half is nowhere to be read. */
export const Key = Type.Object(
  {
    id: uuidOf('The `kid` of the tokens it signed'),
    algorithm: openWord(signingAlgorithms, 'How it signs'),
    signs: Type.Boolean({ description: 'Whether new tokens are signed with it' }),
    createdAt: instantOf('When it was made'),
    removedAt: maybeInstantOf('Since when its tokens are refused; null: they are taken'),
  },
  { $id: 'SigningKey', additionalProperties: false },
)
export type Key = Static<typeof Key>
