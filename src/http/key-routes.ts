import { Type } from '@sinclair/typebox'
import type { App } from './feature.ts'
import type { Keys } from './keys.ts'

const KeySet = Type.Object({ keys: Type.Array(Type.Object({}, { additionalProperties: true })) })

/** The public keys that verify our access tokens (RFC 7517). */
export async function keyRoutes(app: App, { keys }: { keys: Keys }): Promise<void> {
  app.get(
    '/.well-known/jwks.json',
    {
      config: { access: { open: true } },
      schema: { tags: ['keys'], summary: 'The keys that verify access tokens', response: { 200: KeySet } },
    },
    () => keys.jwks(),
  )
}
