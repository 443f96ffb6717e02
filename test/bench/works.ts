/** The work that is measured: the same asked of the floor and of Mandate. */
import { randomUUID } from 'node:crypto'
import type { Desk } from './people.ts'
import { idOf } from './sizes.ts'

export type Sent = { method: 'GET' | 'POST'; path: string; headers?: Record<string, string>; body?: string }
export type Make = (desk: Desk) => Sent

/** `floor` is what Mandate's is compared with; a second yardstick is measured beside it. */
export type Work = { name: string; mandate: Make; floor?: Make; floorSingle?: Make }

const said = {
  topic: 'other',
  subject: 'The page answers slowly',
  message: 'Since noon every second request takes half a minute. '.repeat(6),
}
const json = (body: object, headers: Record<string, string> = {}) => ({
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify(body),
})
const bearer = ({ token }: { token: string }) => ({ authorization: `Bearer ${token}` })
const anyOf = (list: readonly string[]): string => list[Math.floor(Math.random() * list.length)] as string

const bare =
  (path: string): Make =>
  ({ account, developer }) => ({ method: 'POST', path, ...json({ user: developer.id, account, domain: idOf('domain', 0), ...said }) })

const open = (account: string, domain: string, who: { token: string }): Sent => ({
  method: 'POST',
  path: '/v1/tickets',
  ...json(
    { account, domain, ...said, details: { url: `https://www.${domain}/shop?page=2` } },
    { ...bearer(who), 'idempotency-key': randomUUID() },
  ),
})

const evaluation = ({ account, domain, developer }: Desk) => ({
  subject: { type: 'user', id: developer.id },
  action: { name: 'ticket.create' },
  resource: { type: 'domain', id: domain },
  context: { account, topic: 'website' },
})

/** Fifty buttons of a control panel: five actions, on every domain, under different topics. */
function buttons({ domains }: Desk): object[] {
  const actions = ['ticket.create', 'ticket.read', 'domain.read', 'domain.manage', 'grant.manage']
  return Array.from({ length: 50 }, (_, index) => ({
    action: { name: actions[index % actions.length] },
    resource: { type: 'domain', id: domains[index % domains.length] },
  }))
}

export const works: readonly Work[] = [
  {
    name: 'create',
    mandate: ({ account, domain, developer }) => open(account, domain, developer),
    floor: bare('/tickets'),
    floorSingle: bare('/tickets/single'),
  },
  { name: 'counted', mandate: ({ account, countedDomain, counted }) => open(account, countedDomain, counted) },
  {
    name: 'read',
    mandate: ({ tickets, technical }) => ({ method: 'GET', path: `/v1/tickets/${anyOf(tickets)}`, headers: bearer(technical) }),
    floor: ({ tickets }) => ({ method: 'GET', path: `/tickets/${anyOf(tickets)}` }),
  },
  {
    name: 'list',
    mandate: ({ account, technical }) => ({ method: 'GET', path: `/v1/tickets?account=${account}&limit=25`, headers: bearer(technical) }),
    floor: ({ account }) => ({ method: 'GET', path: `/tickets?account=${account}` }),
  },
  {
    name: 'decision',
    mandate: (desk) => ({ method: 'POST', path: '/access/v1/evaluation', ...json(evaluation(desk), bearer(desk.developer)) }),
    floor: ({ tickets }) => ({ method: 'GET', path: `/tickets/${anyOf(tickets)}` }),
  },
  {
    name: 'batch50',
    mandate: (desk) => ({
      method: 'POST',
      path: '/access/v1/evaluations',
      ...json({ ...evaluation(desk), evaluations: buttons(desk) }, bearer(desk.developer)),
    }),
  },
]

/** What people do in a day, mixed: mostly reading. */
export const mixed: Make = (desk) => {
  const dice = Math.random()
  const name = dice < 0.45 ? 'read' : dice < 0.7 ? 'list' : dice < 0.85 ? 'decision' : 'create'
  return (works.find((work) => work.name === name) as Work).mandate(desk)
}
