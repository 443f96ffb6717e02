import { StartError } from '../config.ts'
import { sqlState } from '../database/errors.ts'
import { type FieldError, Problem } from '../problem.ts'

/** One sentence about what went wrong. Nothing of a failed statement is in it: its values may be secret. */
export function sentenceOf(error: unknown): string {
  if (error instanceof StartError) return error.message
  if (!(error instanceof Problem)) return `The command could not be finished (${sqlState(error) ?? 'without a reason'}): run it again.`
  const [field] = (error.members['errors'] ?? []) as FieldError[]
  return field === undefined ? `${error.message}.` : `The ${nameOf(field)} ${field.detail}.`
}

/** `password` of `#/password`. */
const nameOf = (field: FieldError): string => ('pointer' in field ? field.pointer.slice(2) : field.parameter)
