/** The statements of the requests that are made most, taken from the wire of the real application with the values of real requests. */
import type { App } from '../../src/http/feature.ts'
import type { Wire } from '../races/arena.ts'
import type { Seen } from './explain.ts'
import type { Desk } from './people.ts'
import { type Make, works } from './works.ts'

const get =
  (path: (desk: Desk) => string, who: 'technical' | 'developer'): Make =>
  (desk) => ({ method: 'GET', path: path(desk), headers: { authorization: `Bearer ${desk[who].token}` } })

const requests: Record<string, Make> = {
  ...Object.fromEntries(works.map(({ name, mandate }) => [name, mandate])),
  'list of everything, by a contact': get(() => '/v1/tickets?limit=25', 'technical'),
  'list of everything, by a developer': get(() => '/v1/tickets?limit=25', 'developer'),
  'list of a domain, by its name': get(({ account, domain }) => `/v1/tickets?account=${account}&domain=${domain}&limit=25`, 'technical'),
  'list by the number of the account': get(({ number }) => `/v1/tickets?account=${number}&limit=25`, 'technical'),
  messages: get(({ tickets }) => `/v1/tickets/${tickets[0]}/messages?limit=25`, 'technical'),
  'who am I': get(() => '/v1/me/authority', 'developer'),
  reply: ({ tickets, technical }) => ({
    method: 'POST',
    path: `/v1/tickets/${tickets[1]}/messages`,
    headers: { authorization: `Bearer ${technical.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ body: 'It is back.' }),
  }),
}

/** Every statement of each request, and the form that those take which are asked by two at once. What would write is seen and not done. */
export async function hotStatements(app: App, wire: Wire, desk: Desk): Promise<Map<string, Seen[]>> {
  const found = new Map<string, Seen[]>()
  // Without its text it fails for its values, before anything is written; what is explained later is taken back.
  wire.rewrite = (text) => (/\binsert into\b/.test(text) ? 'select' : text)
  for (const [name, make] of Object.entries(requests)) {
    const seen = new Map<string, Seen>()
    wire.watch = (text, values) => seen.set(text, { text, values })
    const { method, path, headers = {}, body } = make(desk)
    const asked = { method, url: path, headers, ...(body === undefined ? {} : { payload: body }) }
    await app.inject(asked)
    await Promise.all([app.inject(asked), app.inject(asked)])
    found.set(name, [...seen.values()])
  }
  wire.watch = undefined
  wire.rewrite = undefined
  return found
}
