import { getPublicSuffix } from 'tldts'
import * as tr46 from 'tr46'

/** UTS #46 as strict as it gets; lengths and empty labels are checked here, so that each has its own sentence. */
const idna = { checkHyphens: true, checkBidi: true, checkJoiners: true, useSTD3ASCIIRules: true, transitionalProcessing: false } as const

/** Far beyond what 253 octets of A-labels can unfold to; bounds the work of decoding. */
const inputLengthMaximum = 1024
const octetsMaximum = 253
const labelOctetsMaximum = 63

/**
 * What UTS #46 leaves as it is, and nearly every name: labels of lower-case ASCII letters, digits and inner hyphens, none with hyphens in
 * its third and fourth place, as every `xn--` has them (RFC 5891, section 4.2.3.1).
 */
const plainForm = /^(?:(?!..--)[a-z\d](?:[a-z\d-]*[a-z\d])?(?:\.|$))+$/

/**
 * The one form in which host names are stored and compared: lower-case A-labels (UTS #46, non-transitional), no trailing dot, at
 * least two labels, at most 253 octets (RFC 1035). The form is its own form. `error` completes a sentence that begins with the
 * field's name. Total: no input throws.
 */
export function normaliseHostname(input: string): { name: string } | { error: string } {
  if (input === '') return { error: 'must not be empty; give a host name, e.g. shop.example' }
  if (input.length > inputLengthMaximum) return { error: tooLong }
  const mapped = plainForm.test(input) ? input : tr46.toASCII(input, idna)
  if (mapped === null) return { error: faultOfInput(input.normalize('NFKC')) }
  const name = mapped.endsWith('.') ? mapped.slice(0, -1) : mapped
  const error = faultOfLabels(name)
  return error === undefined ? { name } : { error }
}

/** The name as people read it, e.g. `bücher.example` for `xn--bcher-kva.example`; for display only, never for comparing. */
export function toUnicode(name: string): string {
  // Most names are ASCII throughout, and a list has many of them.
  return name.includes('xn--') ? tr46.toUnicode(name, idna).domain : name
}

/**
 * Whether a normalised name is one under which strangers register names (publicsuffix.org, ICANN and private section), and so can
 * be nobody's domain: `com`, `co.uk`, `github.io`. By the list's default rule every unlisted single label is one too.
 */
export function isPublicSuffix(name: string): boolean {
  return getPublicSuffix(name, { allowPrivateDomains: true, extractHostname: false, validateHostname: false }) === name
}

/** The normalised name itself and each parent with at least two labels, longest first: the order of a longest match. */
export function ancestors(name: string): string[] {
  const labels = name.split('.')
  return labels.slice(0, -1).map((_, index) => labels.slice(index).join('.'))
}

/** Whether a normalised host name is the normalised domain or a host below it. */
export function isWithin(host: string, domain: string): boolean {
  return host === domain || host.endsWith(`.${domain}`)
}

const tooLong = `must be at most ${octetsMaximum} octets long in its A-label form`
const isIpAddress = 'must be a host name, not an IP address, e.g. shop.example'

function faultOfLabels(name: string): string | undefined {
  const labels = name.split('.')
  if (labels.includes('')) return 'must not have empty labels: take out the dot at its beginning or the one that is doubled'
  // A last label of digits is read as an IPv4 address by browsers and resolvers (WHATWG URL, "ends in a number"); no such TLD exists.
  if (/^(?:\d+|0x[\da-f]*)$/.test(labels.at(-1) as string)) return isIpAddress
  if (labels.length < 2) return 'must have at least two labels, e.g. shop.example'
  if (labels.some((label) => label.length > labelOctetsMaximum)) {
    return `must not have a label longer than ${labelOctetsMaximum} octets in its A-label form`
  }
  return name.length > octetsMaximum ? tooLong : undefined
}

/** Why UTS #46 refused it; the first that fits, most telling first. */
const faults: readonly [RegExp, string][] = [
  [/\s|\p{Cc}/u, 'must not contain spaces or control characters'],
  [/\/|\\/, 'must be the host name alone, without http:// before it or a path after it'],
  [/@/, 'must be a host name, not a mail address: give only what follows the @'],
  [/^\[|:.*:/, isIpAddress],
  [/:/, 'must not carry a port: leave out the colon and what follows it'],
  [/_/, 'must not contain underscores: names such as _dmarc are records, give the host name they belong to'],
  [/\*/, 'must not be a wildcard: leave out the *.'],
]

function faultOfInput(folded: string): string {
  const fault = faults.find(([pattern]) => pattern.test(folded))
  if (fault) return fault[1]
  return 'must be a valid internationalised host name: labels of letters, digits and inner hyphens, separated by dots, e.g. shop.example'
}
