/** What is said on a ticket, by whom, and who hears it. */
import { eq } from 'drizzle-orm'
import t from 'tap'
import { messages } from '../../src/database/tables.ts'
import { setStage, ticketRow } from './stage.ts'

const stage = await setStage(t)
const { test, a, people, contacts, grants, ask, open, reply } = stage
const { db } = test.context

type Said = { id: string; kind: string; body: string; createdAt: string; author: object }
const pageOf = (who: string, ticket: string, query = '') => ask(who, 'GET', `/v1/tickets/${ticket}/messages${query}`)
const heard = async (who: string, ticket: string): Promise<Said[]> => (await pageOf(who, ticket)).body.items
const bodies = async (who: string, ticket: string) => (await heard(who, ticket)).map(({ body }) => body)

t.test('a reply says who speaks, on whose behalf, by which row, and how he was verified', async (t) => {
  const made = (await open('developer')).body
  const via = {
    owner: contacts.owner,
    developer: grants.developer,
    limited: contacts.limited,
    support: people.support.staffMember,
  } as const
  const capacities = { owner: 'contact', developer: 'grant', limited: 'contact', support: 'staff' } as const
  for (const who of ['owner', 'developer', 'limited', 'support'] as const) {
    const before = await stage.rows()
    const said = await reply(who, made.id, { body: `From ${who}.` })
    t.match(said, { status: 201, headers: { location: `/v1/tickets/${made.id}/messages/${said.body.id}` } }, said.text)
    t.strictSame(said.body, {
      id: said.body.id,
      ticket: made.id,
      kind: 'reply',
      author: {
        user: { id: people[who].id, name: people[who].name },
        capacity: capacities[who],
        via: via[who],
        onBehalfOf: { account: a.id, number: a.number, name: 'Alpha Ltd' },
        verification: { method: 'password', level: 'one_factor', at: said.body.author.verification.at },
      },
      body: `From ${who}.`,
      createdAt: said.body.createdAt,
    })
    const { messages: written = 0, journal_events: events = 0 } = before
    t.strictSame(await stage.rows(), { ...before, messages: written + 1, journal_events: events + 1 }, 'one message and one event')
    for (const reader of ['owner', 'developer', 'support'])
      t.strictSame((await heard(reader, made.id)).at(-1), said.body, `${reader} reads it so`)
  }
  const events = (await stage.events(made.id)).slice(1)
  t.match(
    events,
    (['owner', 'developer', 'limited', 'support'] as const).map((who) => ({
      kind: 'ticket.replied',
      audience: 'account',
      accountId: a.id,
      actorUserId: people[who].id,
      capacity: capacities[who],
      viaId: via[who],
      sessionId: people[who].session,
      verification: 'password',
      verificationLevel: 'one_factor',
      action: who === 'support' ? 'staff.ticket.work' : 'ticket.reply',
      decision: 'permit',
      resourceType: 'ticket',
      domainId: made.domain.id,
    })),
  )
  t.ok(events.every(({ requestId }) => requestId !== null))
})

t.test('an internal note is for staff alone: not listed, not counted, not in a page, not in the account’s events', async (t) => {
  const made = (await open('developer')).body
  const before = await stage.rows()
  const note = await reply('support', made.id, { kind: 'note', body: 'Looks like their own DNS.' })
  t.match(note, { status: 201, body: { kind: 'note', author: { capacity: 'staff' } } })
  t.match((await stage.events(made.id)).at(-1), { kind: 'ticket.noted', audience: 'staff' })
  const { messages: written = 0, journal_events: events = 0 } = before
  t.strictSame(await stage.rows(), { ...before, messages: written + 1, journal_events: events + 1 }, 'one message and one event')
  await reply('owner', made.id, { body: 'Any news?' })
  for (const who of ['owner', 'developer', 'keeper', 'technical']) {
    t.strictSame(await bodies(who, made.id), ['Since noon.', 'Any news?'], who)
    const page = await pageOf(who, made.id, '?limit=1')
    t.strictSame([page.body.items.length, typeof page.body.nextCursor], [1, 'string'])
    const next = await pageOf(who, made.id, `?limit=1&cursor=${page.body.nextCursor}`)
    t.strictSame([next.body.items[0].body, next.body.nextCursor], ['Any news?', null], 'no page is left with nothing on it')
    t.notMatch((await ask(who, 'GET', `/v1/tickets/${made.id}`)).text, /DNS/)
  }
  for (const who of ['support', 'admin'])
    t.strictSame(await bodies(who, made.id), ['Since noon.', 'Looks like their own DNS.', 'Any news?'])
})

t.test('what is for staff is refused to customers, by name', async (t) => {
  const made = (await open('developer')).body
  const before = await stage.rows()
  for (const who of ['owner', 'developer']) {
    const note = await reply(who, made.id, { kind: 'note' })
    t.match(note, { status: 422, body: { code: 'validation_error', errors: [{ pointer: '#/kind', code: 'staff_only' }] } })
    const status = await reply(who, made.id, { status: 'resolved' })
    t.match(status, { status: 422, body: { errors: [{ pointer: '#/status', code: 'staff_only' }] } })
    const both = await reply(who, made.id, { kind: 'note', status: 'open' })
    t.match(both.body, { detail: '2 fields need attention', errors: [{ pointer: '#/kind' }, { pointer: '#/status' }] })
  }
  const quiet = await reply('support', made.id, { kind: 'note', status: 'resolved' })
  t.match(
    quiet,
    { status: 422, body: { errors: [{ pointer: '#/status', code: 'note' }] } },
    'a note changes nothing, and does not say it did',
  )
  t.match(await reply('support', made.id, { status: 'closed' }), { status: 422, body: { errors: [{ pointer: '#/status' }] } })
  t.match(await reply('support', made.id, { status: 'new' }), { status: 422 })
  t.strictSame(await stage.rows(), before, 'and nothing was written')
})

t.test('a reply needs the authority to reply', async (t) => {
  const billing = (await open('billing', { topic: 'billing' })).body
  const own = (await open('developer')).body
  const refused: [string, string, number][] = [
    ['developer', billing.id, 404],
    ['technical', billing.id, 404],
    ['stranger', own.id, 404],
    ['otherOwner', own.id, 404],
    ['billing', own.id, 404],
    ['manager', own.id, 201],
    ['owner', billing.id, 201],
  ]
  for (const [who, ticket, status] of refused) {
    const before = await stage.rows('journal_events')
    t.equal((await reply(who, ticket)).status, status, `${who}: ${status}`)
    if (status !== 201) t.strictSame(await stage.rows('journal_events'), before, 'and nothing was written')
  }
  for (const verb of ['messages', 'close', 'reopen']) {
    const sent = await ask('developer', 'POST', `/v1/tickets/${billing.id}/${verb}`)
    const none = await ask('developer', 'POST', `/v1/tickets/${a.id}/${verb}`)
    t.strictSame(
      { ...sent.body, instance: '' },
      { ...none.body, instance: '' },
      'not to be seen and not there are the same, before the body is read',
    )
  }
})

t.test('messages come in pages, oldest first, that join to the whole', async (t) => {
  const id = await ticketRow(stage)
  const at = new Date(test.clock.now())
  // Two share an instant, so that the id has to decide.
  const rows = Array.from({ length: 9 }, (_, index) => ({
    accountId: a.id,
    ticketId: id,
    id: `00000000-0000-7000-8000-00000000000${(index * 7) % 9}`,
    kind: index % 3 === 1 ? ('note' as const) : ('reply' as const),
    actorUserId: people.support.id,
    capacity: 'staff' as const,
    staffMemberId: people.support.staffMember,
    sessionId: people.support.session,
    verification: 'password' as const,
    verificationLevel: 'one_factor' as const,
    verifiedAt: at,
    body: `Number ${index}`,
    createdAt: new Date(at.getTime() + Math.floor(index / 2)),
  }))
  await db.insert(messages).values(rows)
  const order = [...rows].sort((one, other) => one.createdAt.getTime() - other.createdAt.getTime() || (one.id < other.id ? -1 : 1))
  for (const [who, whole] of [
    ['support', order],
    ['owner', order.filter(({ kind }) => kind === 'reply')],
  ] as const) {
    for (const limit of [1, 2, 4, 100]) {
      const found: Said[] = []
      for (let cursor: string | null = ''; cursor !== null && found.length < 1_000; ) {
        const { body } = await pageOf(who, id, `?limit=${limit}${cursor === '' ? '' : `&cursor=${cursor}`}`)
        found.push(...body.items)
        cursor = body.nextCursor
      }
      t.strictSame(
        found.map(({ body }) => body),
        whole.map(({ body }) => body),
        `${who}, ${limit} at a time`,
      )
    }
  }
  const { nextCursor } = (await pageOf('support', id, '?limit=2')).body
  const other = await ticketRow(stage)
  t.match(await pageOf('support', other, `?cursor=${nextCursor}`), { status: 400, body: { code: 'unsupported_cursor' } }, 'of this ticket')
  t.match(await pageOf('admin', id, `?cursor=${nextCursor}`), { status: 400 }, 'and this caller')
})

t.test('a message stays as it was written', async (t) => {
  const text = '  **Bold**, <script>alert(1)</script>\r\n\tand an emoji: 🧯\u2028end  '
  const made = (await open('owner', { message: text })).body
  await reply('support', made.id, { body: text })
  t.strictSame(await bodies('owner', made.id), [text, text])
  const [row] = await db.select().from(messages).where(eq(messages.ticketId, made.id))
  t.equal(row?.body, text)
  t.match(await reply('owner', made.id, { body: ' \n\t ' }), { status: 422, body: { errors: [{ pointer: '#/body' }] } }, 'and is not blank')
})
