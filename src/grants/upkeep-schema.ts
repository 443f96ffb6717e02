import { type Static, Type } from '@sinclair/typebox'
import { openWord, uuidOf } from '../http/shapes.ts'
import { problemCodes } from '../problem.ts'
import { Grant } from './schema.ts'

export const AdoptGrants = Type.Object(
  {
    grants: Type.Array(
      Type.Object(
        { id: uuidOf('The grant'), version: Type.Integer({ minimum: 1, description: 'The version that was seen' }) },
        { additionalProperties: false },
      ),
      { minItems: 1, maxItems: 100 },
    ),
  },
  { $id: 'AdoptGrants', additionalProperties: false },
)
export type AdoptGrants = Static<typeof AdoptGrants>

/** Of many: which were adopted, and why the others were not. */
export const AdoptedGrants = Type.Object(
  {
    items: Type.Array(
      Type.Object(
        {
          id: uuidOf('The grant'),
          grant: Type.Union([Type.Ref(Grant), Type.Null()], { description: 'As it is now; null when it was not adopted' }),
          problem: Type.Union([
            Type.Object(
              { code: openWord(problemCodes, 'Why it was not'), status: Type.Integer(), detail: Type.String() },
              { additionalProperties: false },
            ),
            Type.Null(),
          ]),
        },
        { additionalProperties: false },
      ),
      { description: 'In the order they were named' },
    ),
  },
  { $id: 'AdoptedGrants', additionalProperties: false },
)
export type AdoptedGrants = Static<typeof AdoptedGrants>

export const findings = ['never_used', 'unused_90_days', 'expiring', 'grantor_left'] as const
export type Finding = (typeof findings)[number]

export const Reviewed = Type.Object(
  {
    grant: Type.Ref(Grant),
    findings: Type.Array(
      openWord(
        findings,
        '`expiring`: within 30 days. `grantor_left`: who stood for it is no contact any more, or holds less. A confirmation silences the other two for 90 days',
      ),
    ),
  },
  { $id: 'ReviewedGrant', additionalProperties: false },
)
export type Reviewed = Static<typeof Reviewed>

export const RevokedPerson = Type.Object(
  {
    grants: Type.Array(uuidOf('A grant that has ended'), { description: 'Those that this ended' }),
    invitations: Type.Array(uuidOf('A contact'), { description: 'Invitations to be a contact that this withdrew' }),
  },
  { $id: 'RevokedPerson', additionalProperties: false },
)
export type RevokedPerson = Static<typeof RevokedPerson>
