/** The submitter's side: what arrives is held, whatever it names, and its sender never learns whether there is such a thing. */
import { eq } from 'drizzle-orm'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { closeSubmissions } from '../../src/authority/held.ts'
import { accounts, clients, sessions, submissions } from '../../src/database/tables.ts'
import { endSubmissions } from '../../src/intake/end.ts'
import { readOwn } from '../../src/intake/own.ts'
import { send } from '../fixtures/app.ts'
import { account, domain, person, submission } from '../fixtures/cast.ts'
import { askToNarrow } from '../oauth/stage.ts'
import { bytesOf, dayMs, plain, setStage } from './stage.ts'

const stage = await setStage(t)
const { test, a, people, submit, own } = stage
const { db } = test.context
const never = new AbortController().signal

const closed = await account(test, 'Closed Ltd', 'closed')
await domain(test, closed, 'closed.example')

/** What can be stated; only the first is there. */
const stated: Record<string, object> = {
  'a domain of the account': {},
  'the account by its id': { account: a.id.toUpperCase() },
  'a host below a domain': { domain: 'deep.down.ALPHA.example' },
  'an invented account': { account: 'C-0' },
  'an invented id': { account: uuid() },
  'an invented domain': { domain: 'invented.example' },
  "another account's domain": { domain: 'beta.example' },
  'a closed account': { account: closed.number, domain: 'closed.example' },
}

t.test('what exists and what does not is held alike, from the first byte to the last', async (t) => {
  const ids: Record<string, string> = {}
  const first = await submit('stranger')
  t.match(first, { status: 202, body: { status: 'held', account: a.number, domain: 'alpha.example', topic: 'other' } })
  t.equal(first.headers['location'], `/v1/submissions/${first.body.id}`)
  for (const [what, change] of Object.entries(stated)) {
    const before = await stage.rows()
    const sent = await submit('stranger', change)
    t.strictSame(bytesOf(sent), bytesOf(first), what)
    const after = await stage.rows()
    const grown = Object.entries(after).flatMap(([table, rows]) =>
      rows === before[table] ? [] : [`${table} ${rows - (before[table] ?? 0)}`],
    )
    t.strictSame(grown, ['idempotency_keys 1', 'journal_events 1', 'journal_values 1', 'submissions 1'], `${what}: the same rows`)
    ids[what] = sent.body.id
  }
  const [event] = await stage.told(ids['a domain of the account'] as string)
  t.match(event, { kind: 'submission.held', audience: 'staff', actorUserId: people.stranger.id, action: 'self.read' })

  const [no, muted, unanswered] = [ids['a domain of the account'], ids['the account by its id'], ids['a host below a domain']] as [
    string,
    string,
    string,
  ]
  t.equal((await stage.decline('owner', no)).status, 200)
  t.equal((await stage.mute('owner', muted)).status, 200)
  const looks = async () => {
    const read = await Promise.all(Object.values(ids).map((id) => own('stranger', id)))
    return { statuses: new Set(read.map(({ body }) => body.status)), bytes: new Set(read.map((sent) => JSON.stringify(bytesOf(sent)))) }
  }
  for (const id of Object.values(ids)) {
    const { arrivedAt, endsAt } = await stage.held(id)
    t.equal(endsAt.getTime() - arrivedAt.getTime(), 14 * dayMs)
  }
  t.match(await looks(), { statuses: new Set(['held']) })
  t.equal((await looks()).bytes.size, 1, 'a no, a mute, no answer and nobody there are the same bytes')

  // The clock of the tests runs on by itself, so the instant itself is set in the rows.
  const end = async (id: string, milliseconds: number) => {
    const at = test.clock.now() + milliseconds
    await db
      .update(submissions)
      .set({ arrivedAt: new Date(at - 14 * dayMs), endsAt: new Date(at) })
      .where(eq(submissions.id, id))
  }
  for (const id of Object.values(ids)) await end(id, 60_000)
  t.strictSame((await looks()).statuses, new Set(['held']), 'until the fourteenth day')
  for (const id of Object.values(ids)) await end(id, -1)
  t.strictSame((await looks()).statuses, new Set(['ended']), 'and from its instant on')
  t.equal((await looks()).bytes.size, 1)
  t.equal((await stage.held(unanswered)).verdict, null, 'recorded or not')

  await endSubmissions(test.context)({}, never)
  t.strictSame((await looks()).statuses, new Set(['ended']))
  t.equal((await looks()).bytes.size, 1, 'the job changes nothing that shows')
  t.match(await stage.held(unanswered), { content: null, verdict: 'unanswered', contentDigest: Buffer })
  t.match(await stage.held(no), { content: null, verdict: 'declined' })
  t.strictSame(
    (await stage.told(unanswered)).map(({ kind }) => kind),
    ['submission.held', 'submission.ended'],
  )
  const before = await stage.rows()
  await endSubmissions(test.context)({}, never)
  t.strictSame(await stage.rows(), before, 'and what is over is over once')
})

t.test('the instant is exact', async (t) => {
  const id = await submission(test, people.stranger, a.number, 'alpha.example')
  const { endsAt } = await stage.held(id)
  const at = async (now: number) => (await readOwn(db, people.stranger.id, id, now))?.status
  t.equal(await at(endsAt.getTime() - 1), 'held')
  t.equal(await at(endsAt.getTime()), 'ended')
  await t.rejects(
    db
      .update(submissions)
      .set({ endsAt: new Date(endsAt.getTime() + 1) })
      .where(eq(submissions.id, id)),
    'the database knows it too',
  )
})

t.test('what cannot be a submission is refused before anything is looked up, and nothing is written', async (t) => {
  const wrong: Record<string, [object, object]> = {
    'a confidential topic': [{ topic: 'billing' }, { status: 422, body: { errors: [{ pointer: '#/topic' }] } }],
    'no host name': [{ domain: '10.0.0.1' }, { status: 422, body: { errors: [{ pointer: '#/domain' }] } }],
    'no domain at all': [{ domain: null }, { status: 422 }],
    'missing details': [{ topic: 'website' }, { status: 422, body: { code: 'details_missing' } }],
    contactsOnly: [{ contactsOnly: true }, { status: 422 }],
  }
  for (const [what, [change, expected]] of Object.entries(wrong)) {
    const before = await stage.rows()
    const real = await submit('stranger', change)
    t.match(real, expected, what)
    t.strictSame(bytesOf(await submit('stranger', { account: 'C-0', ...change })), bytesOf(real), `${what}: alike for an invented account`)
    t.strictSame(await stage.rows(), before, 'and nothing was written')
  }
  t.match(await stage.ask('stranger', 'POST', '/v1/submissions', { body: { account: a.number, domain: 'alpha.example', ...plain } }), {
    status: 400,
    body: { code: 'idempotency_key_missing' },
  })
})

t.test('whoever may open the ticket himself is told so, and only he', async (t) => {
  for (const who of ['owner', 'technical', 'developer', 'limited', 'support']) {
    const before = await stage.rows()
    t.match(await submit(who), { status: 409, body: { code: 'conflict', next: [{ rel: 'ticket', href: '/v1/tickets' }] } }, who)
    t.strictSame(await stage.rows(), before, `${who}: and nothing was written`)
  }
  for (const who of ['stranger', 'otherOwner', 'billing', 'unproven']) t.equal((await submit(who)).status, 202, who)
  t.equal((await submit('developer', { domain: 'deep.alpha.example' })).status, 202, 'outside his grant he submits like everybody')
})

t.test('one request is held once', async (t) => {
  const key = uuid()
  const first = await submit('stranger', {}, { key })
  const again = await submit('stranger', {}, { key })
  t.equal(again.body.id, first.body.id)
  t.equal(again.headers['idempotency-replayed'], 'true')
  t.match(await submit('stranger', { subject: 'Other' }, { key }), { status: 422, body: { code: 'idempotency_key_reused' } })
})

t.test('a submission is its submitter’s and nobody else’s', async (t) => {
  const { id } = (await submit('stranger')).body
  for (const who of ['owner', 'otherOwner', 'support']) t.equal((await own(who, id)).status, 404, who)
  t.equal((await own('stranger', 'nonsense')).status, 404)
  const listed = await stage.ask('stranger', 'GET', '/v1/submissions?limit=1')
  t.strictSame(
    listed.body.items.map((item: { id: string }) => item.id),
    [id],
    'newest first',
  )
  const rest = await stage.ask('stranger', 'GET', `/v1/submissions?limit=100&cursor=${listed.body.nextCursor}`)
  t.ok(rest.body.items.length > 5)
  t.notOk(rest.body.items.some((item: { id: string }) => item.id === id))
  t.strictSame((await stage.ask('billing', 'GET', '/v1/submissions')).body.items.length, 1)
})

t.test('a narrowed token and a service that may open no ticket submit nothing', async (t) => {
  const who = await person(test, 'Paula Panel')
  const client = uuid()
  await db
    .insert(clients)
    .values({ id: client, name: client, realm: 'panel', scopes: ['self.read'], createdAt: new Date(test.clock.now()) })
  await db.update(sessions).set({ kind: 'panel', clientId: client }).where(eq(sessions.id, who.session))
  const body = { account: a.number, domain: 'alpha.example', ...plain }
  const before = await stage.rows()
  const refused = await send(test, 'POST', '/v1/submissions', { token: who.token, key: true, body })
  t.match(refused, { status: 403, body: { code: 'not_authorised', next: [{ rel: 'submission' }, {}, {}, {}] } })
  t.strictSame(await stage.rows(), before, 'and nothing was written')
  const narrow = await askToNarrow(test, people.developer.token, { account: a.id, actions: ['self.read'] })
  const made = await stage.rows()
  const tool = await submit('developer', { domain: 'deep.alpha.example' }, { token: narrow.body.access_token })
  t.match(tool, { status: 403, body: { code: 'not_authorised' } }, 'a narrowed token')
  t.strictSame(await stage.rows(), made, 'and nothing was written')
  await db
    .update(clients)
    .set({ scopes: ['self.read', 'ticket.create'] })
    .where(eq(clients.id, client))
  const sent = await send(test, 'POST', '/v1/submissions', { token: who.token, key: true, body })
  t.equal(sent.status, 202)
  t.match(await stage.held(sent.body.id), { channel: 'panel', clientId: client })
})

t.test('limits count by submitter and by the name he states, alike for what does not exist, and never by account alone', async (t) => {
  const body = (account: string) => ({ account, domain: 'alpha.example', ...plain })
  const flood = async (account: string) => {
    const { token } = await person(test, 'Fred Flood')
    const sent = []
    for (let count = 0; count < 7; count++)
      sent.push(await send(test, 'POST', '/v1/submissions', { token, key: true, body: body(account) }))
    const statuses = sent.map(({ status }) => status)
    t.match(sent.at(-1), { status: 429, body: { code: 'quota_exceeded' } })
    t.equal(
      (await send(test, 'POST', '/v1/submissions', { token, key: true, body: body('C-1') })).status,
      202,
      'another name is another count',
    )
    return { statuses, wait: Math.ceil(Number(sent.at(-1)?.headers['retry-after']) / 10) }
  }
  t.strictSame(await flood(a.number), await flood('C-0'))
  const { token } = await person(test, 'Dora Developer')
  t.equal(
    (await send(test, 'POST', '/v1/submissions', { token, key: true, body: body(a.number) })).status,
    202,
    'a flood does not jam the real developer',
  )
  const busy = await person(test, 'Bea Busy')
  const statuses = []
  for (let count = 0; count < 22; count++) {
    statuses.push((await send(test, 'POST', '/v1/submissions', { token: busy.token, key: true, body: body(`C-${count}`) })).status)
  }
  t.strictSame(new Set(statuses.slice(0, 20)), new Set([202]))
  t.equal(statuses.at(-1), 429)
})

t.test('an account that closes ends what waits for it, and its submitter sees nothing of it', async (t) => {
  const gone = await account(test, 'Gone Ltd')
  await domain(test, gone, 'gone.example')
  const ids = [
    await submission(test, people.stranger, gone.number, 'gone.example'),
    await submission(test, people.stranger, gone.id, 'else.example'),
  ]
  const decided = await submission(test, people.stranger, gone.number, 'gone.example', {
    verdict: 'declined',
    decidedAt: new Date(test.clock.now()),
  })
  const authority = {
    at: test.clock.now(),
    accountId: gone.id,
    actorUserId: people.admin.id,
    via: { id: uuid() },
    capacity: 'staff',
  } as never
  await db.transaction((tx) => closeSubmissions(tx, authority, gone))
  for (const id of ids) {
    t.match(await stage.held(id), { verdict: 'account_closed' })
    t.equal((await own('stranger', id)).body.status, 'held')
    t.match(await stage.told(id), [{ kind: 'submission.closed', audience: 'account', accountId: gone.id }])
  }
  t.match(await stage.held(decided), { verdict: 'declined' })
  await db.update(accounts).set({ state: 'closed' }).where(eq(accounts.id, gone.id))
})
