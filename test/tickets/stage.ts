/** Two accounts, everyone who may ask about their tickets, and short words for what they do. */
import { and, asc, eq } from 'drizzle-orm'
import type { Test } from 'tap'
import { v7 as uuid } from 'uuid'
import { journalEvents, messages, sessions, tickets } from '../../src/database/tables.ts'
import { openTestApp, type Request, type Sent, send, type TestApp } from '../fixtures/app.ts'
import { account, contact, domain, grant, type Person, person, staff, tokenFor } from '../fixtures/cast.ts'
import { countRows } from '../fixtures/rows.ts'

export type Stage = Awaited<ReturnType<typeof setStage>>
export type Name = keyof Stage['people']

/**
 * A holds alpha.example, deep.alpha.example and bücher.example; B holds beta.example and shop.alpha.example, a host below A's.
 * `limited` is bound to alpha.example, so are the grants of `developer` (reach `own`) and `keeper` (reach `domain`).
 */
export async function setStage(t: Test, settings: Record<string, string> = {}) {
  const test = await openTestApp(t, settings)
  const a = await account(test, 'Alpha Ltd')
  const b = await account(test, 'Beta Ltd')
  const domains = {
    alpha: await domain(test, a, 'alpha.example'),
    deep: await domain(test, a, 'deep.alpha.example'),
    books: await domain(test, a, 'xn--bcher-kva.example'),
    beta: await domain(test, b, 'beta.example'),
    shop: await domain(test, b, 'shop.alpha.example'),
  }
  const people = {
    owner: await person(test, 'Olga Owner'),
    manager: await person(test, 'Max Manager'),
    technical: await person(test, 'Tom Technical'),
    billing: await person(test, 'Bill Billing'),
    limited: await person(test, 'Lena Limited'),
    developer: await person(test, 'Dan Developer'),
    keeper: await person(test, 'Kim Keeper'),
    stranger: await person(test, 'Sam Stranger'),
    otherOwner: await person(test, 'Otto Other'),
    support: await staff(test, 'Sue Support', 'support'),
    admin: await staff(test, 'Ada Admin', 'admin'),
  }
  const contacts = {
    owner: await contact(test, a, people.owner, 'owner'),
    manager: await contact(test, a, people.manager, 'manager'),
    technical: await contact(test, a, people.technical, 'technical'),
    billing: await contact(test, a, people.billing, 'billing'),
    limited: await contact(test, a, people.limited, 'technical', [domains.alpha]),
    otherOwner: await contact(test, b, people.otherOwner, 'owner'),
  }
  const actions = ['ticket.create', 'ticket.read', 'ticket.reply', 'ticket.close', 'domain.read']
  const grants = {
    developer: await grant(test, a, contacts.owner, people.developer, [domains.alpha], { actions }),
    keeper: await grant(test, a, contacts.owner, people.keeper, [domains.alpha], { actions, reach: 'domain' }),
  }
  return { test, a, b, domains, people, contacts, grants, ...words(test, a.number, people) }
}

const plain = { topic: 'other', subject: 'It broke', message: 'Since noon.' }

function words(test: TestApp, number: string, people: Record<string, Person>) {
  const { db } = test.context
  const ask = (who: string, method: string, url: string, request: Request = {}): Promise<Sent> =>
    send(test, method, url, { token: people[who]?.token, ...request })
  const row = async (id: string) => (await db.select().from(tickets).where(eq(tickets.id, id)))[0] as typeof tickets.$inferSelect
  return {
    ask,
    row,
    /** Opens a ticket about alpha.example, unless `change` says otherwise. */
    open: (who: string, change: object = {}, request: Request = {}): Promise<Sent> =>
      ask(who, 'POST', '/v1/tickets', { key: true, body: { account: number, domain: 'alpha.example', ...plain, ...change }, ...request }),
    reply: (who: string, ticket: string, body: object = {}, request: Request = {}): Promise<Sent> =>
      ask(who, 'POST', `/v1/tickets/${ticket}/messages`, { body: { body: 'More.', ...body }, ...request }),
    /** Closes or reopens, on the version that is current. */
    step: async (who: string, verb: 'close' | 'reopen', ticket: string): Promise<Sent> =>
      ask(who, 'POST', `/v1/tickets/${ticket}/${verb}`, { ifMatch: (await row(ticket)).version }),
    /** The events about a ticket, oldest first, without refusals. */
    events: async (ticket: string) => {
      const about = and(eq(journalEvents.resourceType, 'ticket'), eq(journalEvents.resourceId, ticket))
      const events = await db.select().from(journalEvents).where(about).orderBy(asc(journalEvents.id))
      return events.filter(({ kind }) => kind !== 'access.refused')
    },
    messages: (ticket: string) => db.select().from(messages).where(eq(messages.ticketId, ticket)).orderBy(asc(messages.id)),
    rows: (...except: string[]) => countRows(db, except),
    /** Later everyone is still signed in: sessions are made to last, and tokens are made anew. */
    wait: async (milliseconds: number): Promise<void> => {
      test.clock.advance(milliseconds)
      await db.update(sessions).set({ expiresAt: new Date(test.clock.now() + 86_400_000) })
      for (const who of Object.values(people)) who.token = await tokenFor(test, who.id, who.session)
    },
  }
}

/** A ticket written straight into the database, by the owner's contact unless told otherwise. */
export async function ticketRow({ test, a, people, contacts }: Stage, rest: Partial<typeof tickets.$inferInsert> = {}): Promise<string> {
  const at = new Date(test.clock.now())
  const id = uuid()
  const [row] = await test.context.db
    .insert(tickets)
    .values({
      accountId: a.id,
      id,
      number: numbers++,
      topic: 'other',
      topicVersion: 1,
      subject: 'It broke',
      origin: 'live',
      channel: 'api',
      requesterUserId: people.owner.id,
      actorUserId: people.owner.id,
      capacity: 'contact',
      contactId: contacts.owner,
      sessionId: people.owner.session,
      verification: 'password',
      verificationLevel: 'one_factor',
      verifiedAt: at,
      details: {},
      completeness: { score: 0, missing: [] },
      createdAt: at,
      arrivedAt: at,
      ...rest,
    })
    .returning({ id: tickets.id })
  return (row as { id: string }).id
}

let numbers = 1
