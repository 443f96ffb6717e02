import type { FastifyInstance } from 'fastify'
import { Problem } from '../problem.ts'

const json: readonly string[] = ['application/json']
/** A caller that only speaks of problems still means our JSON. */
const alwaysOffered = 'application/problem+json'
const rangeForm = /^\s*([\w!#$&^.+*-]+)\/([\w!#$&^.+*-]+)\s*(?:;(.*))?$/s
const qualityForm = /(?:^|;)\s*q\s*=\s*(\d(?:\.\d+)?)\s*(?:;|$)/i

type Range = { type: string; subtype: string; quality: number }

/** 406 where `Accept` leaves out everything the route `produces` (its schema's member; JSON when it names nothing). */
export function registerAcceptCheck(app: FastifyInstance): void {
  app.addHook('onRequest', (request, _reply, done) => {
    const { accept } = request.headers
    if (accept === undefined || accept.includes('*/*')) return done()
    const offers = request.routeOptions.schema?.produces ?? json
    if (preferred(accept, [...offers, alwaysOffered]) === undefined) {
      throw new Problem('not_acceptable', { detail: `This path answers in ${offers.join(', ')}` })
    }
    done()
  })
}

/**
 * The media type of `offers` the caller likes best (RFC 9110, section 12.5.1), the first of equals; undefined when `accept` leaves
 * out all of them. A header that cannot be read counts as absent.
 */
export function preferred(accept: string | undefined, offers: readonly string[]): string | undefined {
  const ranges = (accept ?? '').split(',').flatMap(toRange)
  if (ranges.length === 0) return offers[0]
  let best: { offer: string; quality: number } | undefined
  for (const offer of offers) {
    const quality = qualityOf(ranges, offer)
    if (quality > (best?.quality ?? 0)) best = { offer, quality }
  }
  return best?.offer
}

function toRange(text: string): Range[] {
  const [, type, subtype, parameters = ''] = rangeForm.exec(text) ?? []
  if (type === undefined || subtype === undefined) return []
  return [{ type: type.toLowerCase(), subtype: subtype.toLowerCase(), quality: Number(qualityForm.exec(parameters)?.[1] ?? 1) }]
}

/** The quality the most specific matching range gives, 0 when none matches. */
function qualityOf(ranges: readonly Range[], offer: string): number {
  const [type, subtype] = offer.split('/')
  const exact = ranges.find((range) => range.type === type && range.subtype === subtype)
  const family = exact ?? ranges.find((range) => range.type === type && range.subtype === '*')
  return (family ?? ranges.find((range) => range.type === '*'))?.quality ?? 0
}
