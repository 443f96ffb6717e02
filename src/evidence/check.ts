import { isWithin, toUnicode } from '../hostname.ts'
import { type FieldError, invalid, Problem } from '../problem.ts'
import type { TopicKey } from '../vocabulary.ts'
import { type Completeness, completenessOf } from './completeness.ts'
import { evidenceFields, type FieldName, type StoredDetails } from './fields.ts'
import type { Context, Fault, Reading } from './reading.ts'
import { detailsPointer, holdAgainstShape } from './shape.ts'
import { shippedTopics } from './topics.ts'

export type CheckedDetails = { details: StoredDetails; completeness: Completeness; errors: FieldError[] }

/**
 * Reads the details of a ticket as they were sent. `details` holds what could be read, in stored form; `completeness` counts exactly
 * that; `errors` says what is wrong with the rest. `context.domain` is the ticket's domain as an A-label, null for "not about a
 * domain" (the rules about the domain are then left out). `details` undefined means that none were sent. Never throws, whatever it is.
 */
export function checkDetails(topic: TopicKey, details: unknown, context: Context): CheckedDetails {
  const { errors, sound } = holdAgainstShape(topic, details === undefined ? {} : details)
  const read: [FieldName, unknown][] = []
  for (const [field, value] of sound) {
    const reading = readField(field, value, context)
    if ('value' in reading) read.push([field, reading.value])
    else errors.push({ pointer: detailsPointer(`/${field}${reading.fault.at}`), detail: reading.fault.detail, code: reading.fault.code })
  }
  const stored: StoredDetails = Object.fromEntries(read)
  errors.push(...faultsOfDomain(topic, stored, context.domain))
  return { details: stored, completeness: completenessOf(topic, stored), errors }
}

/**
 * The same for a ticket that is to be created now: throws a `validation_error` that names everything that is wrong or, if nothing
 * is, a `details_missing` that names each required field that is not there, why support needs it, and an example.
 */
export function demandDetails(topic: TopicKey, details: unknown, context: Context): { details: StoredDetails; completeness: Completeness } {
  const { errors, ...checked } = checkDetails(topic, details, context)
  if (errors.length > 0) throw invalid(...errors)
  const missing = checked.completeness.missing
    .filter(({ need }) => need === 'required')
    .map(({ field, why, example }) => ({ field, pointer: detailsPointer(`/${field}`), why, example }))
  if (missing.length === 0) return checked
  const names = missing.map(({ field }) => field).join(', ')
  throw new Problem('details_missing', { detail: `The topic ${topic} cannot be worked on without ${names}`, members: { missing } })
}

function readField(field: FieldName, value: unknown, context: Context): Reading<unknown> {
  const unsound = faultOfText(value)
  return unsound ? { fault: unsound } : evidenceFields[field].read(value, context)
}

/** PostgreSQL stores neither NUL nor a lone surrogate, and no keyboard makes one. */
function faultOfText(value: unknown, at = ''): Fault | undefined {
  if (typeof value === 'string') {
    const sound = value.isWellFormed() && !value.includes('\0')
    return sound ? undefined : { at, code: 'text', detail: 'must be Unicode text without NUL characters and lone surrogates' }
  }
  for (const [key, member] of Object.entries(value ?? {})) {
    const found = faultOfText(member, `${at}/${key}`)
    if (found) return found
  }
  return undefined
}

/** Mail that neither comes from the domain nor goes to it is no matter of this domain. While one address is missing, it may be the one. */
function faultsOfDomain(topic: TopicKey, { mailFrom, mailTo }: StoredDetails, domain: string | null): FieldError[] {
  if (!shippedTopics[topic].mailOnDomain || domain === null || mailFrom === undefined || mailTo === undefined) return []
  if ([mailFrom, mailTo].some((address) => isWithin(address.slice(address.lastIndexOf('@') + 1), domain))) return []
  const detail = `must be an address on ${toUnicode(domain)} or a host below it, unless mailFrom is one`
  return [{ pointer: detailsPointer('/mailTo'), detail, code: 'domain' }]
}
