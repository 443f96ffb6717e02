import { type Static, Type } from '@sinclair/typebox'
import { ceilingActions, ceilingMembers } from '../http/ceilings.ts'
import { instantOf, lineOf, openWord, uuidOf } from '../http/shapes.ts'

export const MakeAccessToken = Type.Object(
  { name: lineOf(200, 'What it is for'), ...ceilingMembers, expiresAt: instantOf('When it ends: within a year') },
  {
    $id: 'MakeAccessToken',
    additionalProperties: false,
    examples: [
      {
        name: 'Monitoring',
        account: 'C-10293',
        domains: ['example.com'],
        actions: ['ticket.create', 'ticket.read'],
        expiresAt: '2027-06-30T00:00:00Z',
      },
    ],
  },
)
export type MakeAccessToken = Static<typeof MakeAccessToken>

/** A personal access token; never with its secret. What it is for is told by id, as it was stated: whether it is anything now is asked at every use. */
export const AccessToken = Type.Object(
  {
    id: uuidOf('The token'),
    name: Type.String(),
    account: uuidOf('The one account it is for'),
    domains: Type.Array(uuidOf('A domain it is for'), { description: 'None: all, and what is about no domain' }),
    actions: Type.Array(openWord(ceilingActions, 'What may be done with it, as far as you may do it yourself')),
    grant: Type.Unsafe<string | null>({ type: ['string', 'null'], format: 'uuid', description: 'Only what this grant justifies' }),
    createdAt: instantOf('When it was made'),
    expiresAt: instantOf('When it ends by itself'),
    lastUsedOn: Type.Unsafe<string | null>({ type: ['string', 'null'], format: 'date', description: 'The last day of its use, in UTC' }),
  },
  { $id: 'AccessToken', additionalProperties: false },
)
export type AccessToken = Static<typeof AccessToken>

export const AccessTokenWithSecret = Type.Object(
  {
    accessToken: Type.Ref(AccessToken),
    secret: Type.Union([Type.String(), Type.Null()], {
      description: 'Send it as `Authorization: Bearer …`. Shown this once; null where the answer is repeated',
    }),
    note: Type.Optional(Type.String({ description: 'Why it is not shown' })),
  },
  { $id: 'AccessTokenWithSecret', additionalProperties: false },
)

export const shared = [AccessToken, AccessTokenWithSecret]
