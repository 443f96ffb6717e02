import { type Static, Type } from '@sinclair/typebox'
import { ceilingMembers } from '../http/ceilings.ts'

const text = (description: string) => Type.Optional(Type.String({ description }))

const clientProof = {
  client_id: text('The client, by id; needed beside `client_secret`'),
  client_secret: text('client_secret_post'),
  client_assertion_type: text('`urn:ietf:params:oauth:client-assertion-type:jwt-bearer`, for private_key_jwt'),
  client_assertion: text(
    'private_key_jwt: `typ` client-authentication+jwt, `iss` = `sub` = the client, `aud` = the issuer, 60 seconds at most',
  ),
}

/** What is not named here is ignored (RFC 6749, section 3.2). */
export const TokenRequest = Type.Object(
  {
    grant_type: text('What the token is asked for with'),
    assertion: text('jwt-bearer: who has signed in at the panel, signed by it'),
    refresh_token: text('refresh_token: the one of a sign-in; it is replaced'),
    subject_token: text('token-exchange: the access token to narrow'),
    subject_token_type: text('`urn:ietf:params:oauth:token-type:access_token`'),
    requested_token_type: text('The same, if it is sent'),
    authorization_details: text('token-exchange: a JSON array of one `helpdesk_authority`'),
    ...clientProof,
  },
  { $id: 'TokenRequest', description: 'OAuth 2.0 (RFC 6749); assertions by RFC 7523, narrowing by RFC 8693 and RFC 9396' },
)

export const TokenPlea = Type.Object(
  { token: text('The token'), token_type_hint: text('Makes no difference'), ...clientProof },
  { $id: 'TokenPlea', description: 'RFC 7009, RFC 7662' },
)

export const detailType = 'helpdesk_authority'

/** The one kind of `authorization_details`. */
export const AuthorityDetail = Type.Object(
  { type: Type.Literal(detailType), ...ceilingMembers },
  { $id: 'AuthorityDetail', additionalProperties: false, description: 'What a narrowed token is good for at most; it gives nothing' },
)
export type AuthorityDetail = Static<typeof AuthorityDetail>

export const TokenAnswer = Type.Object(
  {
    access_token: Type.String(),
    token_type: Type.Literal('Bearer'),
    expires_in: Type.Integer({ description: 'The life of the token, in seconds' }),
    refresh_token: text('refresh_token: in place of the one that was used'),
    issued_token_type: text('token-exchange'),
    authorization_details: Type.Optional(Type.Array(Type.Ref(AuthorityDetail))),
  },
  { $id: 'TokenAnswer', additionalProperties: false },
)
export type TokenAnswer = Static<typeof TokenAnswer>

const claim = (description: string) => Type.Optional(Type.Unknown({ description }))

/** Of a token that is not active, or not the caller's to know, `active: false` and nothing else. */
export const Introspection = Type.Object(
  {
    active: Type.Boolean(),
    token_type: claim('Bearer'),
    iss: claim('Who issued it'),
    aud: claim('Who takes it'),
    sub: claim('The user, or the client of its own token'),
    client_id: claim('The client it was given to; `mandate` for a personal sign-in'),
    iat: claim('Since when, in seconds'),
    exp: claim('Until when, in seconds'),
    jti: claim('The token'),
    auth_time: claim('When the person signed in; 0 where it counts for nothing'),
    act: claim('The client that acts for the user'),
    authorization_details: claim('The ceiling of a narrowed token'),
  },
  { $id: 'Introspection', additionalProperties: false },
)
export type Introspection = Static<typeof Introspection>

export const OAuthRefusal = Type.Object(
  {
    error: Type.String({ description: 'For programs (RFC 6749, section 5.2)' }),
    error_description: Type.String({ description: 'For people' }),
  },
  { $id: 'OAuthRefusal', additionalProperties: false, description: 'The only refusals of this API that are no problem documents' },
)

export const shared = [AuthorityDetail, TokenAnswer, Introspection, OAuthRefusal]
