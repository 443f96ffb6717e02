import { type Static, Type } from '@sinclair/typebox'
import { instantOf, maybeInstantOf, namedPerson, openWord, uuidOf } from '../http/shapes.ts'
import { Assertion, PasskeyOptions } from '../identity/passkey-schema.ts'
import { AddressText, Code, Password } from '../identity/schema.ts'
import { sessionKinds, verificationLevels, verificationMethods } from '../vocabulary.ts'

export const SignIn = Type.Object(
  { address: AddressText, password: Password, code: Type.Optional(Code) },
  {
    $id: 'SignIn',
    additionalProperties: false,
    examples: [{ address: 'anna@shop.example', password: 'correct horse battery staple' }],
  },
)
export type SignIn = Static<typeof SignIn>

/** Either the password, with a code where there is a second factor, or a passkey. */
export const StepUp = Type.Object(
  { password: Type.Optional(Password), code: Type.Optional(Code), passkey: Type.Optional(Type.Ref(Assertion)) },
  { $id: 'StepUp', additionalProperties: false },
)
export type StepUp = Static<typeof StepUp>

/** An access token (RFC 9068), a refresh token, and the session they hang on. */
export const SignedIn = Type.Object(
  {
    accessToken: Type.String({ description: 'Send it as `Authorization: Bearer …`' }),
    tokenType: Type.Literal('Bearer'),
    expiresIn: Type.Integer({ description: 'The life of the token, in seconds' }),
    refreshToken: Type.Optional(
      Type.String({ description: 'Renews both at POST /oauth/token, once; at step-up there is none, the one you have stays good' }),
    ),
    session: Type.Object({ id: uuidOf('The session'), expiresAt: instantOf('When it ends by itself') }, { additionalProperties: false }),
    user: namedPerson('Who signed in'),
  },
  { $id: 'SignedIn', additionalProperties: false },
)
export type SignedIn = Static<typeof SignedIn>

export const Session = Type.Object(
  {
    id: uuidOf('The session'),
    kind: openWord(sessionKinds, 'Who holds it'),
    method: openWord(verificationMethods, 'How the person was verified'),
    level: openWord(verificationLevels, 'How much that is worth'),
    createdAt: instantOf('When it began'),
    authenticatedAt: instantOf('When the person last proved himself'),
    expiresAt: instantOf('When it ends by itself'),
    lastRenewedAt: maybeInstantOf('When its tokens were last renewed: about the time of its last use; null where they cannot be'),
    current: Type.Boolean({ description: 'Whether it is the session of this request' }),
  },
  { $id: 'Session', additionalProperties: false },
)
export type Session = Static<typeof Session>

export const shared = [Assertion, PasskeyOptions, SignedIn, Session]
