import { type Static, Type } from '@sinclair/typebox'
import { instantOf, maybeInstantOf, namedAccount, openWord, uuidOf } from '../http/shapes.ts'
import { claimStatuses } from '../vocabulary.ts'

export const DomainClaim = Type.Object(
  {
    id: uuidOf('The claim'),
    account: namedAccount('Who says that the name is its own'),
    name: Type.String({ description: 'Lower-case A-labels', examples: ['example.com'] }),
    unicode: Type.String({ description: 'As people read it; for display only' }),
    status: openWord(
      claimStatuses,
      '`pending` until it is a domain or has ended. It stays so while staff look at a claim that is proven, and nothing says that they do',
    ),
    challenge: Type.Object(
      {
        type: Type.Literal('TXT'),
        name: Type.String({ description: 'Where the record must be', examples: ['_mandate-challenge.example.com'] }),
        value: Type.String({ description: 'What it must say, alone or beside other records' }),
      },
      { additionalProperties: false, description: 'The DNS record that proves the claim' },
    ),
    domain: Type.Union([uuidOf('The domain'), Type.Null()], { description: 'What an `accepted` one became' }),
    createdAt: instantOf('When it was made'),
    expiresAt: instantOf('When it lapses'),
    checkedAt: maybeInstantOf('When the record was last looked for'),
    endedAt: maybeInstantOf('When it was accepted or ended otherwise'),
    version: Type.Integer(),
    seenAt: Type.Optional(maybeInstantOf('Only for staff: when the record was last seen while another account held the name')),
    heldBy: Type.Optional(
      Type.Union([namedAccount('The account'), Type.Null()], { description: 'Only for staff: the other account that holds the name now' }),
    ),
  },
  { $id: 'DomainClaim', additionalProperties: false },
)
export type DomainClaim = Static<typeof DomainClaim>

export const ClaimDomain = Type.Object(
  { name: Type.String({ minLength: 1, maxLength: 1_024, description: 'The name, in A-label or Unicode form' }) },
  { $id: 'ClaimDomain', additionalProperties: false, examples: [{ name: 'example.com' }] },
)
export type ClaimDomain = Static<typeof ClaimDomain>

const reason = Type.String({ minLength: 3, maxLength: 500, description: 'Why; the accounts concerned can read it' })

export const Because = Type.Object({ reason }, { $id: 'Because', additionalProperties: false, examples: [{ reason: 'Asked by phone' }] })
export type Because = Static<typeof Because>

export const TransferDomain = Type.Object(
  { to: Type.String({ minLength: 1, maxLength: 64, description: 'The account that gets the name, by id or number' }), reason },
  { $id: 'TransferDomain', additionalProperties: false, examples: [{ to: 'C-10002', reason: 'Sold, see the letter of both parties' }] },
)
export type TransferDomain = Static<typeof TransferDomain>

export const claimPath = '/v1/accounts/:account/domains/claims'
export const ClaimPath = Type.Object({
  account: Type.String({ description: 'The account, by id or number' }),
  claim: Type.String({ description: 'The claim, by id' }),
})
