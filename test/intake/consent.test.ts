/** The account's side: who may decide, what he is shown, and what his yes makes – all of it or nothing. */
import { eq, sql } from 'drizzle-orm'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { addresses, clients, contacts, domainNames, domains, grants, sessions, tickets } from '../../src/database/tables.ts'
import { type Sent, send } from '../fixtures/app.ts'
import { contact, domain, person, submission, tokenFor } from '../fixtures/cast.ts'
import { eventsOf, letters } from '../fixtures/ledger.ts'
import { askToNarrow } from '../oauth/stage.ts'
import { meanwhile } from '../races/meanwhile.ts'
import { dayMs, setStage } from './stage.ts'

const daysMax = 120
const stage = await setStage(t, { GRANT_DAYS_MAX: String(daysMax) })
const { test, a, people, contacts: known, domains: held, submit, approve, decline, mute, seen, own } = stage
const { db } = test.context

const fresh = async (who = 'stranger', change: object = {}): Promise<string> => (await submit(who, change)).body.id

t.test('a contact sees who asks first, then his words as plain text', async (t) => {
  const words = {
    subject: 'See https://evil.example',
    message: 'Press http://evil.example/x or www.evil.example or mailto:me@evil.example \u202egnp.exe',
    details: { stepsTried: 'https://evil.example' },
  }
  const id = await fresh('unproven', { domain: 'shop.alpha.example', ...words })
  const { status, body, headers } = await seen('owner', id)
  t.equal(status, 200)
  t.strictSame(Object.keys(body).slice(0, 2), ['id', 'submitter'], 'who asks comes first')
  t.match(body, {
    submitter: {
      user: { id: stage.more.unproven.id, name: 'Uma Unproven' },
      verified: false,
      addresses: [],
      verification: { method: 'password' },
    },
    status: 'waiting',
    domain: { name: 'alpha.example' },
    host: 'shop.alpha.example',
    decidedAt: null,
    version: 1,
  })
  t.strictSame(body.words, {
    from: 'a stranger',
    subject: 'See https[:]//evil.example',
    message: 'Press http[:]//evil.example/x or www[.]evil.example or mailto[:]me@evil.example gnp.exe',
    details: { stepsTried: 'https[:]//evil.example' },
  })
  t.equal((await stage.ask('owner', 'GET', `${stage.base}/${id}`, { headers: { 'if-none-match': String(headers['etag']) } })).status, 304)
  const proven = (await seen('owner', await fresh())).body.submitter
  t.match(proven, { verified: true, addresses: [people.stranger.address] })
})

t.test('only who holds submission.decide for the domain sees and decides', async (t) => {
  const id = await fresh()
  const deep = await fresh('stranger', { domain: 'deep.alpha.example' })
  for (const who of ['technical', 'billing', 'limited', 'keeperOfDeep', 'developer', 'stranger', 'otherOwner']) {
    t.equal((await seen(who, id)).status, 404, `${who} does not see it`)
    const before = await stage.rows('journal_events')
    for (const act of [approve, decline, mute]) t.equal((await act(who, id)).status, 404, `${who} does not decide`)
    t.strictSame(await stage.rows('journal_events'), before, 'and nothing was written')
  }
  t.match(await approve('support', id), { status: 403, body: { code: 'not_authorised' } }, 'nor do staff, who only release')
  const idsOf = async (who: string, query = '') =>
    (await stage.ask(who, 'GET', `${stage.base}?limit=100${query}`)).body.items?.map((item: { id: string }) => item.id)
  t.ok((await idsOf('owner')).includes(id))
  t.ok((await idsOf('support')).includes(id))
  t.strictSame(await idsOf('keeperOfDeep'), [deep], 'a limited one sees his domains')
  t.equal((await stage.ask('technical', 'GET', stage.base)).status, 403)
  t.equal((await stage.decline('keeperOfDeep', deep)).status, 200)
  t.strictSame(await idsOf('keeperOfDeep'), [])
  t.strictSame(await idsOf('keeperOfDeep', '&status=declined'), [deep])
  const foreign = [
    await submission(test, people.stranger, a.number, 'beta.example'),
    await submission(test, people.stranger, 'C-0', 'alpha.example'),
  ]
  for (const other of foreign)
    t.equal((await seen('owner', other)).status, 404, 'the account is never concluded from the domain, nor the domain from the account')
  const first = await stage.ask('owner', 'GET', `${stage.base}?limit=1`)
  const next = await stage.ask('owner', 'GET', `${stage.base}?limit=1&cursor=${first.body.nextCursor}`)
  t.not(next.body.items[0].id, first.body.items[0].id)
})

t.test('a yes to this ticket makes exactly one, in its submitter’s name, with the time at which it arrived', async (t) => {
  const id = await fresh('stranger', { domain: 'shop.alpha.example' })
  await stage.wait(2 * dayMs)
  const before = await stage.rows()
  const yes = await approve('owner', id)
  t.match(yes, { status: 200, headers: { etag: '"v2"' }, body: { id, status: 'approved', version: 2 } })
  const after = await stage.rows()
  const grown = Object.entries(after).flatMap(([table, rows]) =>
    rows === before[table] ? [] : [`${table} ${rows - (before[table] ?? 0)}`],
  )
  t.strictSame(grown.sort(), [
    'grant_domains 1',
    'grants 1',
    'idempotency_keys 1',
    'jobs 1',
    'journal_events 3',
    'journal_values 2',
    'messages 1',
    'tickets 1',
  ])
  const { ticket, grant } = yes.body
  const arrived = (await stage.held(id)).arrivedAt
  const row = await stage.row(ticket)
  t.match(row, { actorUserId: people.stranger.id, requesterUserId: people.stranger.id, capacity: 'grant', grantId: grant, origin: 'live' })
  t.match(row, {
    channel: 'api',
    host: 'shop.alpha.example',
    domainId: held.alpha.id,
    sessionId: people.stranger.session,
    verification: 'password',
  })
  t.strictSame(row.arrivedAt, arrived)
  t.ok(row.createdAt.getTime() - arrived.getTime() >= 2 * dayMs)
  const given = await stage.grantOf(grant)
  t.match(given, {
    status: 'active',
    granteeUserId: people.stranger.id,
    grantorContactId: known.owner,
    maxUses: 1,
    uses: 1,
    reach: 'own',
    topics: ['other'],
  })
  t.equal(given.expiresAt.getTime() - given.notBefore.getTime(), 30 * dayMs)
  t.strictSame(
    (await stage.told(id, grant, ticket)).map(({ kind }) => kind),
    ['submission.held', 'grant.consented', 'ticket.created', 'submission.approved'],
  )
  const [created] = await stage.told(ticket)
  t.match(created, { actorUserId: people.stranger.id, capacity: 'grant', viaId: grant, action: 'ticket.create', decision: 'permit' })
  t.match(created, { verification: 'password', verifiedAt: row.verifiedAt }, 'as he was verified when he submitted it')
  t.ok(arrived >= row.verifiedAt)

  t.equal((await own('stranger', id)).body.status, 'accepted')
  t.match((await stage.ask('stranger', 'GET', `/v1/tickets/${ticket}`)).body, {
    requester: { name: 'Sam Stranger' },
    openedBy: { capacity: 'grant', via: grant },
  })
  t.equal((await stage.reply('stranger', ticket)).status, 201)
  const other = await stage.open('stranger')
  t.match(other, { status: 403, body: { reason: 'grant_exhausted' } }, 'and no other')
  t.match((await letters(test)).at(-1), { kind: 'submission_accepted', subject: id, recipient: people.stranger.id })
  t.match(await approve('owner', id, undefined, { ifMatch: 2 }), { status: 409, body: { verdict: 'approved' } }, 'a yes is said once')
  t.match(await decline('owner', id), { status: 409, body: { verdict: 'approved' } })
})

t.test('standing consent is a grant with the approver’s own limits', async (t) => {
  const id = await fresh()
  const grant = {
    actions: ['ticket.create', 'ticket.read'],
    topics: ['other', 'website'],
    reach: 'domain',
    maxUses: 9,
    days: 10,
    purpose: 'Relaunch',
  }
  const yes = await approve('manager', id, { consent: 'standing', grant })
  t.equal(yes.status, 200)
  const row = await stage.grantOf(yes.body.grant)
  const { days: _days, ...terms } = grant
  t.match(row, { ...terms, uses: 1, grantorContactId: known.manager })
  t.equal(row.expiresAt.getTime() - row.notBefore.getTime(), 10 * dayMs)
  const usual = await approve('owner', await fresh('otherOwner'), { consent: 'standing' })
  t.match(await stage.grantOf(usual.body.grant), { topics: null, reach: 'own', maxUses: null, uses: 0, purpose: null })
  t.equal((await stage.open('otherOwner')).status, 201, 'from now on he opens tickets himself')
  await db
    .update(grants)
    .set({ status: 'revoked', endedAt: new Date(test.clock.now()) })
    .where(eq(grants.id, usual.body.grant))
  await db
    .update(grants)
    .set({ status: 'revoked', endedAt: new Date(test.clock.now()) })
    .where(eq(grants.id, yes.body.grant))
  const open = await fresh()
  const wrong: [object, object][] = [
    [{ consent: 'this_ticket', grant: {} }, { errors: [{ pointer: '#/grant' }] }],
    [{ consent: 'standing', grant: { actions: ['ticket.read'] } }, { errors: [{ pointer: '#/grant/actions' }] }],
    [{ consent: 'standing', grant: { actions: ['grant.manage'] } }, {}],
    [{ consent: 'standing', grant: { topics: ['billing'] } }, {}],
    [{ consent: 'standing', grant: { days: 366 } }, {}],
  ]
  const before = await stage.rows()
  for (const [body, expected] of wrong) t.match(await approve('owner', open, body), { status: 422, body: expected }, JSON.stringify(body))
  t.strictSame(await stage.rows(), before, 'and nothing was written')
})

t.test('T2: nor does standing consent last longer than a grant may', async (t) => {
  const id = await fresh()
  const consent = (days: number) => approve('owner', id, { consent: 'standing', grant: { days } })
  const before = await stage.rows()
  t.match(await consent(daysMax + 1), {
    status: 422,
    body: { code: 'validation_error', errors: [{ pointer: '#/grant/days', code: 'maximum', detail: /at most 120\b/ }] },
  })
  t.strictSame(await stage.rows(), before, 'and nothing was written')
  t.match(await stage.held(id), { verdict: null, version: 1 })
  const yes = await consent(daysMax)
  t.equal(yes.status, 200, yes.text)
  const row = await stage.grantOf(yes.body.grant)
  t.equal(row.expiresAt.getTime() - row.notBefore.getTime(), daysMax * dayMs)
  await db
    .update(grants)
    .set({ status: 'revoked', endedAt: new Date(test.clock.now()) })
    .where(eq(grants.id, row.id))
})

t.test('T2: no consent lasts longer than any grant may', async (t) => {
  const strict = await setStage(t, { GRANT_DAYS_MAX: '7', GRANT_DAYS_DEFAULT: '7' })
  const lifeOf = async ({ status, body, text }: Sent, { grantOf }: typeof stage): Promise<number> => {
    t.equal(status, 200, text)
    const { notBefore, expiresAt } = await grantOf(body.grant)
    return (expiresAt.getTime() - notBefore.getTime()) / dayMs
  }
  t.equal(await lifeOf(await approve('owner', await fresh()), stage), 30)
  t.equal(await lifeOf(await strict.approve('owner', (await strict.submit('stranger')).body.id), strict), 7)
})

t.test('standing consent wants grant.manage too', async (t) => {
  const id = await fresh()
  const panel = await person(test, 'Pia Panel')
  const client = uuid()
  await contact(test, a, panel, 'owner')
  await db
    .insert(clients)
    .values({ id: client, name: client, realm: 'r', scopes: ['submission.decide'], mayStepUp: true, createdAt: new Date(test.clock.now()) })
  await db.update(sessions).set({ kind: 'panel', clientId: client }).where(eq(sessions.id, panel.session))
  const act = (consent: string) => send(test, 'POST', `${stage.base}/${id}/approve`, { token: panel.token, ifMatch: 1, body: { consent } })
  const before = await stage.rows()
  t.match(await act('standing'), { status: 403, body: { reason: 'client_not_allowed' } })
  t.strictSame(await stage.rows('journal_events'), omit(before, 'journal_events'), 'and nothing was written')
  const refusals = (await eventsOf(test, a.id)).filter(({ kind, actor }) => kind === 'access.refused' && actor === panel.id)
  t.match(refusals, [{ reason: 'client_not_allowed' }], 'but that he tried')
  t.equal(refusals.length, 1)
  t.equal((await stage.held(id)).verdict, null)
  t.equal((await act('this_ticket')).status, 200)
})

const omit = (rows: Record<string, number>, name: string) => Object.fromEntries(Object.entries(rows).filter(([table]) => table !== name))

t.test('consent is a person’s who has just signed in, about the version he has seen', async (t) => {
  const id = await fresh()
  const before = await stage.rows()
  const old = await tokenFor(test, people.owner.id, people.owner.session, 3_600)
  t.match(await approve('owner', id, undefined, { ifMatch: 1, token: old }), { status: 401, body: { code: 'step_up_required' } })
  t.match(await approve('owner', id, undefined, {}), { status: 428 })
  t.match(await approve('owner', id, undefined, { ifMatch: 7 }), { status: 412, body: { currentEtag: '"v1"' } })
  t.equal((await send(test, 'POST', `${stage.base}/${id}/approve`, { ifMatch: 1, body: { consent: 'this_ticket' } })).status, 401)
  t.strictSame(await stage.rows(), before, 'and nothing was written')
  const narrow = await askToNarrow(test, people.owner.token, { account: a.id, actions: ['submission.decide', 'grant.manage'] })
  const made = await stage.rows()
  const tool = await approve('owner', id, undefined, { ifMatch: 1, token: narrow.body.access_token })
  t.match(tool, { status: 401, body: { code: 'step_up_required' } }, 'a tool gives no consent')
  t.strictSame(await stage.rows(), made, 'and nothing was written')
})

t.test('nobody decides about his own words', async (t) => {
  const id = await fresh()
  const row = await contact(test, a, people.stranger, 'owner')
  const before = await stage.rows()
  t.match(await approve('stranger', id), { status: 409, body: { detail: /yourself/ } })
  t.strictSame(await stage.rows(), before, 'and nothing was written')
  await db
    .update(contacts)
    .set({ status: 'ended', endedAt: new Date(test.clock.now()) })
    .where(eq(contacts.id, row))
  t.equal((await approve('owner', id)).status, 200)
})

t.test('what cannot become a ticket now stays held, whole', async (t) => {
  const restricted = sql`update accounts set state = 'restricted' where id = ${a.id}`
  const unrestricted = sql`update accounts set state = 'open' where id = ${a.id}`
  const suspended = sql`update users set status = 'suspended' where id = ${people.stranger.id}`
  const restored = sql`update users set status = 'active' where id = ${people.stranger.id}`
  const cases: [string, string, ReturnType<typeof sql>, ReturnType<typeof sql>, string][] = [
    ['a restricted account', 'stranger', restricted, unrestricted, 'account_state'],
    ['a suspended submitter', 'stranger', suspended, restored, 'principal_inactive'],
    [
      'a submitter who has proven nothing',
      'unproven',
      sql`select 1`,
      sql`update addresses set proven_at = now() where user_id = ${stage.more.unproven.id}`,
      'unverified_principal',
    ],
  ]
  for (const [what, who, before, after, reason] of cases) {
    const id = await fresh(who)
    await db.execute(before)
    const rows = await stage.rows()
    t.match(await approve('owner', id), { status: 409, body: { code: 'conflict', reason } }, what)
    t.strictSame(await stage.rows(), rows, `${what}: nothing of it is written`)
    t.match(await stage.held(id), { verdict: null, version: 1, content: { subject: 'It broke' } }, 'it waits')
    await db.execute(after)
    t.equal((await approve('owner', id)).status, 200, 'and is accepted when it can be')
  }
  await db.update(addresses).set({ provenAt: null }).where(eq(addresses.userId, stage.more.unproven.id))
})

t.test('half accepted is impossible: when the ticket cannot be written, nothing is', async (t) => {
  const id = await fresh()
  const before = await stage.rows()
  const late = async (_attempt: number, values: Record<string, unknown>) => ({
    ...values,
    clockOffset: Number(values['clockOffset']) + 61_000,
  })
  const { attempts, result } = await meanwhile(
    late,
    async () => undefined,
    () => approve('owner', id),
  )
  t.match(attempts, [{ stood: false }])
  t.match(result, { status: 503, body: { code: 'unavailable' } })
  t.strictSame(await stage.rows(), before)
  t.match(await stage.held(id), { verdict: null, version: 1 })
  t.equal((await approve('owner', id)).status, 200)
})

t.test('a no and a mute only take away, are harmless to repeat, and the submitter sees neither', async (t) => {
  const id = await fresh()
  const no = await decline('owner', id)
  t.match(no, { status: 200, body: { status: 'declined', version: 2, ticket: null, grant: null } })
  const rows = await stage.rows()
  t.strictSame((await decline('manager', id)).body, no.body)
  t.strictSame(await stage.rows(), rows, 'nothing more is written')
  t.match(await approve('owner', id, undefined, { ifMatch: 2 }), { status: 409, body: { verdict: 'declined' } })
  t.equal((await own('stranger', id)).body.status, 'held')

  const loud = await person(test, 'Lou Loud')
  const [first, second] = [await submission(test, loud, a.number, 'alpha.example'), await submission(test, loud, a.number, 'alpha.example')]
  const waiting = async () => (await stage.ask('owner', 'GET', `${stage.base}?limit=100`)).body.items.map((item: { id: string }) => item.id)
  t.ok((await waiting()).includes(second))
  const muted = await mute('owner', first)
  t.match(muted, { status: 200, body: { status: 'declined' } })
  t.notOk((await waiting()).includes(second), 'nothing of his is shown any more')
  const after = await stage.rows()
  t.strictSame((await mute('manager', first)).body, muted.body)
  t.strictSame(await stage.rows(), after, 'nothing more is written')
  t.strictSame(
    (await stage.told(first)).map(({ kind }) => kind),
    ['submission.muted', 'submission.declined'],
  )
  t.equal((await send(test, 'GET', `/v1/submissions/${first}`, { token: loud.token })).body.status, 'held')
  const later = await submission(test, loud, a.number, 'alpha.example')
  t.notOk((await waiting()).includes(later))
  const before = test.clock.now()
  const over = await submission(test, people.stranger, a.number, 'alpha.example', {
    arrivedAt: new Date(before - 15 * dayMs),
    endsAt: new Date(before - dayMs),
  })
  t.match(await decline('owner', over), { status: 200, body: { status: 'ended', decidedAt: null } })
  t.match(await approve('owner', over), { status: 409, body: { verdict: 'ended' } }, 'and what is over cannot be agreed to')
  t.equal((await seen('owner', over)).body.words, null)
  t.ok((await stage.ask('owner', 'GET', `${stage.base}?status=ended`)).body.items.some((item: { id: string }) => item.id === over))
})

t.test('an answer is repeated only to who may still decide', async (t) => {
  const id = await fresh('stranger', { domain: 'deep.alpha.example' })
  const key = uuid()
  const first = await approve('keeperOfDeep', id, undefined, { ifMatch: 1, key })
  t.equal(first.status, 200)
  const again = await approve('keeperOfDeep', id, undefined, { ifMatch: 1, key })
  t.strictSame(again.body, first.body)
  t.equal(again.headers['idempotency-replayed'], 'true')
  await db
    .update(contacts)
    .set({ status: 'ended', endedAt: new Date(test.clock.now()) })
    .where(eq(contacts.userId, stage.more.keeperOfDeep.id))
  t.equal((await approve('keeperOfDeep', id, undefined, { ifMatch: 1, key })).status, 404)
})

t.test('every ticket has an actor whose decision was permit, and a requester who held it', async (t) => {
  const all = await db.select().from(tickets)
  t.ok(all.length > 5)
  for (const { id, origin, actorUserId, requesterUserId, grantId, contactId } of all) {
    if (origin !== 'live') continue
    const [event] = (await stage.told(id)).filter(({ kind }) => kind === 'ticket.created')
    t.match(event, { decision: 'permit', actorUserId, viaId: grantId ?? contactId }, id)
    t.equal(requesterUserId, actorUserId)
    const [row] =
      grantId === null
        ? await db
            .select({ userId: contacts.userId })
            .from(contacts)
            .where(eq(contacts.id, contactId as string))
        : await db.select({ userId: grants.granteeUserId }).from(grants).where(eq(grants.id, grantId))
    t.equal(row?.userId, requesterUserId, 'the row is his')
  }
  const { rows } = await db.execute(sql`select id from grants where max_uses is not null and uses > max_uses`)
  t.strictSame(rows, [])
})

t.test('a domain that has left the account takes what was submitted about it along', async (t) => {
  const d = await domain(test, a, 'leaving.example')
  const id = await fresh('stranger', { domain: 'leaving.example' })
  t.equal((await seen('owner', id)).status, 200)
  await db.delete(domainNames).where(eq(domainNames.domainId, d.id))
  await db
    .update(domains)
    .set({ releasedAt: new Date(test.clock.now()) })
    .where(eq(domains.id, d.id))
  t.equal((await seen('owner', id)).status, 404)
  t.equal((await approve('owner', id)).status, 404)
  t.equal((await own('stranger', id)).body.status, 'held')
})
