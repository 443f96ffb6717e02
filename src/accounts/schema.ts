import { type Static, Type } from '@sinclair/typebox'
import { closedWord, instantOf, lineOf, maybeInstantOf, openWord, uuidOf } from '../http/shapes.ts'
import { accountStates } from '../vocabulary.ts'

export const Account = Type.Object(
  {
    id: uuidOf('The account'),
    number: Type.String({ description: 'What people call it by; serves wherever an id does', examples: ['C-10001'] }),
    name: Type.String(),
    state: openWord(accountStates, '`new` until its first owner has accepted; a `new` one permits its contacts nothing'),
    stateChangedAt: instantOf('Since when it is in this state'),
    accessUntil: maybeInstantOf('Of a closed one: until when its owners read it, and write about bills and ownership'),
    createdAt: instantOf('When it was made'),
    version: Type.Integer(),
  },
  { $id: 'Account', additionalProperties: false },
)
export type Account = Static<typeof Account>

const name = lineOf(200, 'The name of the customer')

export const CreateAccount = Type.Object(
  {
    name,
    number: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$',
        description: 'What the account is known by, unique for the provider; absent: the next free one',
      }),
    ),
    owner: Type.Optional(
      Type.Object(
        {
          address: Type.String({
            minLength: 3,
            maxLength: 254,
            description: 'Where the invitation goes; only who has proven it can accept',
          }),
          name: Type.Optional(lineOf(200, 'What the person is called')),
        },
        { additionalProperties: false, description: 'Invited as the first owner' },
      ),
    ),
    domains: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 1_024 }), {
        maxItems: 100,
        description: 'Its domains, in A-label or Unicode form',
      }),
    ),
  },
  {
    $id: 'CreateAccount',
    additionalProperties: false,
    examples: [{ name: 'Example Ltd', owner: { address: 'anna@example.com', name: 'Anna Example' }, domains: ['example.com'] }],
  },
)
export type CreateAccount = Static<typeof CreateAccount>

export const UpdateAccount = Type.Object({ name }, { $id: 'UpdateAccount', additionalProperties: false })
export type UpdateAccount = Static<typeof UpdateAccount>

export const Because = Type.Object(
  { reason: Type.String({ minLength: 3, maxLength: 500, description: 'Why; the account can read it' }) },
  { $id: 'BecauseOfAccount', additionalProperties: false, examples: [{ reason: 'Unpaid since March' }] },
)
export type Because = Static<typeof Because>

export const AccountFilters = {
  number: Type.Optional(Type.String({ minLength: 1, maxLength: 64, description: 'Only the one with this number' })),
  name: Type.Optional(Type.String({ minLength: 1, maxLength: 200, description: 'Only names that begin with this, in any case' })),
  state: Type.Optional(closedWord(accountStates, 'Only in this state')),
}
