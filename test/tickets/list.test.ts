/** A list is the full set of tickets filtered by the decision, whoever asks, however it is paged and filtered. */
import { eq } from 'drizzle-orm'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { actionFor } from '../../src/authority/asked.ts'
import { decide } from '../../src/authority/decide.ts'
import { questionAboutTicket } from '../../src/authority/facts.ts'
import { load } from '../../src/authority/load.ts'
import { contacts, domainNames, domains, grants, tickets, users } from '../../src/database/tables.ts'
import { domain, grant } from '../fixtures/cast.ts'
import { type Name, setStage, ticketRow } from './stage.ts'

const stage = await setStage(t)
const { test, a, b, people, ask } = stage
const { db } = test.context
const everyone = Object.keys(people) as Name[]
const read = { action: 'ticket.read', staffAction: 'staff.ticket.work' } as const

type Row = typeof tickets.$inferSelect

/** Tickets of every kind that a reach can tell apart, several of them at one instant. */
async function fill(): Promise<void> {
  const { alpha, deep, books, beta } = stage.domains
  const gone = await domain(test, a, 'gone.example')
  const now = test.clock.now()
  const asGrantee = { capacity: 'grant' as const, contactId: null, actorUserId: people.developer.id, grantId: stage.grants.developer }
  let minute = 0
  for (const place of [alpha.id, deep.id, gone.id, null]) {
    for (const topic of ['other', 'billing', 'website']) {
      for (const contactsOnly of [false, true]) {
        const createdAt = new Date(now - Math.floor(minute++ / 3) * 60_000)
        await ticketRow(stage, { domainId: place, topic, contactsOnly, createdAt })
      }
    }
    if (place === alpha.id) await ticketRow(stage, { ...asGrantee, domainId: place, createdAt: new Date(now + 1_000) })
  }
  await ticketRow(stage, { ...asGrantee, grantId: stage.grants.keeper, actorUserId: people.keeper.id, domainId: alpha.id })
  await ticketRow(stage, { domainId: alpha.id, status: 'resolved', resolvedAt: new Date(now), createdAt: new Date(now + 2_000) })
  const asOther = { accountId: b.id, contactId: stage.contacts.otherOwner, actorUserId: people.otherOwner.id }
  await ticketRow(stage, { ...asOther, domainId: beta.id })
  await ticketRow(stage, { ...asOther, domainId: null, topic: 'billing', createdAt: new Date(now) })
  await ticketRow(stage, {
    domainId: books.id,
    origin: 'staff',
    capacity: 'staff',
    contactId: null,
    staffMemberId: people.support.staffMember,
  })
  await db.delete(domainNames).where(eq(domainNames.domainId, gone.id))
  await db
    .update(domains)
    .set({ releasedAt: new Date(now) })
    .where(eq(domains.id, gone.id))
}

await fill()

/** The whole list of a caller, page by page. */
async function listed(who: Name, limit: number, filters: Record<string, string> = {}): Promise<string[]> {
  const found: string[] = []
  for (let cursor: string | null = ''; cursor !== null && found.length < 1_000; ) {
    const query = new URLSearchParams({ ...filters, limit: String(limit), ...(cursor === '' ? {} : { cursor }) })
    const { status, body, text } = await ask(who, 'GET', `/v1/tickets?${query}`)
    if (status !== 200) throw new Error(text)
    if (body.items.length > limit) throw new Error('more than was asked for')
    found.push(...body.items.map(({ id }: { id: string }) => id))
    cursor = body.nextCursor
  }
  return found
}

/** Newest first, then the greater id: by hand. */
const newest = (one: Row, other: Row): number => other.createdAt.getTime() - one.createdAt.getTime() || (one.id < other.id ? 1 : -1)

/** Each ticket asked about on its own. */
async function permitted(who: Name): Promise<Row[]> {
  const { id, session } = people[who]
  const caller = await callerOf(id, session)
  const all = (await db.select().from(tickets)).sort(newest)
  const visible = []
  for (const row of all) {
    const loaded = await load(db, test.clock.offset(), caller, { ticket: row.id })
    const place = loaded.domains.find((held) => held.id === row.domainId) ?? null
    if (loaded.ticket === null) throw new Error('a ticket was not loaded')
    const asked = questionAboutTicket(actionFor(read, loaded), loaded.ticket, place)
    if (decide(loaded.facts, asked, loaded.facts.now).permit) visible.push(row)
  }
  return visible
}

/** A caller as the door would have made him. */
async function callerOf(userId: string, sessionId: string): Promise<Parameters<typeof load>[2]> {
  return { userId, sessionId, requestId: uuid(), authenticatedAt: test.clock.now(), clientId: null, ceiling: null } as Parameters<
    typeof load
  >[2]
}

const idsOf = (rows: readonly Row[]): string[] => rows.map(({ id }) => id)

t.test('a list shows of a ticket what reading it shows, but its details and its completeness', async (t) => {
  for (const who of ['owner', 'support'] as const) {
    const { body } = await ask(who, 'GET', '/v1/tickets?limit=100')
    t.ok(body.items.length > 20, `${who} sees ${body.items.length}`)
    for (const item of body.items) {
      const { details, completeness, ...shown } = (await ask(who, 'GET', `/v1/tickets/${item.id}`)).body
      t.strictSame(item, shown, item.number)
      t.ok(details && completeness, 'which reading it shows')
    }
  }
})

t.test('S4, S6: pages join to the whole, and the whole is what each single decision permits', async (t) => {
  const sizes: Partial<Record<Name, number>> = {}
  for (const who of everyone) {
    const expected = idsOf(await permitted(who))
    sizes[who] = expected.length
    for (const limit of [4, 100]) t.strictSame(await listed(who, limit), expected, `${who}, ${limit} at a time`)
  }
  const { owner = 0, developer, keeper = 0, limited = 0, support } = sizes
  t.equal(support, (await db.select().from(tickets)).length, 'staff see all')
  t.ok(owner > limited && limited > keeper && keeper > (developer ?? 0), `the reaches differ: ${JSON.stringify(sizes)}`)
  t.strictSame([developer, sizes.stranger, sizes.otherOwner], [1, 0, 2])
})

t.test('S6: what is listed can be read, and what is not cannot', async (t) => {
  const all = await db.select().from(tickets)
  for (const who of ['developer', 'keeper', 'limited', 'billing', 'otherOwner'] as const) {
    const inReach = new Set(await listed(who, 100))
    const statuses = await Promise.all(all.map(async ({ id }) => (await ask(who, 'GET', `/v1/tickets/${id}`)).status))
    t.strictSame(
      statuses,
      all.map(({ id }) => (inReach.has(id) ? 200 : 404)),
      who,
    )
  }
})

t.test('filters cut the same set, and never widen it', async (t) => {
  const { alpha, beta } = stage.domains
  const number = (await db.select().from(tickets).where(eq(tickets.status, 'resolved')))[0]?.number
  const cuts: [Record<string, string>, (row: Row) => boolean][] = [
    [{ account: a.number }, (row) => row.accountId === a.id],
    [{ account: b.id }, (row) => row.accountId === b.id],
    [{ account: 'C-0' }, () => false],
    [{ domain: 'ALPHA.example.' }, (row) => row.domainId === alpha.id],
    [{ domain: alpha.id.toUpperCase() }, (row) => row.domainId === alpha.id],
    [{ domain: 'beta.example' }, (row) => row.domainId === beta.id],
    [{ domain: 'invented.example' }, () => false],
    [{ status: 'resolved' }, (row) => row.status === 'resolved'],
    [{ topic: 'billing' }, (row) => row.topic === 'billing'],
    [{ number: `T-${number}` }, (row) => row.number === number],
    [
      { account: a.id, domain: alpha.id, topic: 'other', status: 'new' },
      (row) => row.domainId === alpha.id && row.topic === 'other' && row.status === 'new',
    ],
  ]
  for (const who of ['owner', 'keeper', 'otherOwner', 'support'] as const) {
    const whole = await permitted(who)
    for (const [filters, keeps] of cuts)
      t.strictSame(await listed(who, 6, filters), idsOf(whole.filter(keeps)), `${who}: ${JSON.stringify(filters)}`)
  }
  for (const [parameter, value] of Object.entries({
    domain: 'not a name',
    status: 'gone',
    topic: 'weather',
    number: '100001',
    limit: '101',
    colour: 'red',
  })) {
    const sent = await ask('owner', 'GET', `/v1/tickets?${new URLSearchParams({ [parameter]: value })}`)
    t.match(sent, { status: 422, body: { errors: [{ parameter, in: 'query' }] } }, parameter)
  }
})

t.test('a cursor serves only the list, the filters and the caller it was given to', async (t) => {
  const first = await ask('owner', 'GET', `/v1/tickets?limit=2&topic=other&account=${a.number}`)
  const cursor = encodeURIComponent(first.body.nextCursor)
  t.equal(first.headers['link'], `</v1/tickets?limit=2&topic=other&account=${a.number}&cursor=${cursor}>; rel="next"`)
  const refused = { status: 400, body: { code: 'unsupported_cursor' } }
  const same = await ask('owner', 'GET', `/v1/tickets?account=${a.number}&cursor=${cursor}&topic=other&limit=5`)
  t.equal(same.status, 200, 'in any order of the filters and with another limit')
  t.strictSame(
    same.body.items.map(({ id }: { id: string }) => id),
    (await listed('owner', 100, { topic: 'other', account: a.number })).slice(2, 7),
  )
  t.match(await ask('owner', 'GET', `/v1/tickets?limit=2&topic=billing&account=${a.number}&cursor=${cursor}`), refused)
  t.match(await ask('owner', 'GET', `/v1/tickets?limit=2&topic=other&cursor=${cursor}`), refused)
  t.match(await ask('manager', 'GET', `/v1/tickets?limit=2&topic=other&account=${a.number}&cursor=${cursor}`), refused)
  t.match(await ask('support', 'GET', `/v1/tickets?limit=2&topic=other&account=${a.number}&cursor=${cursor}`), refused)
  const bytes = Buffer.from(first.body.nextCursor, 'base64url')
  for (const place of [0, 15, 16, bytes.length - 1]) {
    const forged = Buffer.from(bytes)
    forged[place] = (forged[place] as number) ^ 1
    t.match(
      await ask('owner', 'GET', `/v1/tickets?limit=2&topic=other&account=${a.number}&cursor=${forged.toString('base64url')}`),
      refused,
      `byte ${place}`,
    )
  }
  for (const nonsense of ['x', 'AAAA', Buffer.from('["2026-01-01T00:00:00Z","x"]').toString('base64url')]) {
    t.match(await ask('owner', 'GET', `/v1/tickets?cursor=${nonsense}`), refused, nonsense)
  }
})

t.test('authority is asked anew on every page', async (t) => {
  const { alpha } = stage.domains
  const short = await grant(test, a, stage.contacts.owner, people.stranger, [alpha], { actions: ['ticket.read'], reach: 'domain' })
  const later = new Date(test.clock.now() + 5_000)
  for (const _ of [1, 2, 3]) await ticketRow(stage, { domainId: alpha.id, createdAt: later })
  const first = await ask('stranger', 'GET', '/v1/tickets?limit=2')
  t.equal(first.body.items.length, 2)
  await db
    .update(grants)
    .set({ status: 'revoked', endedAt: new Date(test.clock.now()) })
    .where(eq(grants.id, short))
  const next = await ask('stranger', 'GET', `/v1/tickets?limit=2&cursor=${first.body.nextCursor}`)
  t.strictSame([next.status, next.body], [200, { items: [], nextCursor: null }], 'after the end of the grant nothing is left')
  await db
    .update(contacts)
    .set({ status: 'ended', endedAt: new Date(test.clock.now()) })
    .where(eq(contacts.id, stage.contacts.manager))
  t.strictSame(await listed('manager', 100), [])
  await db.update(users).set({ status: 'suspended' }).where(eq(users.id, people.owner.id))
  t.strictSame(await listed('keeper', 100), [], 'nor when its grantor is suspended')
  t.equal((await ask('owner', 'GET', '/v1/tickets')).status, 401)
})
