import { Type } from '@sinclair/typebox'
import type { App, Feature } from '../http/feature.ts'
import { assertionAlgorithms } from './assertion.ts'
import { grantTypes } from './grants.ts'
import { detailType } from './schema.ts'

const Metadata = Type.Object({ issuer: Type.String() }, { additionalProperties: true, description: 'RFC 8414' })

const clientProofs = ['private_key_jwt', 'client_secret_basic', 'client_secret_post']

/** Where to find what, and what is understood there. The addresses are the configured ones, whatever host was asked. */
export async function oauthMetadataRoutes(app: App, { context }: Feature): Promise<void> {
  const issuer = context.config.publicUrl
  const document = {
    issuer,
    token_endpoint: `${issuer}/oauth/token`,
    revocation_endpoint: `${issuer}/oauth/revoke`,
    introspection_endpoint: `${issuer}/oauth/introspect`,
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    service_documentation: `${issuer}/docs`,
    response_types_supported: [],
    grant_types_supported: grantTypes,
    token_endpoint_auth_methods_supported: [...clientProofs, 'none'],
    token_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
    revocation_endpoint_auth_methods_supported: [...clientProofs, 'none'],
    revocation_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
    introspection_endpoint_auth_methods_supported: clientProofs,
    introspection_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
    authorization_details_types_supported: [detailType],
  }
  app.get(
    '/.well-known/oauth-authorization-server',
    {
      config: { access: { open: true } },
      schema: { tags: ['oauth'], summary: 'What the OAuth endpoints understand, and where they are', response: { 200: Metadata } },
    },
    async () => document,
  )
}
