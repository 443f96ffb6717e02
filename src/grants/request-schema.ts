import { type Static, Type } from '@sinclair/typebox'
import { instantOf, maybeInstantOf, maybeText, maybeUuidOf, namedPerson, openWord, uuidOf } from '../http/shapes.ts'
import { grantRequestStatuses, reaches } from '../vocabulary.ts'
import { statedTerms } from './schema.ts'

const codeMembers = {
  exists: Type.Boolean({ description: 'Whether developers can ask at all' }),
  createdAt: maybeInstantOf('Since when it is this one'),
  createdBy: Type.Union([namedPerson('Who made it'), Type.Null()]),
} as const

export const RequestCode = Type.Object(codeMembers, { $id: 'RequestCode', additionalProperties: false })
export type RequestCode = Static<typeof RequestCode>

export const NewRequestCode = Type.Object(
  {
    ...codeMembers,
    code: maybeText('The code, shown this once; null in the answer to a repetition'),
    note: Type.Optional(Type.String()),
  },
  { $id: 'NewRequestCode', additionalProperties: false },
)

export const AskForGrant = Type.Object(
  {
    account: Type.String({ minLength: 1, maxLength: 64, description: 'By number or id' }),
    requestCode: Type.Optional(
      Type.String({ minLength: 1, maxLength: 128, description: 'What the account gave you; required unless `supersedes` is sent' }),
    ),
    ...statedTerms,
    domains: Type.Array(Type.String({ minLength: 1, maxLength: 255 }), {
      minItems: 1,
      maxItems: 100,
      uniqueItems: true,
      description: 'By name',
    }),
    purpose: Type.Optional(Type.String({ minLength: 1, maxLength: 500, description: 'What for; the contacts who decide read it' })),
    expiresAt: Type.Optional(instantOf('When it is to end; absent: after the configured number of days')),
    supersedes: Type.Optional(uuidOf('A grant of yours in whose place it comes once it is approved: to extend or widen that')),
  },
  {
    $id: 'AskForGrant',
    additionalProperties: false,
    examples: [
      {
        account: 'C-10001',
        requestCode: 'the code the account gave you',
        domains: ['example.com'],
        actions: ['ticket.create', 'ticket.read', 'ticket.reply'],
        purpose: 'Website relaunch',
      },
    ],
  },
)
export type AskForGrant = Static<typeof AskForGrant>

export const GrantRequest = Type.Object(
  {
    id: uuidOf('The request'),
    status: openWord(
      grantRequestStatuses,
      '`ended` after the days for an answer: no, no answer, a wrong code, an unknown account and a foreign domain look alike',
    ),
    account: Type.String({ description: 'As you stated it' }),
    domains: Type.Array(Type.String(), { description: 'As you stated them' }),
    actions: Type.Array(Type.String()),
    topics: Type.Unsafe<string[] | null>({ type: ['array', 'null'], items: { type: 'string' } }),
    reach: openWord(reaches, 'The reach you asked for'),
    maxUses: Type.Unsafe<number | null>({ type: ['integer', 'null'] }),
    purpose: maybeText('What for; null once the request is over, when your words are deleted. An approved grant keeps its own'),
    expiresAt: instantOf('When the grant is to end'),
    supersedes: maybeUuidOf('The grant in whose place it is to come'),
    createdAt: instantOf('When it arrived'),
    answerBy: instantOf('Until when it can be approved'),
    grant: maybeUuidOf('Your grant, once it is approved; it may be less than you asked for'),
  },
  { $id: 'GrantRequest', additionalProperties: false },
)
export type GrantRequest = Static<typeof GrantRequest>
