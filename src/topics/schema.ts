import { type Static, Type } from '@sinclair/typebox'
import { evidenceFields, type FieldName, fieldNames } from '../evidence/fields.ts'
import { type Need, needs, shippedTopics } from '../evidence/topics.ts'
import { type TopicKey, topicKeys, topics } from '../vocabulary.ts'

/** One question of a topic. `schema` is the JSON Schema of the answer, from which a form can be drawn and checked. */
export const TopicField = Type.Object(
  {
    field: Type.Unsafe<FieldName>(Type.String({ enum: [...fieldNames] })),
    need: Type.Unsafe<Need>(Type.String({ enum: [...needs] })),
    why: Type.String({ description: 'What support needs it for.' }),
    example: Type.Unknown({ description: 'A value that passes.' }),
    schema: Type.Unsafe<Record<string, unknown>>({ type: 'object', additionalProperties: true, description: 'JSON Schema (2020-12).' }),
  },
  { additionalProperties: false },
)

/** A published, versioned form: what a ticket is about, and the evidence it then asks for. */
export const Topic = Type.Object(
  {
    key: Type.Unsafe<TopicKey>(Type.String({ enum: [...topicKeys] })),
    version: Type.Integer({ minimum: 1 }),
    title: Type.String(),
    description: Type.String(),
    confidential: Type.Boolean({ description: 'Only contacts of the account can open and see its tickets, never a grantee.' }),
    fields: Type.Array(TopicField),
  },
  { additionalProperties: false },
)
export type Topic = Static<typeof Topic>

/** A shipped topic in its wire form. */
export function toTopic(key: TopicKey): Topic {
  const { version, title, description, fields } = shippedTopics[key]
  return {
    key,
    version,
    title,
    description,
    confidential: topics[key].confidential,
    fields: fields.map(({ field, need }) => {
      const { why, example, input } = evidenceFields[field]
      // Cloned: TypeBox's own marks are symbols, which a clone leaves behind.
      return { field, need, why, example, schema: structuredClone<Record<string, unknown>>(input) }
    }),
  }
}
