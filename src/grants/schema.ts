import { type Static, Type } from '@sinclair/typebox'
import {
  closedWord,
  instantOf,
  maybeInstantOf,
  maybeText,
  maybeUuidOf,
  namedAccount,
  namedPerson,
  openWord,
  uuidOf,
} from '../http/shapes.ts'
import { delegableActions, grantStatuses, reaches, suspensionCauses, topicKeys, topics } from '../vocabulary.ts'

const delegableTopics = topicKeys.filter((key) => !topics[key].confidential)
export const GrantPerson = namedPerson('Who it is')

export const Grant = Type.Object(
  {
    id: uuidOf('The grant'),
    account: namedAccount('Whose permission it is'),
    status: openWord(grantStatuses, 'Where it stands; only an `active` one can justify anything, and only within its time'),
    grantee: Type.Object(
      {
        address: maybeText('The address it was offered to, or the one he who asked has proven; null: none'),
        user: Type.Union([GrantPerson, Type.Null()]),
      },
      { additionalProperties: false, description: 'Who acts under it' },
    ),
    grantor: Type.Union([
      Type.Object({ contact: uuidOf('The contact who stands for it'), user: GrantPerson }, { additionalProperties: false }),
      Type.Null(),
    ]),
    domains: Type.Array(
      Type.Object(
        { id: uuidOf('The domain'), name: Type.String(), unicode: Type.String(), released: Type.Boolean() },
        { additionalProperties: false },
      ),
    ),
    actions: Type.Array(Type.String()),
    topics: Type.Unsafe<string[] | null>({
      type: ['array', 'null'],
      items: { type: 'string' },
      description: 'Null: every topic that is not confidential',
    }),
    reach: openWord(reaches, '`own`: the tickets opened under it; `domain`: also others of its domains opened after it began'),
    maxUses: Type.Unsafe<number | null>({
      type: ['integer', 'null'],
      description: 'How many tickets may be opened under it; null: any number',
    }),
    uses: Type.Integer({ description: 'How many were' }),
    purpose: maybeText('What the account gave it for'),
    notBefore: instantOf('When it begins'),
    expiresAt: instantOf('When it ends'),
    suspensionCauses: Type.Array(openWord(suspensionCauses, 'Why it is suspended')),
    supersedes: maybeUuidOf('The grant it takes the place of once approved'),
    lastUsedAt: maybeInstantOf('When something was last done under it; null: never'),
    reviewedAt: maybeInstantOf('When a contact last looked at it and let it be'),
    createdAt: instantOf('When it was asked for or offered'),
    approvedAt: maybeInstantOf('When both sides had agreed'),
    endedAt: maybeInstantOf('When it ended'),
    version: Type.Integer(),
  },
  { $id: 'Grant', additionalProperties: false },
)
export type Grant = Static<typeof Grant>

export const domains = Type.Array(Type.String({ minLength: 1, maxLength: 255 }), {
  minItems: 1,
  maxItems: 100,
  uniqueItems: true,
  description: 'By name or id',
})
export const actions = Type.Array(closedWord(delegableActions, 'What may be done'), {
  minItems: 1,
  maxItems: delegableActions.length,
  uniqueItems: true,
})
export const topicsOf = (description: string) =>
  Type.Array(closedWord(delegableTopics, 'Never a confidential one'), { minItems: 1, maxItems: 50, uniqueItems: true, description })
export const maxUses = Type.Integer({ minimum: 1, maximum: 1_000_000, description: 'How many tickets may be opened under it' })

/** What a grant is to be good for, where somebody offers it or asks for it. */
export const statedTerms = {
  domains,
  actions,
  topics: Type.Optional(topicsOf('Absent: all that are not confidential')),
  reach: Type.Optional(closedWord(reaches, '`own` unless said otherwise')),
  maxUses: Type.Optional(maxUses),
} as const

export const CreateGrant = Type.Object(
  {
    grantee: Type.Object(
      {
        address: Type.String({ minLength: 3, maxLength: 254, description: 'Where the invitation goes; only who has proven it can accept' }),
      },
      { additionalProperties: false },
    ),
    ...statedTerms,
    purpose: Type.Optional(Type.String({ minLength: 1, maxLength: 500 })),
    notBefore: Type.Optional(instantOf('When it begins; absent: when it is accepted')),
    expiresAt: Type.Optional(instantOf('When it ends; absent: after the configured number of days')),
  },
  {
    $id: 'CreateGrant',
    additionalProperties: false,
    examples: [
      {
        grantee: { address: 'dev@agency.example' },
        domains: ['example.com'],
        actions: ['ticket.create', 'ticket.read', 'ticket.reply'],
        purpose: 'Website relaunch',
      },
    ],
  },
)
export type CreateGrant = Static<typeof CreateGrant>

/** Less of what it holds; what is absent stays as it is. */
export const NarrowGrant = Type.Object(
  {
    domains: Type.Optional(domains),
    actions: Type.Optional(actions),
    topics: Type.Optional(topicsOf('Fewer than it has')),
    reach: Type.Optional(closedWord(reaches, '`own` is less than `domain`')),
    maxUses: Type.Optional(maxUses),
    expiresAt: Type.Optional(instantOf('An earlier end')),
  },
  { $id: 'NarrowGrant', additionalProperties: false, examples: [{ actions: ['ticket.read'] }] },
)
export type NarrowGrant = Static<typeof NarrowGrant>

export const EndGrant = Type.Object(
  {
    reason: Type.Optional(
      Type.String({ minLength: 3, maxLength: 500, description: 'Required of staff; the owners are told that it ended' }),
    ),
  },
  { $id: 'EndGrant', additionalProperties: false },
)
export type EndGrant = Static<typeof EndGrant>

export const GrantFilters = { status: Type.Optional(closedWord(grantStatuses, 'Only in this status')) }
