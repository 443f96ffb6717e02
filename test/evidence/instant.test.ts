import fc from 'fast-check'
import t from 'tap'
import { Temporal } from 'temporal-polyfill'
import { type OccurredAtInput, type Precision, precisions, readOccurredAt } from '../../src/evidence/instant.ts'

const now = Date.parse('2026-11-23T00:00:00Z')

function faultOf(input: OccurredAtInput, at = now): string {
  const reading = readOccurredAt(input, at)
  return 'fault' in reading ? `${reading.fault.code}${reading.fault.at}: ${reading.fault.detail}` : `read as ${reading.value.utc}`
}

function utcOf(input: string): string {
  const reading = readOccurredAt(input, Date.parse('2030-01-01T00:00:00Z'))
  return 'value' in reading ? reading.value.utc : reading.fault.detail
}

t.test('an instant is kept as it was sent, as UTC, and with its local view', async (t) => {
  const at = '2026-11-22T14:05:00+10:00[Australia/Brisbane]'
  const stored = { at, utc: '2026-11-22T04:05:00.000Z', offset: '+10:00', zone: 'Australia/Brisbane' }
  t.same(readOccurredAt(at, now), { value: { ...stored, precision: 'exact' } }, 'a bare string is exact')
  t.same(readOccurredAt({ at }, now), { value: { ...stored, precision: 'exact' } })
  for (const precision of precisions) t.same(readOccurredAt({ at, precision }, now), { value: { ...stored, precision } })
})

t.test('what RFC 3339 and RFC 9557 allow is read', async (t) => {
  for (const [at, utc, offset, zone] of [
    ['2026-11-22T14:05:00+10:00', '2026-11-22T04:05:00.000Z', '+10:00', null],
    ['2026-11-22t04:05:00z', '2026-11-22T04:05:00.000Z', '+00:00', null],
    ['2026-11-22 04:05:00Z', '2026-11-22T04:05:00.000Z', '+00:00', null],
    ['2026-11-22T04:05:00-00:00', '2026-11-22T04:05:00.000Z', '+00:00', null],
    ['2026-11-22T04:05:00.123456789+00:00', '2026-11-22T04:05:00.123Z', '+00:00', null],
    ['2026-11-22T00:35:00-03:30', '2026-11-22T04:05:00.000Z', '-03:30', null],
    ['2026-11-22T04:05:00Z[Australia/Brisbane]', '2026-11-22T04:05:00.000Z', '+10:00', 'Australia/Brisbane'],
    ['2026-11-22T04:05:00-00:00[Australia/Brisbane]', '2026-11-22T04:05:00.000Z', '+10:00', 'Australia/Brisbane'],
    ['2026-11-22T14:05:00+10:00[!australia/brisbane]', '2026-11-22T04:05:00.000Z', '+10:00', 'Australia/Brisbane'],
    ['2026-11-22T04:05:00+00:00[UTC]', '2026-11-22T04:05:00.000Z', '+00:00', 'UTC'],
    ['2026-11-21T23:05:00-05:00[Etc/GMT+5]', '2026-11-22T04:05:00.000Z', '-05:00', 'Etc/GMT+5'],
    ['2000-01-01T00:00:00Z', '2000-01-01T00:00:00.000Z', '+00:00', null],
  ] as const) {
    t.same(readOccurredAt(at, now), { value: { at, utc, offset, zone, precision: 'exact' } }, at)
  }
})

t.test('a local time without offset is never guessed: the refusal shows an example', async (t) => {
  const refusal = 'format: must carry an offset, e.g. 2026-11-22T14:05:00+10:00'
  t.equal(faultOf('2026-11-22T14:05:00'), refusal)
  t.equal(faultOf('2026-11-22T14:05:00[Australia/Brisbane]'), refusal, 'a zone alone is ambiguous when clocks go back')
  t.equal(faultOf({ at: '2026-11-22T14:05:00' }), refusal.replace('format', 'format/at'), 'in the object the pointer goes to at')
})

t.test('what is no exact time is refused with what is wrong with it', async (t) => {
  for (const at of [
    '',
    'yesterday',
    '2026-11-22',
    '2026-11-22T14:05+10:00',
    '22.11.2026 14:05:00+10:00',
    '2026-11-22T14:05:00+1000',
    '2026-11-22T14:05:00+10',
    '2026-11-22T14:05:00.1234567890Z',
    '2026-11-22T14:05:00+10:00[Australia/Brisbane][u-ca=hebrew]',
    '2026-11-22T14:05:00+10:00[u-ca=hebrew]',
    '+002026-11-22T14:05:00Z',
    '2026-11-22T14:05:00Z\n',
    '2026-11-22T14:05:00Z\0',
    '２026-11-22T14:05:00Z',
  ]) {
    t.match(faultOf(at), /^format: must be a date and a time with seconds, offset/, JSON.stringify(at))
  }
  for (const at of [
    '2026-02-29T14:05:00Z',
    '2026-13-01T14:05:00Z',
    '2026-00-10T14:05:00Z',
    '2026-11-22T24:00:00Z',
    '2026-11-22T14:60:00Z',
    '2026-11-22T14:05:61Z',
    '2026-11-22T14:05:00+24:00',
    '2026-11-22T14:05:00+10:60',
  ]) {
    t.match(faultOf(at), /^format: must be a date, a time and an offset that exist/, at)
  }
  for (const zone of ['', 'Nope/Zone', 'Brisbane', '+10:00', '10', '__proto__', '2026-11-22T14:05:00Z', 'Z', 'Australia/Brisbane\0']) {
    t.match(faultOf(`2026-11-22T14:05:00+10:00[${zone}]`), /^zone: must name a time zone/, `zone ${JSON.stringify(zone)}`)
  }
  t.match(
    faultOf({ at: '2026-11-22T14:05:00Z', precision: 'roughly' as Precision }),
    /^enum\/precision: must be one of exact, minute, about, since/,
  )
})

t.test('a leap second is refused in so many words, not moved', async (t) => {
  t.match(faultOf('2016-12-31T23:59:60Z'), /^leap_second: must not be a leap second: write :59/)
  t.match(faultOf('2026-11-22T14:05:60+10:00[Australia/Brisbane]'), /^leap_second/)
  t.match(faultOf('2016-12-31T23:59:59Z'), /^read as 2016-12-31T23:59:59/)
})

t.test('what lies more than a day ahead or before 2000 is a mistake', async (t) => {
  t.match(faultOf('2026-11-24T00:00:00Z'), /^read as/, 'exactly a day ahead: clocks differ')
  t.match(faultOf('2026-11-24T00:00:00.001Z'), /^future: must not lie in the future/)
  t.match(faultOf('1999-12-31T23:59:59.999Z'), /^too_old: must not be before the year 2000/)
  t.match(faultOf('2000-01-01T05:00:00+10:00'), /^too_old/, 'the instant counts, not the local date')
})

t.test('offset and zone must agree, and the refusal says what the zone has', async (t) => {
  t.match(faultOf('2026-11-22T14:05:00+11:00[Australia/Brisbane]'), /^offset: .* Australia\/Brisbane is at \+10:00, not \+11:00/)
  t.match(faultOf('2026-11-22T04:05:00+00:00[Australia/Brisbane]'), /^offset: /, 'unlike Z, +00:00 is a claim')
  t.match(faultOf('2026-07-01T12:00:00+01:00[Europe/Berlin]'), /Europe\/Berlin is at \+02:00, not \+01:00/)
})

t.test('a local time that the clocks skipped is refused with either offset', async (t) => {
  for (const [local, before, after, zone] of [
    ['2026-03-29T02:30:00', '+01:00', '+02:00', 'Europe/Berlin'],
    ['2026-10-04T02:30:00', '+10:00', '+11:00', 'Australia/Sydney'],
    ['2026-10-04T02:15:00', '+10:30', '+11:00', 'Australia/Lord_Howe'],
    ['2011-12-30T12:00:00', '-10:00', '+14:00', 'Pacific/Apia'],
  ] as const) {
    for (const offset of [before, after]) {
      const expected = `offset: must be a local time that exists: in ${zone} the clocks were put forward over it, from ${before} to ${after}`
      t.equal(faultOf(`${local}${offset}[${zone}]`), expected)
    }
  }
})

t.test('a local time that came twice is told apart by its offset', async (t) => {
  for (const [local, first, second, zone, earlier, later] of [
    ['2026-10-25T02:30:00', '+02:00', '+01:00', 'Europe/Berlin', '2026-10-25T00:30:00.000Z', '2026-10-25T01:30:00.000Z'],
    ['2026-04-05T02:30:00', '+11:00', '+10:00', 'Australia/Sydney', '2026-04-04T15:30:00.000Z', '2026-04-04T16:30:00.000Z'],
    ['2026-04-05T01:45:00', '+11:00', '+10:30', 'Australia/Lord_Howe', '2026-04-04T14:45:00.000Z', '2026-04-04T15:15:00.000Z'],
  ] as const) {
    t.equal(utcOf(`${local}${first}[${zone}]`), earlier)
    t.equal(utcOf(`${local}${second}[${zone}]`), later)
    t.match(utcOf(`${local}+05:00[${zone}]`), `${zone} is at ${first} or ${second}, not +05:00`)
  }
})

t.test('the edges of a gap are exact to the second', async (t) => {
  t.equal(utcOf('2026-03-29T01:59:59+01:00[Europe/Berlin]'), '2026-03-29T00:59:59.000Z')
  t.match(utcOf('2026-03-29T02:00:00+01:00[Europe/Berlin]'), /put forward/)
  t.match(utcOf('2026-03-29T02:59:59+02:00[Europe/Berlin]'), /put forward/)
  t.equal(utcOf('2026-03-29T03:00:00+02:00[Europe/Berlin]'), '2026-03-29T01:00:00.000Z')
  t.match(utcOf('2026-10-04T02:29:59+10:30[Australia/Lord_Howe]'), /put forward/)
  t.equal(utcOf('2026-10-04T02:30:00+11:00[Australia/Lord_Howe]'), '2026-10-03T15:30:00.000Z')
})

t.test('every instant, written in any zone, is read back as itself', async (t) => {
  const zones = [
    'Europe/Berlin',
    'Australia/Sydney',
    'Australia/Lord_Howe',
    'Australia/Brisbane',
    'America/St_Johns',
    'Asia/Kathmandu',
    'UTC',
  ]
  const instants = fc.integer({ min: Date.parse('2000-01-01T00:00:00Z'), max: now })
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(instants, fc.constantFrom(...zones), (milliseconds, zone) => {
        const written = Temporal.Instant.fromEpochMilliseconds(milliseconds)
          .toZonedDateTimeISO(zone)
          .toString({ smallestUnit: 'millisecond' })
        const reading = readOccurredAt(written, now)
        return 'value' in reading && Date.parse(reading.value.utc) === milliseconds && reading.value.zone === zone
      }),
      { numRuns: 1000 },
    ),
  )
})

t.test('reading never throws', async (t) => {
  const unit = fc.constantFrom(
    '2026-11-22T14:05:00',
    '2026',
    '-',
    ':',
    'T',
    'Z',
    '+10:00',
    '[',
    ']',
    'Europe/Berlin',
    '!',
    '60',
    '.5',
    '\0',
    '\ud800',
  )
  const inputs = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit, maxLength: 8 }))
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(inputs, (at) => {
        readOccurredAt({ at, precision: 'about' }, now)
      }),
      { numRuns: 2000 },
    ),
  )
})
