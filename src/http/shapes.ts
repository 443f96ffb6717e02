/** The small shapes that wire schemas are made of. */
import { type Static, type TObject, Type } from '@sinclair/typebox'

/** A word of a list that may grow: a client must expect others. */
export const openWord = <T extends string>(list: readonly T[], description: string) =>
  Type.Unsafe<T>({ type: 'string', description, 'x-extensible-enum': list, examples: [list[0]] })

/** The same where there may be none. */
export const maybeOpenWord = <T extends string>(list: readonly T[], description: string) =>
  Type.Unsafe<T | null>({ type: ['string', 'null'], description, 'x-extensible-enum': list, examples: [list[0]] })

/** One of exactly these words. */
export const closedWord = <T extends string>(list: readonly T[], description: string) =>
  Type.Unsafe<T>({ type: 'string', enum: list, description })

export const uuidOf = (description: string) => Type.String({ format: 'uuid', description })

export const maybeUuidOf = (description: string) => Type.Unsafe<string | null>({ type: ['string', 'null'], format: 'uuid', description })

/** An instant as RFC 3339 writes it. */
export const instantOf = (description: string) => Type.String({ format: 'date-time', description })
export const maybeInstantOf = (description: string) =>
  Type.Unsafe<string | null>({ type: ['string', 'null'], format: 'date-time', description })

export const maybeText = (description: string) => Type.Unsafe<string | null>({ type: ['string', 'null'], description })

/** A name people gave: one line that is not blank. */
export const lineOf = (maxLength: number, description: string) =>
  Type.String({ minLength: 1, maxLength, pattern: '^[^\\x00-\\x1f\\x7f]*\\S[^\\x00-\\x1f\\x7f]*$', description })

/** How other resources name an account, a person and a domain. */
export const namedAccount = (description: string) =>
  Type.Object({ id: uuidOf('The account'), number: Type.String(), name: Type.String() }, { additionalProperties: false, description })

export const namedPerson = (description: string) =>
  Type.Object({ id: uuidOf('The user'), name: Type.String() }, { additionalProperties: false, description })

export const namedDomain = (description: string) =>
  Type.Object({ id: uuidOf('The domain'), name: Type.String(), unicode: Type.String() }, { additionalProperties: false, description })

/**
 * The object, or null. A list of types says the same as `anyOf` and is written without validating each value once more, which costs as
 * much as writing it.
 */
export const orNull = <T extends TObject>(schema: T) => Type.Unsafe<Static<T> | null>({ ...schema, type: ['object', 'null'] })
