/** Where a ticket may go from where it is, through every door that moves it. */
import { eq } from 'drizzle-orm'
import t, { type Test } from 'tap'
import { tickets } from '../../src/database/tables.ts'
import { demandReopenable, statusAfterReply } from '../../src/tickets/life.ts'
import { type TicketStatus, ticketStatuses } from '../../src/vocabulary.ts'
import type { Sent } from '../fixtures/app.ts'
import { setStage, ticketRow } from './stage.ts'

const dayMs = 86_400_000
const stage = await setStage(t)
const { test, ask } = stage

/** A ticket about alpha.example in a status, as life would have left it. */
const inStatus = (status: TicketStatus) =>
  ticketRow(stage, {
    domainId: stage.domains.alpha.id,
    status,
    resolvedAt: status === 'resolved' || status === 'closed' ? new Date(test.clock.now()) : null,
  })

type Act = (ticket: string) => Promise<Sent>
const staffReply =
  (status?: string): Act =>
  (ticket) =>
    stage.reply('support', ticket, status === undefined ? {} : { status })

/** By hand: the act, and for each status in the order of the list where it leads, or `-` where it is refused. */
const table: Record<string, { act: Act; to: string; wants: TicketStatus }> = {
  //                                                      new                 open                waiting_on_customer on_hold             resolved closed
  "a customer's reply": {
    act: (ticket) => stage.reply('owner', ticket),
    to: 'new                 open                open                on_hold             open     -',
    wants: 'open',
  },
  "a developer's reply": {
    act: (ticket) => stage.reply('keeper', ticket),
    to: 'new                 open                open                on_hold             open     -',
    wants: 'open',
  },
  "staff's reply": {
    act: staffReply(),
    to: 'waiting_on_customer waiting_on_customer waiting_on_customer waiting_on_customer resolved -',
    wants: 'open',
  },
  "staff's reply as open": {
    act: staffReply('open'),
    to: 'open                open                open                open                open     -',
    wants: 'open',
  },
  "staff's reply as waiting": {
    act: staffReply('waiting_on_customer'),
    to: 'waiting_on_customer waiting_on_customer waiting_on_customer waiting_on_customer -        -',
    wants: 'waiting_on_customer',
  },
  "staff's reply as on hold": {
    act: staffReply('on_hold'),
    to: 'on_hold             on_hold             on_hold             on_hold             -        -',
    wants: 'on_hold',
  },
  "staff's reply as resolved": {
    act: staffReply('resolved'),
    to: 'resolved            resolved            resolved            resolved            resolved -',
    wants: 'resolved',
  },
  "staff's note": {
    act: (ticket) => stage.reply('support', ticket, { kind: 'note' }),
    to: 'new                 open                waiting_on_customer on_hold             resolved closed',
    wants: 'open',
  },
  close: {
    act: (ticket) => stage.step('owner', 'close', ticket),
    to: 'resolved            resolved            resolved            resolved            -        -',
    wants: 'resolved',
  },
  "staff's close": {
    act: (ticket) => stage.step('support', 'close', ticket),
    to: 'resolved            resolved            resolved            resolved            -        -',
    wants: 'resolved',
  },
  reopen: {
    act: (ticket) => stage.step('owner', 'reopen', ticket),
    to: '-                   -                   -                   -                   open     -',
    wants: 'open',
  },
}

/** By hand, too: what a 409 lists. */
const allowed: Record<TicketStatus, TicketStatus[]> = {
  new: ['open', 'waiting_on_customer', 'on_hold', 'resolved'],
  open: ['waiting_on_customer', 'on_hold', 'resolved'],
  waiting_on_customer: ['open', 'on_hold', 'resolved'],
  on_hold: ['open', 'waiting_on_customer', 'resolved'],
  resolved: ['open', 'closed'],
  closed: [],
}

t.test('every act in every status', async (t) => {
  for (const [name, { act, to, wants }] of Object.entries(table)) {
    await t.test(name, async (t) => {
      const ends = to.split(/ +/)
      for (const [place, from] of ticketStatuses.entries()) await holds(t, from, ends[place] as TicketStatus | '-', act, wants)
    })
  }
})

async function holds(t: Test, from: TicketStatus, to: TicketStatus | '-', act: Act, wants: TicketStatus): Promise<void> {
  const id = await inStatus(from)
  const row = await stage.row(id)
  const before = await stage.rows()
  const sent = await act(id)
  if (to === '-') {
    t.match(sent, { status: 409, body: { code: 'invalid_transition', from, to: wants } }, `${from}: refused`)
    t.strictSame(sent.body.allowed, allowed[from], `${from}: and told what is allowed`)
    t.strictSame([await stage.row(id), await stage.rows()], [row, before], `${from}: and nothing was written`)
    return
  }
  t.ok(sent.status === 200 || sent.status === 201, `${from}: ${sent.text}`)
  const after = await stage.row(id)
  t.equal(after.status, to, `${from}: becomes ${to}`)
  const events = await stage.events(id)
  t.equal(events.length, 1, `${from}: one event`)
  const members = (Object.keys(row) as (keyof typeof row)[]).filter((member) => member !== 'version')
  const changed = members.filter((member) => JSON.stringify(row[member]) !== JSON.stringify(after[member]))
  t.strictSame([...(events[0]?.changed ?? [])].sort(), changed.sort(), `${from}: which names what changed, and no more`)
}

t.test('the event names what an act changed, and null where it changed nothing but said something', async (t) => {
  const id = await inStatus('new')
  await stage.reply('owner', id)
  await stage.reply('support', id)
  await stage.reply('support', id)
  await stage.reply('support', id, { kind: 'note' })
  await stage.reply('owner', id)
  await stage.step('owner', 'close', id)
  await stage.reply('support', id)
  await stage.step('owner', 'reopen', id)
  t.strictSame(
    (await stage.events(id)).map(({ kind, changed }) => [kind, changed]),
    [
      ['ticket.replied', ['lastCustomerReplyAt']],
      ['ticket.replied', ['status', 'firstResponseAt']],
      ['ticket.replied', null],
      ['ticket.noted', null],
      ['ticket.replied', ['status', 'lastCustomerReplyAt']],
      ['ticket.closed', ['status', 'resolvedAt']],
      ['ticket.replied', null],
      ['ticket.reopened', ['status', 'resolvedAt']],
    ],
  )
})

t.test('closing and reopening', async (t) => {
  await t.test('tell when, raise the version, and answer with the ticket as it then reads', async (t) => {
    const id = await inStatus('open')
    const closed = await stage.step('owner', 'close', id)
    t.match(closed, {
      status: 200,
      headers: { etag: '"v2"' },
      body: { status: 'resolved', version: 2, resolvedAt: String, closedAt: null },
    })
    t.strictSame((await ask('owner', 'GET', `/v1/tickets/${id}`)).body, closed.body)
    const reopened = await stage.step('developer', 'reopen', id)
    t.equal(reopened.status, 404, 'not by one who cannot see it')
    const again = await stage.step('support', 'reopen', id)
    t.match(again, { status: 200, headers: { etag: '"v3"' }, body: { status: 'open', version: 3, resolvedAt: null } })
    t.notMatch((await ask('owner', 'GET', `/v1/tickets/${id}`)).text, /hostHeldByOtherAccount/)
    t.strictSame((await ask('support', 'GET', `/v1/tickets/${id}`)).body, again.body)
    t.strictSame(
      (await stage.events(id)).map(({ kind, capacity }) => [kind, capacity]),
      [
        ['ticket.closed', 'contact'],
        ['ticket.reopened', 'staff'],
      ],
    )
  })

  await t.test('want the version that was seen', async (t) => {
    const id = await inStatus('open')
    await stage.reply('owner', id)
    const row = await stage.row(id)
    const before = await stage.rows()
    const url = `/v1/tickets/${id}/close`
    t.match(await ask('owner', 'POST', url), { status: 428, body: { code: 'precondition_required' } })
    for (const stale of ['"v1"', '"v3"', 'W/"v2"', '"other"', '"v1", W/"v2"']) {
      const sent = await ask('owner', 'POST', url, { headers: { 'if-match': stale } })
      t.match(sent, { status: 412, body: { code: 'precondition_failed', currentEtag: '"v2"' } }, stale)
      t.notOk(sent.headers['etag'])
    }
    t.match(await ask('owner', 'POST', url, { headers: { 'if-match': 'v2' } }), { status: 400 })
    t.strictSame([await stage.row(id), await stage.rows()], [row, before], 'and nothing was written')
    t.equal((await ask('owner', 'POST', url, { headers: { 'if-match': '"v1", "v2"' } })).status, 200, 'any of those listed')
    const reopen = `/v1/tickets/${id}/reopen`
    t.match(await ask('owner', 'POST', reopen), { status: 428 })
    t.match(await ask('owner', 'POST', reopen, { ifMatch: 2 }), { status: 412, body: { currentEtag: '"v3"' } })
    t.match(await ask('owner', 'POST', reopen, { headers: { 'if-match': '*' } }), { status: 200, body: { version: 4 } }, 'or whichever')
  })

  await t.test('a stale version is told before a wrong state, and authority before both', async (t) => {
    const id = await inStatus('closed')
    t.equal((await ask('owner', 'POST', `/v1/tickets/${id}/close`, { ifMatch: 7 })).status, 412)
    t.equal((await ask('owner', 'POST', `/v1/tickets/${id}/close`, { ifMatch: 1 })).status, 409)
    t.equal((await ask('stranger', 'POST', `/v1/tickets/${id}/close`)).status, 404)
  })
})

t.test('a resolved ticket is reopened for the configured days, and then is final', async (t) => {
  const days = test.config.reopenDays
  const again = { reply: (id: string) => stage.reply('owner', id), reopen: (id: string) => stage.step('owner', 'reopen', id) }
  const inTime = { reply: await inStatus('resolved'), reopen: await inStatus('resolved') }
  const late = { reply: await inStatus('resolved'), reopen: await inStatus('resolved'), staff: await inStatus('resolved') }
  await stage.wait(days * dayMs - 60_000)
  for (const [door, act] of Object.entries(again)) {
    const id = inTime[door as keyof typeof again]
    t.match(await act(id), { status: door === 'reply' ? 201 : 200 }, `in time by ${door}`)
    t.match(await stage.row(id), { status: 'open', resolvedAt: null })
  }
  await stage.wait(120_000)
  const before = await stage.rows()
  const refused = { status: 409, body: { code: 'invalid_transition', from: 'resolved', to: 'open', allowed: [], detail: /new ticket/ } }
  for (const [door, act] of Object.entries(again)) t.match(await act(late[door as keyof typeof again]), refused, `too late by ${door}`)
  t.match(await stage.reply('support', late.staff, { status: 'open' }), refused, 'also for staff')
  t.strictSame(await stage.rows(), before, 'and nothing was written')
  t.match(await stage.reply('support', late.staff), { status: 201 }, 'a last word of staff leaves it resolved')
  t.equal((await stage.row(late.staff)).status, 'resolved')
})

t.test('the days end at their instant', async (t) => {
  const resolvedAt = 1_000_000_000_000
  const end = resolvedAt + 14 * dayMs
  const at = (now: number, days = 14, status: TicketStatus = 'resolved') => demandReopenable({ status, resolvedAt }, days, now)
  t.doesNotThrow(() => at(end - 1))
  t.throws(() => at(end), { code: 'invalid_transition', members: { allowed: [] } })
  t.throws(() => at(resolvedAt, 0), { code: 'invalid_transition' }, 'zero days is never')
  t.throws(
    () => demandReopenable({ status: 'resolved', resolvedAt: null }, 14, end),
    { code: 'invalid_transition' },
    'one without a time is final',
  )
  t.throws(
    () => at(resolvedAt, 14, 'on_hold'),
    { code: 'invalid_transition', message: 'Only a resolved ticket is reopened, and this one is on_hold' },
    'nor is one that is not resolved',
  )
  t.equal(statusAfterReply({ status: 'resolved', resolvedAt }, false, undefined, 14, end - 1), 'open')
  t.throws(() => statusAfterReply({ status: 'resolved', resolvedAt }, false, undefined, 14, end), { code: 'invalid_transition' })
  t.throws(() => statusAfterReply({ status: 'resolved', resolvedAt }, true, 'open', 14, end), { code: 'invalid_transition' })
})

t.test('the times of a ticket are those of its life', async (t) => {
  const made = (await stage.open('owner')).body
  t.match(made, { firstResponseAt: null, lastCustomerReplyAt: null, resolvedAt: null, closedAt: null })
  t.equal(made.createdAt, made.arrivedAt)
  const read = async () => (await ask('owner', 'GET', `/v1/tickets/${made.id}`)).body
  await stage.reply('support', made.id, { kind: 'note' })
  t.match(await read(), { firstResponseAt: null, version: 1 }, 'a note is no response and no change')
  const said = (await stage.reply('owner', made.id)).body
  t.match(await read(), { firstResponseAt: null, lastCustomerReplyAt: said.createdAt, version: 2 })
  const first = (await stage.reply('support', made.id)).body
  t.match(await read(), { firstResponseAt: first.createdAt, lastCustomerReplyAt: said.createdAt, version: 3 })
  await stage.reply('support', made.id)
  t.match(await read(), { firstResponseAt: first.createdAt, version: 4 }, 'the first stays the first')
  const later = (await stage.reply('owner', made.id)).body
  t.match(await read(), { lastCustomerReplyAt: later.createdAt, version: 5 }, 'the last moves on')
  const closed = await stage.reply('support', made.id, { status: 'resolved' })
  t.match(await read(), { resolvedAt: closed.body.createdAt, firstResponseAt: first.createdAt, lastCustomerReplyAt: later.createdAt })
  await stage.reply('support', made.id)
  t.match(await read(), { resolvedAt: closed.body.createdAt }, 'a word more does not resolve it anew')
  await stage.reply('owner', made.id)
  t.match(await read(), { status: 'open', resolvedAt: null })
  const row = (await test.context.db.select().from(tickets).where(eq(tickets.id, made.id)))[0]
  t.equal(row?.closedAt, null)
})
