import { quoted } from './pointer.ts'

type Parameters = Readonly<Record<string, unknown>>
type Sentence = (parameters: Parameters, schema: Parameters) => string

/** What a caller is told for each JSON Schema keyword that failed; `parameters` and `schema` are ajv's. */
export const sentences: Readonly<Record<string, Sentence>> = {
  required: () => 'is required',
  additionalProperties: ({ additionalProperty }, schema) => unknownName(String(additionalProperty), schema),
  type: ({ type }) =>
    `must be ${[type]
      .flat()
      .map((name) => typeNames[name as keyof typeof typeNames])
      .join(' or ')}`,
  enum: ({ allowedValues }) => `must be one of ${(allowedValues as unknown[]).map(shown).join(', ')}`,
  const: ({ allowedValue }) => `must be ${shown(allowedValue)}`,
  format: ({ format }) => formatSentences[String(format)] ?? `must be in the form ${String(format)}`,
  pattern: ({ pattern }, { description }) => `must have the form ${typeof description === 'string' ? description : String(pattern)}`,
  minLength: ({ limit }) => (limit === 1 ? 'must not be empty' : `must have at least ${limit} characters`),
  maxLength: ({ limit }) => `must have at most ${limit} characters`,
  minimum: ({ limit }) => `must be at least ${limit}`,
  maximum: ({ limit }) => `must be at most ${limit}`,
  exclusiveMinimum: ({ limit }) => `must be more than ${limit}`,
  exclusiveMaximum: ({ limit }) => `must be less than ${limit}`,
  multipleOf: ({ multipleOf }) => `must be a multiple of ${multipleOf}`,
  minItems: ({ limit }) => (limit === 1 ? 'must not be empty' : `must have at least ${limit} items`),
  maxItems: ({ limit }) => `must have at most ${limit} items`,
  uniqueItems: ({ i, j }) => `must not repeat an item: ${Math.min(Number(i), Number(j))} and ${Math.max(Number(i), Number(j))} are equal`,
  minProperties: ({ limit }) => `must have at least ${limit === 1 ? 'one field' : `${limit} fields`}`,
  maxProperties: ({ limit }) => `must have at most ${limit} fields`,
  discriminator: ({ tagValue }) => (tagValue === undefined ? 'must be text' : `${shown(tagValue)} is not a known kind`),
  anyOf: () => 'has none of the permitted forms',
  oneOf: () => 'must have exactly one of the permitted forms',
}

const typeNames = {
  string: 'text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  object: 'an object',
  array: 'a list',
  null: 'null',
}

const formatSentences: Readonly<Record<string, string>> = {
  'date-time': 'must carry an offset, e.g. 2026-11-22T14:05:00+10:00',
  date: 'must be a date, e.g. 2026-11-22',
  uuid: 'must be a UUID, e.g. 0192f3c1-6f0e-7c52-9f0a-0c6f2b0f1a11',
  email: 'must be a mail address, e.g. name@example.com',
  uri: 'must be an absolute URI, e.g. https://example.com/page',
}

function unknownName(name: string, { properties }: Parameters): string {
  const known = Object.keys((properties ?? {}) as object).sort()
  return `${quoted(name)} is not known here${known.length > 0 ? `; known are ${known.join(', ')}` : ''}`
}

const shown = (value: unknown): string => (typeof value === 'string' ? quoted(value) : JSON.stringify(value))
