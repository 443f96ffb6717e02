import type { TObject, TSchema } from '@sinclair/typebox'
import { Errors, type ValueError, ValueErrorType } from '@sinclair/typebox/errors'
import type { FieldError } from '../problem.ts'
import { type TopicKey, topicKeys } from '../vocabulary.ts'
import type { FieldName } from './fields.ts'
import { detailsInput, shippedTopics } from './topics.ts'

/** A body full of unknown fields, or of one with a very long name, gets an answer of bounded length. */
const errorsMaximum = 20
const nameLengthMaximum = 100

const shapes = Object.fromEntries(topicKeys.map((key) => [key, detailsInput(key)])) as Record<TopicKey, TObject>

/**
 * Holds details against the shape their topic gives them. `errors`: what does not fit, in words for people, at most one per pointer.
 * `sound`: the given fields that do fit, in the topic's order – and only those. Never throws.
 */
export function holdAgainstShape(topic: TopicKey, details: unknown): { errors: FieldError[]; sound: [FieldName, unknown][] } {
  const errors = new Map<string, FieldError>()
  const unsound = new Set<string | undefined>()
  for (const error of Errors(shapes[topic], details)) {
    unsound.add(error.path.split('/')[1])
    for (const found of errors.size < errorsMaximum ? nearest(error) : []) {
      const pointer = detailsPointer(found.path)
      if (!errors.has(pointer)) errors.set(pointer, { pointer, ...explain(found) })
    }
  }
  return { errors: [...errors.values()], sound: unsound.has(undefined) ? [] : soundFields(topic, details as object, unsound) }
}

/** The pointer (RFC 6901, as a URI fragment) of a JSON pointer inside `details`. */
export function detailsPointer(path: string): string {
  const segments = path.split('/').map((segment) => encodeURIComponent(segment.slice(0, nameLengthMaximum).toWellFormed()))
  return `#/details${segments.join('/')}`
}

function soundFields(topic: TopicKey, details: object, unsound: ReadonlySet<string | undefined>): [FieldName, unknown][] {
  const given = new Map<string, unknown>(Object.entries(details))
  return shippedTopics[topic].fields
    .filter(({ field }) => given.get(field) !== undefined && !unsound.has(field))
    .map(({ field }) => [field, given.get(field)])
}

/** A value that fits none of several shapes is explained by the one it comes nearest to: that of its own kind (text, list, object). */
function nearest(error: ValueError): ValueError[] {
  const branches = error.errors.map((branch) => [...branch])
  return branches.find((branch) => branch.every(({ type, path }) => path !== error.path || !kinds.has(type))) ?? [error]
}

const kinds: ReadonlySet<ValueErrorType> = new Set([ValueErrorType.String, ValueErrorType.Object, ValueErrorType.Array])

function explain({ type, schema }: ValueError): { detail: string; code: string } {
  switch (type) {
    case ValueErrorType.ObjectAdditionalProperties:
      return { code: 'unknown_field', detail: `is not known here; known are ${Object.keys(schema['properties']).join(', ')}` }
    case ValueErrorType.ObjectRequiredProperty:
      return { code: 'required', detail: 'must be given' }
    case ValueErrorType.StringMaxLength:
      return { code: 'maximum_length', detail: `must be at most ${schema['maxLength']} characters long` }
    case ValueErrorType.ArrayMaxItems:
      return { code: 'maximum_items', detail: `must have at most ${schema['maxItems']} items` }
    case ValueErrorType.StringPattern: // the only pattern in use says "not blank"
    case ValueErrorType.ArrayMinItems:
      return { code: 'empty', detail: 'must not be empty: leave it out when there is nothing to say' }
    default:
      return { code: 'type', detail: `must be ${kindOf(schema)}` }
  }
}

function kindOf(schema: TSchema): string {
  if (schema['anyOf']) return schema['anyOf'].map(kindOf).join(' or ')
  if (schema['type'] === 'array') return 'a list of texts'
  return schema['type'] === 'string' ? 'text' : `an object with ${Object.keys(schema['properties']).join(', ')}`
}
