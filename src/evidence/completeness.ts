import { type Static, Type } from '@sinclair/typebox'
import type { TopicKey } from '../vocabulary.ts'
import { evidenceFields, type FieldName, fieldNames, type StoredDetails } from './fields.ts'
import { type Need, needs, shippedTopics } from './topics.ts'

/** What is not there yet and why support asks for it. */
export const MissingField = Type.Object(
  {
    field: Type.Unsafe<FieldName>(Type.String({ enum: [...fieldNames] })),
    need: Type.Unsafe<Need>(Type.String({ enum: [...needs] })),
    why: Type.String(),
    example: Type.Unknown({ description: 'A value of the form that is asked for.' }),
  },
  { additionalProperties: false },
)
export type MissingField = Static<typeof MissingField>

/** How much of what a topic asks for is there. */
export const Completeness = Type.Object(
  {
    score: Type.Integer({ minimum: 0, maximum: 100, description: '100: nothing that is required or wanted is missing.' }),
    missing: Type.Array(MissingField),
  },
  { additionalProperties: false },
)
export type Completeness = Static<typeof Completeness>

/** A required field counts as much as three wanted ones; an optional one is never missed. */
const weights: Record<Need, number> = { required: 3, wanted: 1, optional: 0 }

/** Computes and explains the completeness of stored details; also for every later reply that adds to them. */
export function completenessOf(topic: TopicKey, details: StoredDetails): Completeness {
  const asked = shippedTopics[topic].fields.filter(({ need }) => weights[need] > 0)
  const absent = asked.filter(({ field }) => details[field] === undefined)
  const weigh = (fields: typeof asked) => fields.reduce((sum, { need }) => sum + weights[need], 0)
  const whole = weigh(asked)
  return {
    // Rounded down, so that 100 means all. A topic that asks for nothing is always complete.
    score: whole === 0 ? 100 : Math.floor((100 * (whole - weigh(absent))) / whole),
    missing: absent.map(({ field, need }) => ({ field, need, why: evidenceFields[field].why, example: evidenceFields[field].example })),
  }
}
