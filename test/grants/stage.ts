/** One account with two domains and who has to do with its grants. */
import { eq, sql } from 'drizzle-orm'
import type { Test } from 'tap'
import { accounts, grantRequests, grants, journalEvents } from '../../src/database/tables.ts'
import { settleRequests } from '../../src/grants/settle.ts'
import { openTestApp, type Request, type Sent, send, type TestApp } from '../fixtures/app.ts'
import { type Account, account, contact, type Domain, domain, type Person, person, staff } from '../fixtures/cast.ts'
import { eventsOf, ledger, letters } from '../fixtures/ledger.ts'

export type Stage = {
  test: TestApp
  a: Account
  one: Domain
  two: Domain
  foreign: Domain
  owner: Person
  manager: Person
  limited: Person
  technical: Person
  developer: Person
  admin: Person
  ownerContact: string
  managerContact: string
  act: (who: Person, id: string, verb: string, request?: Request) => Promise<Sent>
  row: (id: string) => Promise<typeof grants.$inferSelect>
  /** The kinds of the events about a grant, in order. */
  events: (id: string) => Promise<string[]>
  /** Who was told what about a grant since the last look: `kind name`. */
  told: (id: string) => Promise<string[]>
}

export async function setStage(t: Pick<Test, 'teardown'>): Promise<Stage> {
  const test = await openTestApp(t)
  const a = await account(test, 'Alpha Ltd')
  const [one, two] = [await domain(test, a, 'alpha.example'), await domain(test, a, 'alpha-two.example')]
  const foreign = await domain(test, await account(test, 'Beta Ltd'), 'beta.example')
  const owner = await person(test, 'Olga')
  const manager = await person(test, 'Mia')
  const limited = await person(test, 'Lena')
  const technical = await person(test, 'Tom')
  const developer = await person(test, 'Dora')
  const admin = await staff(test, 'Ada', 'admin')
  const ownerContact = await contact(test, a, owner, 'owner')
  const managerContact = await contact(test, a, manager, 'manager')
  await contact(test, a, limited, 'manager', [one])
  await contact(test, a, technical, 'technical')
  const names = new Map([owner, manager, limited, technical, developer, admin].map(({ id, name }) => [id, name]))
  let seen = 0
  return {
    test,
    a,
    one,
    two,
    foreign,
    owner,
    manager,
    limited,
    technical,
    developer,
    admin,
    ownerContact,
    managerContact,
    act: (who, id, verb, request = {}) =>
      send(test, 'POST', `/v1/accounts/${a.number}/grants/${id}/${verb}`, { token: who.token, ...request }),
    row: async (id) => (await test.context.db.select().from(grants).where(eq(grants.id, id)))[0] as typeof grants.$inferSelect,
    events: async (id) => (await eventsOf(test, a.id)).flatMap(({ kind, resourceId }) => (resourceId === id ? kind : [])),
    told: async (id) => {
      const all = await letters(test)
      const fresh = all.slice(seen)
      seen = all.length
      return fresh.flatMap(({ kind, subject, recipient }) => (subject === id ? `${kind} ${names.get(String(recipient))}` : [])).sort()
    },
  }
}

/** The same with a request code, and what a developer does with it. */
export async function setDesk(t: Pick<Test, 'teardown'>) {
  const stage = await setStage(t)
  const { test, a, owner, developer } = stage
  const { body } = await send(test, 'POST', `/v1/accounts/${a.number}/request-code`, { token: owner.token })
  const code: string = body.code
  const right = { account: a.number, requestCode: code, domains: ['ALPHA.example.'], actions: ['ticket.create', 'ticket.read'] }
  const settle = () => test.jobs.drain('grant-requests', settleRequests(test.context))
  return {
    ...stage,
    code,
    right,
    settle,
    ask: (change: object = {}, who = developer, rest: Request = {}) =>
      send(test, 'POST', '/v1/grant-requests', { token: who.token, key: true, body: { ...right, ...change }, ...rest }),
    view: async (id: string, who = developer) => (await send(test, 'GET', `/v1/grant-requests/${id}`, { token: who.token })).body,
    cancel: (id: string, who = developer) => send(test, 'POST', `/v1/grant-requests/${id}/cancel`, { token: who.token }),
    grantOf: async (id: string) => (await test.context.db.select().from(grantRequests).where(eq(grantRequests.id, id)))[0]?.grantId ?? null,
  }
}

/** The account's side of the database: what asking in vain must leave alone. */
export async function accountSide({ test, a }: Stage) {
  const { grants: held, grant_domains: links } = await ledger(test)
  const rows = await test.context.db.select().from(accounts).where(eq(accounts.id, a.id))
  const events = await test.context.db.select().from(journalEvents).where(eq(journalEvents.accountId, a.id))
  const mail = await test.context.db.execute(sql`select id from pgboss.job where name = 'mail'`)
  return { held, links, rows, events, mail: mail.rows }
}
