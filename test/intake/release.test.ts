/** Staff let something through only after a telephone call with a contact who may decide, by one of two ways, and the owners are told. */
import { eq, sql } from 'drizzle-orm'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { sqlState } from '../../src/database/errors.ts'
import { accounts, clients, contacts } from '../../src/database/tables.ts'
import type { ClientScope } from '../../src/vocabulary.ts'
import { send } from '../fixtures/app.ts'
import { contact, person, submission, tokenFor } from '../fixtures/cast.ts'
import { ledger } from '../fixtures/ledger.ts'
import { mailbox } from '../fixtures/mail.ts'
import { panel, panelToken, tie } from '../oauth/stage.ts'
import { meanwhile } from '../races/meanwhile.ts'
import { dayMs, setStage } from './stage.ts'

const stage = await setStage(t)
const { test, a, people, contacts: known, ask, base } = stage
const { db } = test.context
const reason = 'Asked for by telephone'
const fresh = (domain = 'alpha.example') => submission(test, people.stranger, a.number, domain)
const release = (id: string, body: object, request: object = { ifMatch: 1 }, who = 'support') =>
  ask(who, 'POST', `${base}/${id}/release`, { body: { reason, ...body }, ...request })
const phone = (who: string, whose: string, number: string | null) =>
  ask(who, 'PUT', `/v1/accounts/${a.number}/contacts/${whose}/phone`, { body: { number } })
async function told(who: string, body: object = {}): Promise<string> {
  const { code } = (await ask(who, 'POST', `/v1/accounts/${a.number}/support-codes`, { body })).body
  return (await ask('support', 'POST', '/v1/support-codes/verify', { body: { account: a.number, code } })).body.id
}

t.test('a number can be called back when it has stood for seven days', async (t) => {
  const set = await phone('owner', known.manager, '+61731234567')
  t.match(set, { status: 200, headers: { etag: '"v2"' }, body: { phone: { number: '+61731234567' }, version: 2 } })
  const stands = await ledger(test)
  t.equal((await phone('owner', known.manager, '+61731234567')).body.version, 2)
  t.strictSame(await ledger(test), stands, 'the same again changes nothing')
  t.match(await phone('owner', known.manager, 'call me'), { status: 422 })
  t.equal((await phone('manager', known.owner, '+61700000000')).status, 403, 'nobody sets that of who holds more')
  t.equal((await phone('support', known.manager, '+61700000000')).status, 403, 'nor does the provider')
  const id = await fresh()
  const before = await stage.rows()
  t.match(
    await release(id, { callBack: known.manager }),
    { status: 422, body: { errors: [{ pointer: '#/callBack', code: 'way' }] } },
    'too new',
  )
  t.strictSame(await stage.rows(), before, 'and nothing was written')
  await stage.wait(7 * dayMs + 1_000)
  await phone('owner', known.manager, '+61739999999')
  t.equal((await release(id, { callBack: known.manager })).status, 422, 'another number starts the days anew')
  await stage.wait(7 * dayMs + 1_000)
  t.equal((await stage.seen('support', id)).body.status, 'ended')
  const later = await fresh()
  const done = await release(later, { callBack: known.manager })
  t.match(done, { status: 200, body: { status: 'released', grant: null } })
  t.match((await stage.told(later)).at(-1), {
    kind: 'submission.released',
    audience: 'account',
    actorUserId: people.support.id,
    capacity: 'staff',
  })
  t.equal((await phone('owner', known.manager, null)).body.phone, null)
  t.equal((await release(await fresh(), { callBack: known.manager })).status, 422)
  await db
    .update(contacts)
    .set({ status: 'ended', endedAt: new Date(test.clock.now()) })
    .where(eq(contacts.id, known.billing))
  t.equal((await phone('owner', known.billing, '+61731234567')).status, 409)
})

t.test(
  'after a code of a contact who may decide it is a ticket of staff’s, in the submitter’s words, and the owners are told',
  async (t) => {
    await mailbox(test)
    const id = await fresh()
    const arrived = (await stage.held(id)).arrivedAt
    const done = await release(id, { supportCode: await told('manager') })
    t.match(done, { status: 200, headers: { etag: '"v2"' }, body: { id, status: 'released', grant: null } })
    const row = await stage.row(done.body.ticket)
    t.match(row, {
      origin: 'staff',
      capacity: 'staff',
      staffMemberId: people.support.staffMember,
      requesterUserId: people.stranger.id,
      channel: 'api',
    })
    t.strictSame(row.arrivedAt, arrived)
    t.match((await ask('owner', 'GET', `/v1/tickets/${done.body.ticket}`)).body, {
      requester: { name: 'Sam Stranger' },
      openedBy: { capacity: 'staff' },
    })
    t.equal((await ask('stranger', 'GET', `/v1/tickets/${done.body.ticket}`)).status, 404, 'staff give nobody authority')
    t.equal((await stage.own('stranger', id)).body.status, 'accepted')
    const letters = await mailbox(test)
    t.strictSame(letters.map(({ to }) => to).sort(), [people.owner.address, people.stranger.address].sort())
    t.match(letters.find(({ to }) => to === people.owner.address)?.text, `/v1/accounts/${a.number}/submissions/${id}`)
    t.match(await release(id, { supportCode: await told('manager') }, { ifMatch: 2 }), { status: 409, body: { verdict: 'released' } })
    t.match(await stage.approve('owner', id, undefined, { ifMatch: 2 }), { status: 409 })
    t.match(await stage.decline('owner', id), { status: 409 })
  },
)

const twoConnections = { skip: process.env['TEST_DATABASE_URL'] === undefined && 'takes a database of several connections' }

t.test('who agreed on the telephone stays who he is until it is written', twoConnections, async (t) => {
  const id = await fresh()
  const call = await told('manager')
  const suspending = async () => {
    const taken = db.transaction((tx) => tx.execute(sql`select from users where id = ${people.manager.id} for no key update nowait`))
    t.equal(sqlState(await taken.catch((error: unknown) => error)), '55P03', 'a suspension waits')
    return undefined
  }
  const { result } = await meanwhile(
    suspending,
    async () => undefined,
    () => release(id, { supportCode: call }),
  )
  t.equal(result.status, 200)
})

/** A code that the manager made through a service with these scopes, and told. */
async function toldThrough(...scopes: ClientScope[]) {
  const shop = await panel(test, { scopes })
  const token = await panelToken(test, shop, await tie(test, shop, people.manager))
  const { code } = (await send(test, 'POST', `/v1/accounts/${a.number}/support-codes`, { token, body: {} })).body
  const call = (await ask('support', 'POST', '/v1/support-codes/verify', { body: { account: a.number, code } })).body.id as string
  return { shop, call }
}

t.test('A4: a code made through a service that may not decide releases nothing, nor when the service is disabled', async (t) => {
  const id = await fresh()
  const refused = async (call: string, what: string) => {
    const before = await stage.rows()
    t.match(await release(id, { supportCode: call }), { status: 422, body: { errors: [{ pointer: '#/supportCode', code: 'way' }] } }, what)
    t.strictSame(await stage.rows(), before, `${what}: and nothing was written`)
  }
  await refused((await toldThrough('support_code.create', 'ticket.create')).call, 'not registered to decide')
  const deciding = () => toldThrough('support_code.create', 'ticket.create', 'submission.decide')
  const ended = await deciding()
  await db
    .update(clients)
    .set({ status: 'disabled', disabledAt: new Date(test.clock.now()) })
    .where(eq(clients.id, ended.shop.id))
  await refused(ended.call, 'disabled after the code was verified')
  t.match(await release(id, { supportCode: (await deciding()).call }), { status: 200, body: { status: 'released' } })
})

t.test('and the service he made the code through stays what it is', twoConnections, async (t) => {
  const id = await fresh()
  const { shop, call } = await toldThrough('support_code.create', 'submission.decide')
  const disabling = async () => {
    const taken = db.transaction((tx) => tx.execute(sql`select from clients where id = ${shop.id} for no key update nowait`))
    t.equal(sqlState(await taken.catch((error: unknown) => error)), '55P03', 'disabling it waits')
    return undefined
  }
  const { result } = await meanwhile(
    disabling,
    async () => undefined,
    () => release(id, { supportCode: call }),
  )
  t.equal(result.status, 200)
})

t.test('by no other way', async (t) => {
  const id = await fresh()
  const call = await told('owner')
  const submitters = await contact(test, a, people.stranger, 'manager', [stage.domains.deep])
  await db
    .update(contacts)
    .set({ phone: '+61731111111', phoneStoredAt: new Date(0) })
    .where(eq(contacts.id, submitters))
  await db
    .update(contacts)
    .set({ phone: '+61732222222', phoneStoredAt: new Date(0) })
    .where(eq(contacts.id, known.technical))
  const deep = await told('keeperOfDeep', { domain: 'deep.alpha.example' })
  const cases: [string, () => ReturnType<typeof release>, object][] = [
    ['neither', () => release(id, {}), { status: 422 }],
    ['both', () => release(id, { supportCode: call, callBack: known.owner }), { status: 422 }],
    [
      'without a reason',
      () => release(id, { supportCode: call, reason: '' }),
      { status: 422, body: { errors: [{ pointer: '#/reason' }] } },
    ],
    ['a developer’s code', async () => release(id, { supportCode: await told('developer', { domain: 'alpha.example' }) }), { status: 422 }],
    ['the code of a contact who may not decide', async () => release(id, { supportCode: await told('technical') }), { status: 422 }],
    ['one limited to another domain', () => release(id, { supportCode: deep }), { status: 422 }],
    ['an invented code', () => release(id, { supportCode: uuid() }), { status: 422 }],
    ['a call to one who may not decide', () => release(id, { callBack: known.technical }), { status: 422 }],
    ['a call to one without a number', () => release(id, { callBack: known.owner }), { status: 422 }],
    ['a call to the submitter himself', () => release(id, { callBack: submitters }), { status: 422 }],
    ['a call to nobody', () => release(id, { callBack: uuid() }), { status: 422 }],
    ['an old version', () => release(id, { supportCode: call }, { ifMatch: 9 }), { status: 412 }],
    ['no version', () => release(id, { supportCode: call }, {}), { status: 428 }],
    ['an owner, who decides himself', () => release(id, { supportCode: call }, { ifMatch: 1 }, 'owner'), { status: 403 }],
  ]
  for (const [what, act, expected] of cases) {
    t.match(await act(), expected, what)
    t.match(await stage.held(id), { verdict: null, version: 1 }, `${what}: it waits`)
  }
  const old = await tokenFor(test, people.support.id, people.support.session, 3_600)
  t.match(await release(id, { supportCode: call }, { ifMatch: 1, token: old }), { status: 401, body: { code: 'step_up_required' } })
  const otherAgent = await release(id, { supportCode: call }, { ifMatch: 1 }, 'admin')
  t.equal(otherAgent.status, 422, 'another agent was told nothing')
  const ofDeep = await submission(test, await person(test, 'Some One'), a.number, 'deep.alpha.example')
  t.equal((await release(ofDeep, { supportCode: deep })).status, 200, 'a limited one answers for his domain')
})

t.test('what is held for a restricted account waits, and what cannot be written is not half done', async (t) => {
  const id = await fresh()
  const call = await told('owner')
  const become = (state: 'restricted' | 'open') => db.update(accounts).set({ state }).where(eq(accounts.id, a.id))
  await become('restricted')
  t.match(await release(id, { supportCode: call }), { status: 409, body: { reason: 'account_state' } })
  await become('open')
  const late = async (_attempt: number, values: Record<string, unknown>) => ({
    ...values,
    clockOffset: Number(values['clockOffset']) + 2 * dayMs,
  })
  const before = await stage.rows()
  const { result } = await meanwhile(
    late,
    async () => undefined,
    () => release(id, { supportCode: call }),
  )
  t.match(result, { status: 503 })
  t.strictSame(await stage.rows(), before, 'and nothing was written')
  t.equal((await release(id, { supportCode: call })).status, 200)
})
