/** U3: what an event says was permitted is permitted, by the same row, on the facts as they were when it was written. */
import { eq } from 'drizzle-orm'
import t from 'tap'
import { decide } from '../../src/authority/decide.ts'
import { type DomainFact, type Facts, question, questionAboutTicket, type TicketFact } from '../../src/authority/facts.ts'
import { loadForMany } from '../../src/authority/load.ts'
import { journalEvents } from '../../src/database/tables.ts'
import type { Action } from '../../src/vocabulary.ts'
import { openTestApp, type Request, send } from '../fixtures/app.ts'
import { account, contact, domain, grant, type Person, person, staff } from '../fixtures/cast.ts'

t.test('U3: replaying the decision of an event on the state then gives the same permit', async (t) => {
  const test = await openTestApp(t)
  const a = await account(test, 'Alpha Ltd')
  const [a1, a2] = [await domain(test, a, 'alpha.example'), await domain(test, a, 'alpha-two.example')]
  const [owner, manager, developer] = [await person(test, 'Olga Owner'), await person(test, 'Max'), await person(test, 'Dan Developer')]
  const [support, admin] = [await staff(test, 'Sue Support', 'support'), await staff(test, 'Ada Admin', 'admin')]
  const ownerContact = await contact(test, a, owner, 'owner')
  const managerContact = await contact(test, a, manager, 'manager')
  const given = await grant(test, a, ownerContact, developer, [a1], {
    actions: ['ticket.create', 'ticket.read', 'ticket.reply', 'ticket.close'],
  })
  const path = `/v1/accounts/${a.id}`
  const ticketOf = (name: string) => ({ account: a.number, domain: name, topic: 'other', subject: 'It broke', message: 'Since noon.' })

  /** The facts of somebody at this moment, about everything there is. */
  async function factsOf(who: Person, tickets: string[]) {
    const caller = { userId: who.id, clientId: null, ceiling: null, sessionId: who.session, requestId: '', authenticatedAt: 0 }
    const named = { accountIds: [a.id], accountNumbers: [], domainIds: [a1.id, a2.id], domainNames: [], ticketIds: tickets }
    return loadForMany(test.context.db, test.clock.offset(), caller, named)
  }

  type Event = typeof journalEvents.$inferSelect

  /** The question of an event, made of nothing but the event and the rows it names. */
  function questionOf(event: Event, facts: { domains: DomainFact[]; tickets: TicketFact[] }) {
    const action = event.action as Action
    const domainNamed = facts.domains.find(({ id }) => id === event.domainId) ?? null
    const existing = action === 'ticket.create' ? undefined : facts.tickets.find(({ id }) => id === event.resourceId)
    if (existing !== undefined)
      return questionAboutTicket(action, existing, facts.domains.find(({ id }) => id === existing.domainId) ?? null)
    const topic = action.startsWith('ticket.') ? 'other' : null
    return question(action, event.accountId, { domains: domainNamed === null ? [] : [domainNamed], topic })
  }

  const opened: string[] = []
  let replayed = 0

  /** Does it, and replays every permit that its events tell of. */
  async function acts(who: Person, method: string, url: string, request: Request = {}): Promise<string> {
    const before = await factsOf(who, opened)
    const sent = await send(test, method, url, { token: who.token, ...request })
    t.ok(sent.status < 300, `${method} ${url}: ${sent.status} ${sent.text}`)
    const events = await test.context.db
      .select()
      .from(journalEvents)
      .where(eq(journalEvents.requestId, String(sent.headers['x-request-id'])))
    t.ok(events.length > 0, `${method} ${url} leaves an event`)
    for (const event of events) {
      if (event.decision !== 'permit') continue
      const facts: Facts = before.facts
      const decision = decide(facts, questionOf(event, before), facts.now)
      t.match(decision, { permit: true, via: { capacity: event.capacity, id: event.viaId } }, `${event.kind} of ${who.name}`)
      t.ok(event.at.getTime() >= facts.now - 1, 'and it was written after the facts were read')
      replayed++
    }
    return sent.body?.id ?? ''
  }

  for (const who of [owner, developer]) opened.push(await acts(who, 'POST', '/v1/tickets', { key: true, body: ticketOf('alpha.example') }))
  const [, ofDeveloper] = opened
  await acts(developer, 'POST', `/v1/tickets/${ofDeveloper}/messages`, { body: { body: 'More of it.' } })
  await acts(support, 'POST', `/v1/tickets/${ofDeveloper}/messages`, { body: { body: 'Looking into it.' } })
  await acts(support, 'POST', `/v1/tickets/${ofDeveloper}/messages`, { body: { kind: 'note', body: 'Strange.' } })
  const offer = { grantee: { address: 'dev@people.example' }, domains: ['alpha.example'], actions: ['ticket.read'] }
  await acts(manager, 'POST', `${path}/contacts`, { key: true, body: { address: 'tina@people.example', role: 'technical' } })
  await acts(owner, 'POST', `${path}/grants`, { key: true, body: offer })
  await acts(admin, 'POST', `${path}/domains`, { body: { name: 'new.example' } })
  await acts(owner, 'DELETE', `${path}/contacts/${managerContact}`)
  await acts(owner, 'POST', `${path}/grants/${given}/revoke`, { body: {} })
  t.ok(replayed >= 10, `${replayed} permits were replayed`)
})
