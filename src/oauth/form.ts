/**
 * Reads `application/x-www-form-urlencoded` as OAuth means it (RFC 6749, appendix B, and section 3.2): no parameter twice, one without
 * a value counts as not sent, unknown ones are ignored. Everything that two readers could read differently is refused.
 */
import type { FastifyRequest } from 'fastify'
import { decodeText, refuseEncodings } from '../http/body.ts'
import type { App } from '../http/feature.ts'
import { OAuthError } from './errors.ts'

/** The parameters of a request by name; every value has at least one character. */
export type Form = ReadonlyMap<string, string>

export const formType = 'application/x-www-form-urlencoded'

/** Far more than the longest honest request, in bytes. */
export const formBytesMax = 16_384

/** Makes the scope's routes take forms and nothing else. */
export function registerForms(app: App): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: formBytesMax }, (request, body, done) => {
    try {
      done(null, Object.fromEntries(readForm(request, body as Buffer)))
    } catch (error) {
      done(error as Error)
    }
  })
}

/** The form of a request; the route's schema has refused one without. */
export function formOf({ body }: FastifyRequest): Form {
  return new Map(Object.entries(body as Record<string, string>))
}

/** @throws OAuthError `invalid_request` for a parameter that is not there */
export function required(form: Form, name: string): string {
  const value = form.get(name)
  if (value === undefined) throw new OAuthError('invalid_request', `The parameter ${name} is missing`)
  return value
}

function readForm(request: FastifyRequest, body: Buffer): Map<string, string> {
  if (request.mediaType !== formType) throw malformed(`Send ${formType}`)
  refuseEncodings(request)
  const seen = new Map<string, string>()
  for (const pair of body.length === 0 ? [] : decodeText(body).split('&')) {
    const [name, value] = readPair(pair)
    if (seen.has(name)) throw malformed('A parameter is sent more than once')
    seen.set(name, value)
  }
  return new Map([...seen].filter(([, value]) => value !== ''))
}

function readPair(pair: string): [string, string] {
  const [name = '', value, ...rest] = pair.split('=')
  if (name === '' || value === undefined || rest.length > 0) throw malformed('A parameter is not of the form name=value')
  return [decode(name), decode(value)]
}

function decode(text: string): string {
  if (!/^[\x21-\x7e]*$/.test(text)) throw malformed('A character stands there that must be percent-encoded')
  try {
    const decoded = decodeURIComponent(text.replaceAll('+', ' '))
    if (!decoded.includes('\0')) return decoded
  } catch {
    // Neither is a cut-off escape text, nor one that is no UTF-8.
  }
  throw malformed('A parameter is not UTF-8 in percent-encoding, or contains NUL')
}

const malformed = (description: string): OAuthError => new OAuthError('invalid_request', description)
