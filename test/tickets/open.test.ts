import { eq } from 'drizzle-orm'
import t, { type Test } from 'tap'
import { accounts, grants, journalEvents, messages, tickets } from '../../src/database/tables.ts'
import type { AccountState } from '../../src/vocabulary.ts'
import { grant, person } from '../fixtures/cast.ts'
import { type Name, setStage } from './stage.ts'

/** Making one takes longer than any test here. */
const stage = await setStage(t)

/** By hand, from docs/authority.md: who opens what. A word is the reason he is told; "-" is a refusal without one. */
const everyone: Name[] = ['owner', 'manager', 'technical', 'billing', 'limited', 'developer', 'keeper', 'stranger', 'otherOwner', 'support']
const unable = 'action_not_in_role'
const outside = `yes yes yes ${unable} domain_not_in_role domain_not_in_grant domain_not_in_grant - - yes`
const cases: Record<string, { change: object; expected: string }> = {
  'about a domain': { change: {}, expected: `yes yes yes ${unable} yes yes yes - - yes` },
  'about another domain of the account': { change: { domain: 'deep.alpha.example' }, expected: outside },
  'not about a domain': { change: { domain: null }, expected: outside },
  'about billing': {
    change: { topic: 'billing' },
    expected: 'yes yes topic_confidential yes topic_confidential topic_confidential topic_confidential - - yes',
  },
  'for contacts only': { change: { contactsOnly: true }, expected: `yes yes yes ${unable} yes contacts_only contacts_only - - yes` },
}

t.test('who opens which ticket, and what is written', async (t) => {
  for (const [about, { change, expected }] of Object.entries(cases)) {
    await t.test(about, async (t) => {
      for (const [place, who] of everyone.entries()) await judged(t, who, change, expected.split(' ')[place])
    })
  }
})

/** The same for everyone, so that it betrays nothing. */
const ways = [{ rel: 'submission', href: '/v1/submissions' }, { rel: 'grant-request' }, { rel: 'owner' }, { rel: 'authority' }]

async function judged(t: Test, who: Name, change: object, expected: string | undefined): Promise<void> {
  const before = await stage.rows()
  const made = await stage.open(who, change)
  const after = await stage.rows()
  if (expected === 'yes') {
    t.equal(made.status, 201, `${who} opens it: ${made.text}`)
    const { tickets: held = 0, messages: said = 0, journal_events: events = 0, idempotency_keys: keys = 0 } = before
    const grown = { tickets: held + 1, messages: said + 1, journal_events: events + 1, idempotency_keys: keys + 1 }
    t.strictSame(after, { ...before, ...grown }, `${who}: one ticket, one message, one event, one key`)
    return
  }
  t.match(made, { status: 403, body: { code: 'not_authorised', next: ways } }, `${who} is refused`)
  t.equal(made.body.reason ?? '-', expected, `${who} is told why, if he has a tie`)
  const recorded = expected === '-' ? 0 : 1
  t.strictSame(after, { ...before, journal_events: (before['journal_events'] ?? 0) + recorded }, `${who}: and nothing was written`)
}

t.test('evidence', async (t) => {
  const { open } = stage
  const details = {
    occurredAt: { at: '2026-01-22T14:05:00+10:00[Australia/Brisbane]', precision: 'exact' },
    url: 'https://alpha.example/a?b',
  }

  await t.test('a missing detail is answered with what it is for and how it looks', async (t) => {
    const before = await stage.rows()
    const sent = await open('owner', { topic: 'website', details: { url: details.url } })
    t.match(sent, { status: 422, body: { code: 'details_missing', type: '/problems/details-missing' } })
    t.match(sent.body.missing, [{ field: 'occurredAt', pointer: '#/details/occurredAt', why: /time/, example: { at: String } }])
    const none = await open('owner', { topic: 'email-delivery' })
    t.strictSame(
      none.body.missing.map(({ field }: { field: string }) => field),
      ['occurredAt', 'mailFrom', 'mailTo'],
    )
    t.strictSame(await stage.rows(), before, 'and nothing was written')
    const example = sent.body.missing[0].example
    t.equal(
      (await open('owner', { topic: 'website', details: { ...details, occurredAt: { ...example, at: '2026-01-22T14:05:00Z' } } })).status,
      201,
    )
  })

  await t.test('a wrong one is named where it stands', async (t) => {
    const before = await stage.rows()
    const wrong = { occurredAt: { at: '2026-01-22T14:05:00', precision: 'exact' }, url: 'https://beta.example/', colour: 'red' }
    const sent = await open('owner', { topic: 'website', details: wrong })
    t.match(sent, { status: 422, body: { code: 'validation_error' } })
    const pointers = sent.body.errors.map(({ pointer }: { pointer: string }) => pointer)
    t.strictSame(pointers.sort(), ['#/details/colour', '#/details/occurredAt/at', '#/details/url'])
    const mail = { occurredAt: details.occurredAt, mailFrom: 'a@one.example', mailTo: 'b@two.example' }
    const foreign = await open('owner', { topic: 'email-delivery', details: mail })
    t.match(foreign, { status: 422, body: { errors: [{ pointer: '#/details/mailTo', code: 'domain' }] } })
    t.strictSame(await stage.rows(), before, 'and nothing was written')
  })

  await t.test('what was read is in the reply, in the row and on every later read', async (t) => {
    const made = await open('developer', {
      topic: 'website',
      details: { ...details, browser: 'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0' },
    })
    t.match(made, { status: 201, body: { topic: 'website', topicVersion: 1, details: { url: details.url, browser: { name: 'Firefox' } } } })
    t.match(made.body.details.occurredAt, { precision: 'exact' })
    t.match(made.body.completeness, { score: Number, missing: [{ field: 'operatingSystem', need: 'wanted' }, {}, {}] })
    t.strictSame((await stage.ask('developer', 'GET', `/v1/tickets/${made.body.id}`)).body, made.body)
    const row = await stage.row(made.body.id)
    t.strictSame(row.details, made.body.details)
    t.strictSame(row.completeness, made.body.completeness)
  })

  await t.test('authority comes first: whoever may not ask is not taught', async (t) => {
    t.match(await open('stranger', { topic: 'website', details: { colour: 'red' } }), { status: 403 })
    t.match(await open('developer', { topic: 'website', domain: 'deep.alpha.example' }), {
      status: 403,
      body: { reason: 'domain_not_in_grant' },
    })
  })
})

t.test('a ticket says who speaks for whom, and by which right', async (t) => {
  const { a, people, contacts, grants: given, test, open } = stage
  const onBehalfOf = { account: a.id, number: a.number, name: 'Alpha Ltd' }

  await t.test('a contact and a developer are the requesters of their own words', async (t) => {
    const rights = {
      owner: ['contact', contacts.owner],
      developer: ['grant', given.developer],
      limited: ['contact', contacts.limited],
    } as const
    for (const [who, [capacity, via]] of Object.entries(rights)) {
      const { body } = await open(who)
      const user = { id: people[who as Name].id, name: people[who as Name].name }
      t.match(body, { origin: 'live', channel: 'api', requester: user, openedBy: { user, capacity, via, onBehalfOf } })
      t.strictSame(body.openedBy.verification.method, 'password')
      const [message] = await stage.messages(body.id)
      t.match(message, { kind: 'reply', body: 'Since noon.', actorUserId: user.id, capacity })
      const events = await stage.events(body.id)
      t.match(events, [{ kind: 'ticket.created', audience: 'account', accountId: a.id, actorUserId: user.id, capacity, viaId: via }])
      t.match(events[0], { verification: 'password', action: 'ticket.create', decision: 'permit', domainId: body.domain.id })
      t.strictSame(events[0]?.sessionId, people[who as Name].session)
    }
  })

  await t.test("staff's is the provider's own: no requester, by telephone, never the customer's words", async (t) => {
    const made = await open('support', { topic: 'billing' })
    const via = people.support.staffMember
    t.match(made.body, { origin: 'staff', channel: 'phone', requester: null, openedBy: { capacity: 'staff', via, onBehalfOf } })
    t.equal(made.body.openedBy.user.name, 'Sue Support')
    t.match(await stage.events(made.body.id), [{ kind: 'ticket.created', action: 'staff.ticket.open', capacity: 'staff', viaId: via }])
    const read = await stage.ask('owner', 'GET', `/v1/tickets/${made.body.id}`)
    t.match(read, { status: 200, body: { requester: null, openedBy: { capacity: 'staff', user: { name: 'Sue Support' } } } })
  })

  await t.test('the event carries the id of its request', async (t) => {
    const made = await open('owner', {}, { headers: { 'x-request-id': '0192f3c1-6f0e-7c52-9f0a-0c6f2b0f1a11' } })
    t.equal((await stage.events(made.body.id))[0]?.requestId, made.headers['x-request-id'])
    t.ok(made.headers['x-request-id'])
  })

  await t.test('a refusal of someone with a tie is an event about the account, with its reason', async (t) => {
    const { db } = test.context
    const refused = await open('developer', { contactsOnly: true })
    const [event] = await db
      .select()
      .from(journalEvents)
      .where(eq(journalEvents.requestId, String(refused.headers['x-request-id'])))
    t.match(event, { kind: 'access.refused', decision: 'deny', reason: 'contacts_only', accountId: a.id, actorUserId: people.developer.id })
  })
})

t.test('uses of a grant are tickets made, nothing else', async (t) => {
  const { test, a, domains: held, contacts, open, ask } = stage
  const { db } = test.context
  const counted = await person(test, 'Carl Counted')
  const id = await grant(test, a, contacts.owner, counted, [held.alpha], { actions: ['ticket.create', 'ticket.read'], maxUses: 2 })
  const uses = async () => (await db.select().from(grants).where(eq(grants.id, id)))[0]?.uses
  const as = { token: counted.token }
  const made = await open('', {}, { ...as, key: 'first' })
  t.match(made, { status: 201, body: { openedBy: { capacity: 'grant', via: id } } })
  t.equal(await uses(), 1)
  t.equal((await open('', {}, { ...as, key: 'first' })).text, made.text, 'a repetition spends nothing')
  t.equal((await open('', { topic: 'website' }, as)).status, 422)
  t.equal((await open('', { contactsOnly: true }, as)).status, 403)
  t.equal((await ask('', 'GET', `/v1/tickets/${made.body.id}`, as)).status, 200)
  t.equal(await uses(), 1, 'nor does a refusal, a mistake or a read')
  t.equal((await open('', {}, as)).status, 201)
  t.match(await open('', {}, as), { status: 403, body: { reason: 'grant_exhausted' } })
  t.equal(await uses(), 2)
  t.equal((await ask('', 'GET', `/v1/tickets/${made.body.id}`, as)).status, 200, 'a spent grant still serves what it made')
  t.equal((await db.select().from(grants).where(eq(grants.id, id)))[0]?.version, 1, 'and use changes no version')
})

t.test('every ticket has one number, and its message is its first', async (t) => {
  const { db } = stage.test.context
  const made = await Promise.all([1, 2, 3, 4].map(() => stage.open('owner')))
  const numbers = made.map(({ body }) => body.number)
  t.equal(new Set(numbers).size, 4)
  for (const { body, headers } of made) {
    t.match(body.number, /^T-1\d{5}$/)
    t.match(headers, { location: `/v1/tickets/${body.id}`, etag: '"v1"' })
    t.equal(`T-${(await stage.row(body.id)).number}`, body.number)
  }
  t.equal((await db.select().from(tickets)).length, (await db.select().from(messages)).length)
})

t.test('the life of the account bounds what may be opened', async (t) => {
  const { test, a, open } = stage
  const become = (state: AccountState) =>
    test.context.db
      .update(accounts)
      .set({ state, accessUntil: new Date(test.clock.now() + 90 * 86_400_000) })
      .where(eq(accounts.id, a.id))
  await become('restricted')
  t.equal((await open('owner')).status, 201)
  t.match(await open('developer'), { status: 403, body: { reason: 'account_state' } })
  await become('new')
  t.match(await open('owner'), { status: 403, body: { reason: 'account_state' } })
  await become('closed')
  t.match(await open('owner'), { status: 403, body: { reason: 'account_state' } })
  t.equal((await open('owner', { topic: 'billing' })).status, 201, 'its owners still ask about bills')
  t.match(await open('manager', { topic: 'billing' }), { status: 403, body: { reason: 'account_state' } })
  t.equal((await open('support')).status, 201, 'staff are not limited by it')
  await stage.wait(90 * 86_400_000)
  t.match(await open('owner', { topic: 'billing' }), { status: 403, body: { reason: 'account_state' } }, 'for ninety days')
})
