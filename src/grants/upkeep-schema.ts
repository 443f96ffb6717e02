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
