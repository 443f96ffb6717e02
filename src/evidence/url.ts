import { isWithin, toUnicode } from '../hostname.ts'
import { fault, type Reading } from './reading.ts'

/**
 * Reads the address of a page: absolute, http(s), without credentials, on the ticket's domain or a host below it. What is stored is
 * the parser's own spelling (WHATWG URL), so that what was checked is what a browser will open. Host names are compared by their
 * A-labels; a host with an underscore is let through, since browsers do open it. `domain` null: any host. Never throws.
 */
export function readUrl(text: string, domain: string | null): Reading<string> {
  // The parser drops tabs and line breaks, and reads `https:host`; a person who sent that meant something else.
  if (/\s|\p{Cc}/u.test(text)) return fault('format', 'must not contain spaces or control characters: write a space as %20')
  const url = /^https?:\/\//i.test(text) ? URL.parse(text) : null
  if (url === null)
    return fault('format', 'must be an absolute address, beginning with https:// or http://, e.g. https://www.shop.example/cart')
  if (url.username !== '' || url.password !== '') return fault('credentials', 'must not carry a user name or password')
  if (domain !== null && !isWithin(url.hostname.replace(/\.$/, ''), domain)) {
    return fault('domain', `must be on the ticket's domain ${toUnicode(domain)} or a host below it`)
  }
  return { value: url.href }
}
