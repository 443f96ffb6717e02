/**
 * What browsers and this service hand each other for a passkey, as Web Authentication, level 3, writes it in JSON. These dictionaries are
 * the standard's and grow with it, so that members which are not known here are passed over.
 */
import type { AuthenticationResponseJSON, RegistrationResponseJSON } from '@simplewebauthn/server'
import { type TProperties, Type } from '@sinclair/typebox'
import { uuidOf } from '../http/shapes.ts'

const base64url = (maxLength: number) => Type.String({ minLength: 1, maxLength, pattern: '^[A-Za-z0-9_-]+$', description: 'base64url' })

const credentialOf = <T>(description: string, response: TProperties) =>
  Type.Unsafe<T>(
    Type.Object(
      { id: base64url(1_400), rawId: base64url(1_400), type: Type.Literal('public-key'), response: Type.Object(response) },
      { description },
    ),
  )

/** What `navigator.credentials.create` gave, by `toJSON`. */
export const Registration = credentialOf<RegistrationResponseJSON>('The new credential, as its toJSON() gives it', {
  clientDataJSON: base64url(8_192),
  attestationObject: base64url(32_768),
  transports: Type.Optional(Type.Array(Type.String({ maxLength: 50 }), { maxItems: 10 })),
})

/** What `navigator.credentials.get` gave, by `toJSON`, and the challenge it answers. */
export const Assertion = Type.Object(
  {
    challengeId: uuidOf('From the options'),
    credential: credentialOf<AuthenticationResponseJSON>('The credential, as its toJSON() gives it', {
      clientDataJSON: base64url(8_192),
      authenticatorData: base64url(8_192),
      signature: base64url(8_192),
      userHandle: Type.Optional(base64url(100)),
    }),
  },
  { $id: 'PasskeyAssertion', additionalProperties: false },
)

/** What a page passes to the browser. */
export const PasskeyOptions = Type.Object(
  {
    challengeId: uuidOf('Send it along with what the browser gives'),
    publicKey: Type.Unsafe<object>({
      type: 'object',
      additionalProperties: true,
      description: 'For `PublicKeyCredential.parseCreationOptionsFromJSON` or `parseRequestOptionsFromJSON`',
    }),
  },
  { $id: 'PasskeyOptions', additionalProperties: false },
)
