import { type Static, Type } from '@sinclair/typebox'
import { closedWord, instantOf, lineOf, maybeInstantOf, openWord, uuidOf } from '../http/shapes.ts'
import { clientScopes, clientStatuses } from '../vocabulary.ts'

const member = (description: string) => Type.Optional(Type.String({ maxLength: 1_400, description }))

/** A public key as RFC 7517 writes it. What it may not hold is refused by name (`keys.ts`). */
const PublicKey = Type.Object(
  {
    kty: Type.String({ maxLength: 10, description: 'OKP, EC or RSA' }),
    crv: member('Ed25519 or P-256'),
    x: member('OKP and EC'),
    y: member('EC'),
    n: member('RSA, from 2048 bits'),
    e: member('RSA'),
    alg: member('EdDSA, ES256 or RS256, as the key says anyway'),
    use: member('sig'),
    kid: Type.Optional(
      Type.String({ minLength: 1, maxLength: 128, description: 'How assertions name it; its thumbprint (RFC 7638) unless given' }),
    ),
  },
  { $id: 'PublicKey', additionalProperties: true },
)
export type PublicKey = Static<typeof PublicKey>

const name = lineOf(200, 'A name on one line, of its own')
const scopes = Type.Array(closedWord(clientScopes, 'What it may be used for; its users may do no more than this through it'), {
  minItems: 1,
  maxItems: clientScopes.length,
  uniqueItems: true,
})
const mayStepUp = Type.Boolean({ description: 'Whether a sign-in that it says is fresh counts as fresh' })
const keys = Type.Array(PublicKey, { maxItems: 10, description: 'The `keys` of a JWK set: public ones only' })
const keysUrl = Type.String({
  maxLength: 2_048,
  description: 'Where it publishes its keys as a JWK set; one of the addresses the operator has allowed (`CLIENT_KEY_URLS`)',
})

export const Client = Type.Object(
  {
    id: uuidOf('The client: its `client_id`'),
    name: Type.String(),
    realm: Type.String({ description: 'The issuer of its assertions; it speaks for users of this realm only' }),
    status: openWord(clientStatuses, 'A disabled one is good for nothing, and stays so'),
    scopes: Type.Array(openWord(clientScopes, 'What it may be used for')),
    mayStepUp,
    keys: Type.Array(PublicKey),
    keysUrl: Type.Union([keysUrl, Type.Null()], { description: 'Where it publishes further keys' }),
    hasSecret: Type.Boolean(),
    formerSecretEndsAt: maybeInstantOf('Until when the secret before the present one serves'),
    createdAt: instantOf('When it was registered'),
    disabledAt: maybeInstantOf('When it was disabled'),
    version: Type.Integer(),
  },
  { $id: 'Client', additionalProperties: false },
)
export type Client = Static<typeof Client>

export const CreateClient = Type.Object(
  {
    name,
    realm: Type.String({
      pattern: '^[\\x21-\\x7e]{1,255}$',
      description: 'A name without blanks, usually a URL of the panel; several clients may share one. It never changes',
      examples: ['https://panel.example'],
    }),
    scopes,
    mayStepUp: Type.Optional(mayStepUp),
    keys: Type.Optional(keys),
    keysUrl: Type.Optional(keysUrl),
    secret: Type.Optional(Type.Literal(true, { description: 'To be given a secret, for a client that cannot sign' })),
  },
  { $id: 'CreateClient', additionalProperties: false },
)
export type CreateClient = Static<typeof CreateClient>

export const UpdateClient = Type.Object(
  {
    name: Type.Optional(name),
    scopes: Type.Optional(scopes),
    mayStepUp: Type.Optional(mayStepUp),
    keys: Type.Optional(keys),
    keysUrl: Type.Optional(Type.Union([keysUrl, Type.Null()])),
  },
  { $id: 'UpdateClient', additionalProperties: false, minProperties: 1 },
)
export type UpdateClient = Static<typeof UpdateClient>

/** A client with the secret that was just made for it; null where there is none, and where the answer is repeated. */
export const ClientWithSecret = Type.Object(
  {
    client: Type.Ref(Client),
    secret: Type.Union([Type.String(), Type.Null()], { description: 'Shown this once' }),
    note: Type.Optional(Type.String({ description: 'Why it is not shown' })),
  },
  { $id: 'ClientWithSecret', additionalProperties: false },
)
export type ClientWithSecret = Static<typeof ClientWithSecret>

export const shared = [PublicKey, Client, ClientWithSecret]
