/** The telephone: a code says who is calling and by which right, once, to one agent; the caller is judged like everybody else. */
import { eq, sql } from 'drizzle-orm'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { clients, contactDomains, contacts, grants, supportCodes } from '../../src/database/tables.ts'
import type { Speaker } from '../../src/speakers/schema.ts'
import type { ClientScope } from '../../src/vocabulary.ts'
import { send } from '../fixtures/app.ts'
import { contact, grant, person, staff } from '../fixtures/cast.ts'
import { dayMs, plain, setStage } from '../intake/stage.ts'
import { clientToken, panel, panelToken, tie } from '../oauth/stage.ts'
import { meanwhile } from '../races/meanwhile.ts'

const stage = await setStage(t)
const { test, a, b, people, contacts: known, grants: given, ask, domains } = stage
const { db } = test.context
const make = (who: string, body: object = {}, request: object = {}) =>
  ask(who, 'POST', `/v1/accounts/${a.number}/support-codes`, { body, ...request })
const verify = (code: string, account = a.number, who = 'support') =>
  ask(who, 'POST', '/v1/support-codes/verify', { body: { account, code } })
const byPhone = (supportCode: string, change: object = {}, who = 'support') =>
  ask(who, 'POST', '/v1/tickets', { key: true, body: { account: a.number, domain: 'alpha.example', ...plain, supportCode, ...change } })
const told = async (who: string, body: object = {}): Promise<string> => (await verify((await make(who, body)).body.code)).body.id

t.test('a contact, or a developer within his grant, makes a code; it is shown once and kept as a hash', async (t) => {
  for (const [who, body] of [
    ['owner', {}],
    ['technical', { domain: 'alpha.example' }],
    ['limited', { domain: domains.alpha.id }],
    ['developer', { domain: 'alpha.example' }],
  ] as const) {
    const made = await make(who, body)
    t.match(made, { status: 201, body: { code: /^\d{4} \d{4}$/, account: { number: a.number } } }, who)
    const [row] = await db.select().from(supportCodes).where(eq(supportCodes.id, made.body.id))
    t.equal(Math.round(((row?.expiresAt.getTime() ?? 0) - (row?.createdAt.getTime() ?? 0)) / 60_000), 15)
    t.notMatch(JSON.stringify(row), made.body.code.replace(' ', ''))
  }
  const refused: [string, object, object][] = [
    ['billing', {}, { status: 403 }],
    ['limited', {}, { status: 403, body: { reason: 'domain_not_in_role' } }],
    ['developer', {}, { status: 403 }],
    ['developer', { domain: 'deep.alpha.example' }, { status: 403, body: { reason: 'domain_not_in_grant' } }],
    ['owner', { domain: 'beta.example' }, { status: 403 }],
    ['owner', { domain: 'nonsense' }, { status: 422, body: { errors: [{ pointer: '#/domain' }] } }],
    ['stranger', {}, { status: 404 }],
    ['support', {}, { status: 403 }],
  ]
  for (const [who, body, expected] of refused) {
    const before = await stage.rows('journal_events')
    t.match(await make(who, body), expected, `${who} ${JSON.stringify(body)}`)
    t.strictSame(await stage.rows('journal_events'), before, 'and nothing was written')
  }
  const key = uuid()
  const first = await make('owner', {}, { key })
  t.match((await make('owner', {}, { key })).body, { id: first.body.id, code: null }, 'a repetition does not tell it again')
})

t.test('D2: a developer who is a contact for bills makes one within his grant, and no other', async (t) => {
  const both = await person(test, 'Bea Both')
  Object.assign(people, { both })
  await contact(test, a, both, 'billing')
  t.equal((await make('both', { domain: 'alpha.example' })).status, 403, 'as a contact for bills he makes none')
  const id = await grant(test, a, known.owner, both, [domains.alpha])
  for (const body of [{}, { domain: 'deep.alpha.example' }]) t.equal((await make('both', body)).status, 403, JSON.stringify(body))
  const code = (await make('both', { domain: 'alpha.example' })).body.code
  t.match(await verify(code), { status: 200, body: { capacity: 'grant', via: id, domain: { name: 'alpha.example' } } })
  await db
    .update(grants)
    .set({ actions: ['ticket.read'] })
    .where(eq(grants.id, id))
  t.equal((await make('both', { domain: 'alpha.example' })).status, 403, 'nor does a grant to read')
})

t.test('D2: so does a contact who is limited to other domains; within his limit he is the contact he is', async (t) => {
  const two = await person(test, 'Tina Two')
  Object.assign(people, { two })
  const limit = await contact(test, a, two, 'technical', [domains.alpha])
  const elsewhere = { domain: 'deep.alpha.example' }
  t.match(await make('two', elsewhere), { status: 403, body: { reason: 'domain_not_in_role' } })
  const rest = { actions: ['ticket.read'] }
  const id = await grant(test, a, known.owner, two, [domains.deep], rest)
  t.match(await make('two', elsewhere), { status: 403, body: { reason: 'domain_not_in_role' } }, 'a grant to read is none to call by')
  await db
    .update(grants)
    .set({ actions: ['ticket.create'] })
    .where(eq(grants.id, id))
  const capacityOf = async (body: object) => (await verify((await make('two', body)).body.code)).body
  t.match(await capacityOf(elsewhere), { capacity: 'grant', via: id, domain: { name: 'deep.alpha.example' } })
  t.match(await capacityOf({ domain: 'alpha.example' }), { capacity: 'contact', via: limit })
  for (const body of [{}, { domain: 'bücher.example' }])
    t.match(await make('two', body), { status: 403, body: { reason: 'domain_not_in_role' } }, JSON.stringify(body))
  const spoken = (await capacityOf(elsewhere)).id
  t.match(await byPhone(spoken, elsewhere), { status: 201, body: { openedBy: { capacity: 'grant', via: id } } })
  t.match(await byPhone(spoken), { status: 422, body: { errors: [{ pointer: '#/domain' }] } }, 'it is for that domain alone')

  await db.delete(contactDomains).where(eq(contactDomains.contactId, limit))
  t.match(await capacityOf(elsewhere), { capacity: 'grant', via: id }, 'nor does it need anything of the limit to be left')
  t.match(await make('two', { domain: 'alpha.example' }), { status: 403 })
  await db
    .update(grants)
    .set({ status: 'revoked', endedAt: new Date(test.clock.now()) })
    .where(eq(grants.id, id))
  t.match(await make('two', elsewhere), { status: 403, body: { reason: 'domain_not_in_role' } })
})

t.test('A4: a code made through a service serves for no more than it may, at every use', async (t) => {
  const through = async (...scopes: ClientScope[]) => {
    const shop = await panel(test, { scopes })
    const token = await panelToken(test, shop, await tie(test, shop, people.technical))
    const body = { domain: 'alpha.example' }
    const making = () => send(test, 'POST', `/v1/accounts/${a.number}/support-codes`, { token, body })
    const become = (change: object) =>
      db
        .update(clients)
        .set({ ...change, authorityRevision: sql`${clients.authorityRevision} + 1` })
        .where(eq(clients.id, shop.id))
    return { shop, token, making, become }
  }
  const unchanged = async (act: () => ReturnType<typeof send>, expected: object, what: string) => {
    const before = await stage.rows('journal_events')
    t.match(await act(), expected, what)
    t.strictSame(await stage.rows('journal_events'), before, `${what}: and nothing was written`)
  }
  const noService = { status: 403, body: { reason: 'client_not_allowed' } }
  await unchanged((await through('ticket.create')).making, noService, 'it is registered for no code')

  const narrow = await through('support_code.create')
  const { status, body } = await narrow.making()
  t.equal(status, 201)
  const [row] = await db.select().from(supportCodes).where(eq(supportCodes.id, body.id))
  t.equal(row?.clientId, narrow.shop.id)
  const evaluation = { resource: { type: 'account', id: a.id }, action: { name: 'support_code.create' } }
  const asked = { subject: { type: 'user', id: people.technical.id }, ...evaluation }
  const decided = await send(test, 'POST', '/access/v1/evaluation', { token: narrow.token, body: asked })
  t.match(decided, { status: 200, body: { decision: true } }, 'S7: as the decision says')
  t.match(await verify(body.code), { status: 200, body: { id: body.id, capacity: 'contact' } })
  await unchanged(() => byPhone(body.id), noService, 'a ticket by telephone')
  await narrow.become({ scopes: ['support_code.create', 'ticket.create'] })
  t.equal((await byPhone(body.id)).status, 201, 'once it is registered for tickets')

  const waiting = (await narrow.making()).body.code
  await narrow.become({ scopes: ['ticket.create'] })
  t.match(await verify(waiting), { status: 422, body: { errors: [{ pointer: '#/code', code: 'refused' }] } }, 'no longer for codes')

  const wide = await through('support_code.create', 'ticket.create')
  const call = (await verify((await wide.making()).body.code)).body.id
  const moved = async (_attempt: number, values: Record<string, unknown>) => {
    t.equal(values['guardClient'], wide.shop.id)
    return { ...values, guardClientRevision: Number(values['guardClientRevision']) + 1 }
  }
  const { attempts, result } = await meanwhile(
    moved,
    async () => undefined,
    () => byPhone(call),
  )
  t.match(attempts, [{ stood: false }], 'the service changes before it is written')
  t.equal(result.status, 503)
  t.equal((await byPhone(call)).status, 201)
  const last = (await wide.making()).body.code
  await wide.become({ status: 'disabled', disabledAt: new Date(test.clock.now()) })
  await unchanged(() => byPhone(call), { status: 403, body: { reason: 'principal_inactive' } }, 'it is disabled during the call')
  t.match(await verify(last), { status: 422, body: { errors: [{ pointer: '#/code', code: 'refused' }] } }, 'nor is another verified')
})

t.test('the agent sees who is calling, in which capacity and for what, once', async (t) => {
  const ofContact = await make('technical', { domain: 'alpha.example' })
  const seen = await verify(ofContact.body.code)
  t.match(seen, {
    status: 200,
    body: {
      id: ofContact.body.id,
      person: { name: 'Tom Technical' },
      account: { id: a.id },
      capacity: 'contact',
      via: known.technical,
      domain: { name: 'alpha.example' },
    },
  })
  t.match(await verify(ofContact.body.code), { status: 422, body: { errors: [{ pointer: '#/code', code: 'refused' }] } }, 'once')
  const ofDeveloper = await make('developer', { domain: 'alpha.example' })
  t.match((await verify(ofDeveloper.body.code.replace(' ', ''))).body, {
    person: { name: 'Dan Developer' },
    capacity: 'grant',
    via: given.developer,
  })
  t.match((await verify((await make('owner')).body.code)).body, { domain: null, capacity: 'contact' })
  const kinds = (await stage.told(ofContact.body.id)).map(({ kind, audience }) => `${kind} ${audience}`)
  t.strictSame(kinds, ['support_code.created account', 'support_code.verified account'])
  t.equal((await verify('0000 0000', a.number, 'owner')).status, 403, 'only staff')
})

t.test('late, replaced, of another account, or of one who lost what he had: all one answer', async (t) => {
  const answer = JSON.stringify((await verify('0000 0000', 'C-0')).body.errors)
  const refused = async (code: string, account = a.number) => JSON.stringify((await verify(code, account)).body.errors)
  const elsewhere = (await make('owner')).body.code
  t.equal(await refused(elsewhere, b.number), answer, 'another account')
  const replaced = elsewhere
  await make('owner')
  t.equal(await refused(replaced), answer, 'the one he made before')
  const lost = (await make('developer', { domain: 'alpha.example' })).body.code
  await db
    .update(grants)
    .set({ status: 'suspended', suspensionCauses: ['staff'] })
    .where(eq(grants.id, given.developer))
  t.equal(await refused(lost), answer, 'his grant is suspended')
  await db.update(grants).set({ status: 'active', suspensionCauses: [] }).where(eq(grants.id, given.developer))
  const late = (await make('owner')).body.code
  await stage.wait(15 * 60_000 + 1)
  t.equal(await refused(late), answer, 'after 15 minutes')
})

t.test('T4: a clock that steps back makes no code good again that was replaced, told or burnt', async (t) => {
  const told = (await make('technical')).body.code
  t.equal((await verify(told)).status, 200)
  const replaced = (await make('owner')).body.code
  const last = (await make('owner')).body.code
  await stage.wait(-10 * 60_000)
  for (const [what, code] of Object.entries({ told, replaced })) t.equal((await verify(code)).status, 422, what)
  t.equal((await verify(last)).status, 200, 'the last one is')
  await stage.wait(10 * 60_000)
  const burnt = (await make('owner')).body.code
  const wrong = burnt === '1111 1111' ? '2222 2222' : '1111 1111'
  for (let count = 0; count < 5; count++) await verify(wrong)
  await stage.wait(-10 * 60_000)
  t.equal((await verify(burnt)).status, 422, 'burnt')
  await stage.wait(10 * 60_000)
})

t.test('five wrong tries burn every code of the account, and a new one is good again', async (t) => {
  const { code } = (await make('owner')).body
  const wrong = code === '1111 1111' ? '2222 2222' : '1111 1111'
  for (let count = 0; count < 4; count++) t.equal((await verify(wrong)).status, 422)
  t.equal((await verify(code)).status, 200, 'four leave it good')
  const burnt = (await make('owner')).body.code
  const other = burnt === '1111 1111' ? '2222 2222' : '1111 1111'
  const ofReal = []
  const ofInvented = []
  for (let count = 0; count < 5; count++) ofReal.push((await verify(other)).status)
  for (let count = 0; count < 6; count++) ofInvented.push((await verify(other, 'C-0')).status)
  t.equal((await verify(burnt)).status, 422, 'the right one is refused now')
  t.strictSame([...ofReal, 422], ofInvented, 'alike for an account that does not exist')
  t.equal((await verify((await make('owner')).body.code)).status, 200)
})

t.test('the ticket is the caller’s, in his right, and the agent has recorded it', async (t) => {
  const made = await byPhone(await told('developer', { domain: 'alpha.example' }))
  t.match(made, {
    status: 201,
    body: {
      channel: 'phone',
      origin: 'live',
      requester: { name: 'Dan Developer' },
      openedBy: { user: { name: 'Dan Developer' }, capacity: 'grant', via: given.developer, verification: { method: 'support_code' } },
      recordedBy: { user: { name: 'Sue Support' }, via: people.support.staffMember },
    },
  })
  const used = (await ask('owner', 'GET', `/v1/accounts/${a.number}/grants/${given.developer}`)).body.lastUsedAt
  t.equal(used, made.body.createdAt, 'and his grant was used by it')
  const { items } = (await ask('owner', 'GET', `/v1/accounts/${a.number}/speakers`)).body as { items: Speaker[] }
  t.equal(items.find(({ user }) => user.id === people.developer.id)?.by[0]?.lastUsedAt, made.body.createdAt)
  const read = (await ask('developer', 'GET', `/v1/tickets/${made.body.id}`)).body
  t.strictSame(read.recordedBy, made.body.recordedBy)
  const listed = (await ask('developer', 'GET', '/v1/tickets')).body.items.find(({ id }: { id: string }) => id === made.body.id)
  t.strictSame(listed.recordedBy, made.body.recordedBy, 'a list shows it too')
  t.match(await stage.told(made.body.id), [
    { kind: 'ticket.created', actorUserId: people.support.id, capacity: 'staff', viaId: people.support.staffMember },
  ])
  t.match(await stage.row(made.body.id), {
    requesterUserId: people.developer.id,
    actorUserId: people.developer.id,
    recordedByStaffId: people.support.staffMember,
  })
  t.equal((await stage.open('owner')).body.recordedBy, null)
  t.match(
    (await stage.open('support')).body,
    { requester: null, recordedBy: null, origin: 'staff' },
    'without a code it is staff’s, as before',
  )
  const counted = await person(test, 'Cora Counted')
  const row = await grant(test, a, known.owner, counted, [domains.deep], { maxUses: 1 })
  const code = (
    await send(test, 'POST', `/v1/accounts/${a.number}/support-codes`, { token: counted.token, body: { domain: 'deep.alpha.example' } })
  ).body.code
  const call = (await verify(code)).body.id
  t.equal((await byPhone(call, { domain: 'deep.alpha.example' })).status, 201)
  t.equal((await stage.grantOf(row)).uses, 1, 'his use is spent')
  t.match(await byPhone(call, { domain: 'deep.alpha.example' }), { status: 403, body: { reason: 'grant_exhausted' } })
})

t.test('a code lends no authority: the caller is judged, and so is the agent', async (t) => {
  const call = await told('technical', { domain: 'alpha.example' })
  const service = { ...people.stranger, token: await clientToken(test, await panel(test)) }
  Object.assign(people, { service })
  const cases: [string, () => ReturnType<typeof byPhone>, object][] = [
    [
      'a confidential topic',
      () => byPhone(call, { topic: 'billing' }),
      { status: 403, body: { reason: 'topic_confidential', next: [{}, {}, {}, {}] } },
    ],
    [
      'another domain than the code’s',
      () => byPhone(call, { domain: 'deep.alpha.example' }),
      { status: 422, body: { errors: [{ pointer: '#/domain', code: 'scope' }] } },
    ],
    ['no domain', () => byPhone(call, { domain: null }), { status: 422, body: { errors: [{ pointer: '#/domain' }] } }],
    [
      'another account',
      () => byPhone(call, { account: b.number, domain: 'beta.example' }),
      { status: 422, body: { errors: [{ pointer: '#/supportCode' }] } },
    ],
    ['an invented account', () => byPhone(call, { account: 'C-0' }), { status: 422 }],
    ['an invented code', () => byPhone(uuid()), { status: 422, body: { errors: [{ pointer: '#/supportCode', code: 'unknown' }] } }],
    ['a contact, who is no agent', () => byPhone(call, {}, 'owner'), { status: 422, body: { errors: [{ code: 'staff_only' }] } }],
    ['a stranger', () => byPhone(call, {}, 'stranger'), { status: 403 }],
    ['a service, which is nobody', () => byPhone(call, {}, 'service'), { status: 403, body: { code: 'not_authorised' } }],
  ]
  for (const [what, act, expected] of cases) {
    const before = await stage.rows('journal_events')
    t.match(await act(), expected, what)
    t.strictSame(await stage.rows('journal_events'), before, `${what}: and nothing was written`)
  }
  const other = await staff(test, 'Ole Other', 'support')
  const sent = await send(test, 'POST', '/v1/tickets', {
    token: other.token,
    key: true,
    body: { account: a.number, domain: 'alpha.example', ...plain, supportCode: call },
  })
  t.equal(sent.status, 422, 'another agent was told nothing')
  await db.update(contacts).set({ role: 'billing' }).where(eq(contacts.id, known.technical))
  t.match(await byPhone(call), { status: 403, body: { reason: 'action_not_in_role' } }, 'who lost his role while he speaks')
  await db.update(contacts).set({ role: 'technical' }).where(eq(contacts.id, known.technical))
  t.equal((await byPhone(call)).status, 201)
  await stage.wait(3_600_000)
  t.equal((await byPhone(call)).status, 422, 'after the call it serves nobody')
})

t.test('when the ground moves under a call, nothing is written', async (t) => {
  const call = await told('owner')
  const late = async (_attempt: number, values: Record<string, unknown>) => ({
    ...values,
    clockOffset: Number(values['clockOffset']) + dayMs,
  })
  const before = await stage.rows()
  const { attempts, result } = await meanwhile(
    late,
    async () => undefined,
    () => byPhone(call, { domain: null }),
  )
  t.match(attempts, [{ stood: false }])
  t.match(result, { status: 503, headers: { 'retry-after': '1' } })
  t.strictSame(await stage.rows(), before)
  t.equal((await byPhone(call, { domain: null })).status, 201)
})

t.test(
  'none is made while the account is being closed: it waits, and is judged by what the closing left',
  { skip: test.opened.kind === 'pglite' && 'it has one connection' },
  async (t) => {
    const before = await stage.rows('journal_events')
    let making: ReturnType<typeof make> | undefined
    let isMade = false
    const blocked = sql`select count(*)::int as blocked from pg_locks where not granted and locktype = 'transactionid'
      and pid in (select pid from pg_stat_activity where datname = current_database())`
    await db.transaction(async (tx) => {
      await tx.execute(sql`update accounts set state = 'closed', access_until = now() + interval '1 day' where id = ${a.id}`)
      making = make('owner').finally(() => {
        isMade = true
      })
      while (!isMade && (await db.execute<{ blocked: number }>(blocked)).rows[0]?.blocked === 0);
    })
    t.match(await making, { status: 403, body: { reason: 'account_state' } })
    t.strictSame(await stage.rows('journal_events'), before, 'and nothing was written')
  },
)
