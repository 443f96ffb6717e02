import { type Static, Type } from '@sinclair/typebox'
import { Temporal } from 'temporal-polyfill'
import { fault, type Reading } from './reading.ts'

/** How well the time is known: to the second, to the minute, roughly, or as the beginning of something that still lasts. */
export const precisions = ['exact', 'minute', 'about', 'since'] as const
export type Precision = (typeof precisions)[number]

/** The object is the canonical form; a bare string is short for precision `exact`. */
const At = Type.String({ maxLength: 100, examples: ['2026-11-22T14:05:00+10:00[Australia/Brisbane]'] })
const PrecisionWord = Type.Unsafe<Precision>(Type.String({ enum: [...precisions] }))
export const OccurredAtInput = Type.Union(
  [At, Type.Object({ at: At, precision: Type.Optional(PrecisionWord) }, { additionalProperties: false })],
  {
    title: 'When it happened',
    description:
      'RFC 3339 with offset, optionally followed by the IANA time zone in brackets (RFC 9557). A bare string means precision exact.',
  },
)
export type OccurredAtInput = Static<typeof OccurredAtInput>

/**
 * `at` as it was sent; `utc` the same instant (RFC 3339, UTC, milliseconds); `offset` and `zone` the local view of it. `offset` is
 * `+00:00` where the sender gave UTC without saying where he is.
 */
export const OccurredAt = Type.Object(
  {
    at: Type.String(),
    utc: Type.String({ format: 'date-time' }),
    offset: Type.String({ examples: ['+10:00'] }),
    zone: Type.Unsafe<string | null>({ type: ['string', 'null'], examples: ['Australia/Brisbane'] }),
    precision: PrecisionWord,
  },
  { additionalProperties: false },
)
export type OccurredAt = Static<typeof OccurredAt>

/** Reads the time of an event; never guesses. `now` in epoch milliseconds. Never throws. */
export function readOccurredAt(input: OccurredAtInput, now: number): Reading<OccurredAt> {
  if (typeof input === 'string') return readInstant(input, 'exact', now)
  const { at, precision = 'exact' } = input
  if (!precisions.includes(precision)) return fault('enum', `must be one of ${precisions.join(', ')}`, '/precision')
  const reading = readInstant(at, precision, now)
  return 'fault' in reading ? { fault: { ...reading.fault, at: '/at' } } : reading
}

const grammar =
  /^(?<local>\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:(?<second>\d\d)(?:\.\d{1,9})?)(?<offset>[Zz]|[+-]\d\d:\d\d)?(?:\[!?(?<zone>[^[\]=]*)\])?$/
const earliest = Temporal.Instant.from('2000-01-01T00:00:00Z').epochMilliseconds
const dayMilliseconds = 86_400_000

function readInstant(at: string, precision: Precision, now: number): Reading<OccurredAt> {
  const { local, second, offset, zone } = grammar.exec(at)?.groups ?? {}
  if (local === undefined) {
    return fault(
      'format',
      'must be a date and a time with seconds, offset and if known zone, e.g. 2026-11-22T14:05:00+10:00[Australia/Brisbane]',
    )
  }
  if (offset === undefined) return fault('format', 'must carry an offset, e.g. 2026-11-22T14:05:00+10:00')
  // Temporal would silently make it :59; no system that reports errors has logged one since 2016.
  if (second === '60') return fault('leap_second', 'must not be a leap second: write :59 instead of :60')
  const instant = attempt(() => Temporal.Instant.from(local + offset))
  if (instant === undefined) return fault('format', 'must be a date, a time and an offset that exist')
  if (instant.epochMilliseconds < earliest) return fault('too_old', 'must not be before the year 2000')
  if (instant.epochMilliseconds > now + dayMilliseconds) return fault('future', 'must not lie in the future')
  const utc = instant.toString({ fractionalSecondDigits: 3 })
  const knownOffset = /^(?:Z|-00:00)$/i.test(offset) ? undefined : offset
  if (zone === undefined) return { value: { at, utc, offset: knownOffset ?? '+00:00', zone: null, precision } }
  const zoned = /^[A-Za-z]/.test(zone) ? attempt(() => instant.toZonedDateTimeISO(zone)) : undefined
  if (zoned === undefined) return fault('zone', 'must name a time zone of the IANA database in its brackets, e.g. [Australia/Brisbane]')
  // `Z` and `-00:00` say "UTC, local offset unknown" (RFC 9557, 2.2), so they contradict no zone; `+00:00` does.
  if (knownOffset !== undefined && zoned.offset !== knownOffset) return fault('offset', disagreement(local, knownOffset, zoned.timeZoneId))
  return { value: { at, utc, offset: zoned.offset, zone: zoned.timeZoneId, precision } }
}

/** What the zone says of that local time: skipped when clocks go forward, else the one or (clocks went back) two offsets it has. */
function disagreement(local: string, offset: string, zone: string): string {
  const plain = Temporal.PlainDateTime.from(local)
  const earlier = plain.toZonedDateTime(zone, { disambiguation: 'earlier' })
  const later = plain.toZonedDateTime(zone, { disambiguation: 'later' })
  if (!earlier.toPlainDateTime().equals(plain)) {
    return `must be a local time that exists: in ${zone} the clocks were put forward over it, from ${earlier.offset} to ${later.offset}`
  }
  const offsets = [...new Set([earlier.offset, later.offset])].join(' or ')
  return `must have an offset that agrees with its zone: at that time ${zone} is at ${offsets}, not ${offset}`
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
