/** What a client brings along one by one: idempotent, and in its own realm only. */
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { accounts, subjects } from '../../src/database/tables.ts'
import type { Sent } from '../fixtures/app.ts'
import { account, contact, domain, person, staff } from '../fixtures/cast.ts'
import { comparable, eventsOf, refusedOf } from '../fixtures/ledger.ts'
import { askForUser, clientToken, panel, panelToken } from '../oauth/stage.ts'
import { setStage, shapeOf } from './stage.ts'

const provider = '00000000-0000-0000-0000-000000000000'
const owner = { subject: 'user-1', name: 'Olga Owner', role: 'owner' }

t.test('what is put as it is already leaves the account as it was, so that nobody at work there starts over', async (t) => {
  const { test, put, sync } = await setStage(t)
  const domains = [{ external: 'd', name: 'alpha.example' }]
  const contacts = [{ external: 'u', subject: 'user-1', name: 'Olga Owner', role: 'owner' }]
  const all = { accounts: [{ external: '1', name: 'Alpha', domains, contacts }] }
  const revision = async () => (await test.context.db.select({ at: accounts.authorityRevision }).from(accounts))[0]?.at
  await sync(all)
  const before = await revision()
  t.match(await put('accounts/1', { name: 'Alpha' }), { status: 200, body: { changed: false } })
  t.match(await put('accounts/1/domains/d', { name: 'alpha.example' }), { status: 200, body: { changed: false } })
  const { external: _external, ...contact } = contacts[0] as (typeof contacts)[number]
  t.match(await put('accounts/1/contacts/u', contact), { status: 200, body: { changed: false } })
  t.equal((await sync(all)).status, 200)
  t.equal(await revision(), before)
  t.match(await put('accounts/1', { name: 'Beta' }), { status: 200, body: { changed: true } })
  t.equal(await revision(), (before as number) + 1)
})

t.setTimeout(240_000)

t.test('an account, its domain and its owner: made, repeated, changed', async (t) => {
  const stage = await setStage(t)
  const { test, shop, put } = stage
  const made = await put('accounts/4711', { name: 'Alpha Ltd' })
  t.match([made.status, made.body], [201, { external: '4711', name: 'Alpha Ltd', state: 'new', changed: true, number: /^C-/ }])
  const { id } = made.body
  const again = await put('accounts/4711', { name: 'Alpha Ltd', number: made.body.number })
  t.strictSame([again.status, again.body], [200, { ...made.body, changed: false }])
  t.match(await put('accounts/4711', { name: 'Alpha Inc' }), { status: 200, body: { id, name: 'Alpha Inc', changed: true } })

  const d = await put('accounts/4711/domains/d-1', { name: 'Bücher.example' })
  t.match([d.status, d.body], [201, { external: 'd-1', name: 'xn--bcher-kva.example', unicode: 'bücher.example', changed: true }])
  t.strictSame((await put('accounts/4711/domains/d-1', { name: 'bücher.example' })).body, { ...d.body, changed: false })

  t.match(await put('accounts/4711/contacts/u-1', owner), { status: 201, body: { role: 'owner', confirmed: true, changed: true } })
  const before = await eventsOf(test, id)
  t.match(await put('accounts/4711/contacts/u-1', owner), { status: 200, body: { changed: false } })
  t.strictSame(await eventsOf(test, id), before, 'repeating it leaves no event')
  t.strictSame(await shapeOf(stage, id), {
    state: 'open',
    domains: ['xn--bcher-kva.example'],
    contacts: ['owner active confirmed added'],
  })
  t.strictSame(
    before.map(({ kind }) => kind),
    ['account.created', 'account.updated', 'domain.added', 'contact.added', 'account.opened'],
  )
  for (const event of before) t.match(event, { actor: null, capacity: 'client', via: shop.id, audience: 'account' })
  const born = (await eventsOf(test, provider)).filter(({ kind }) => kind === 'user.created')
  t.match(born, [{ capacity: 'client', value: { issuer: shop.realm, subject: 'user-1' } }])
})

t.test('two at once that make the same account make one', async (t) => {
  const { test, put } = await setStage(t)
  const { db } = test.context
  const { transaction } = db
  const twins: Sent[] = []
  // The twin comes after the first has looked, and before it writes.
  db.transaction = async (work, ...rest) => {
    db.transaction = transaction
    twins.push(await put('accounts/1', { name: 'One' }))
    return transaction.call(db, work as never, ...rest) as never
  }
  const late = await put('accounts/1', { name: 'One' })
  const [twin] = twins
  t.equal(twin?.status, 201)
  t.strictSame([late.status, late.body], [200, { ...twin?.body, changed: false }])
  t.equal((await db.select().from(accounts)).length, 1)

  const both = await Promise.all([put('accounts/2', { name: 'Two' }), put('accounts/2', { name: 'Two' })])
  t.strictSame(both.map(({ status }) => status).sort(), [200, 201])
  t.equal(both[0].body.id, both[1].body.id)
})

t.test('an account keeps its number, and a number is one account’s', async (t) => {
  const stage = await setStage(t)
  const { test, put } = stage
  t.match(await put('accounts/1', { name: 'One', number: 'K-1' }), { status: 201, body: { number: 'K-1' } })
  const refused = (path: string, number: string) => refusedOf(t, test, () => put(path, { name: 'One', number }))
  t.match(await refused('accounts/1', 'K-2'), { status: 409, body: { errors: [{ pointer: '#/number', code: 'fixed' }] } })
  t.match(await refused('accounts/2', 'K-1'), { status: 409, body: { errors: [{ pointer: '#/number', code: 'taken' }] } })
  t.match(await refused('accounts/2', uuid()), { status: 422, body: { errors: [{ pointer: '#/number', code: 'format' }] } })
})

t.test('bad input is refused by name, and nothing is written', async (t) => {
  const { test, put, remove } = await setStage(t)
  const { body: a } = await put('accounts/1', { name: 'Alpha' })
  await put('accounts/1/domains/d-1', { name: 'one.example' })
  await put('accounts/1/contacts/u', owner)
  const b = await account(test, 'Beta Ltd')
  await domain(test, b, 'beta.example')
  await contact(test, a, await person(test, 'Invited'), 'technical')
  const tries = [
    ['domains/d-1', { name: 'beta.example' }, 409, '#/name'],
    ['domains/d-2', { name: 'one.example' }, 409, '#/name'],
    ['domains/d-2', { name: 'no name' }, 422, '#/name'],
    ['domains/d-2', { name: 'co.uk' }, 422, '#/name'],
    ['contacts/u', { ...owner, address: 'nonsense' }, 422, '#/address'],
    ['contacts/u', { ...owner, subject: '' }, 422, '#/subject'],
    ['contacts/u', { ...owner, role: 'king' }, 422, '#/role'],
    ['contacts/u', { ...owner, extra: 1 }, 422, '#/extra'],
    ['contacts/u-2', owner, 409, undefined],
    ['domains/a%20b', { name: 'two.example' }, 422, undefined],
  ] as const
  for (const [path, body, status, pointer] of tries) {
    const sent = await refusedOf(t, test, () => put(`accounts/1/${path}`, body))
    t.match(sent, { status, body: pointer === undefined ? {} : { errors: [{ pointer }] } }, `${path} ${JSON.stringify(body)}`)
  }
  for (const path of ['accounts/1/domains/x', 'accounts/1/contacts/x', 'accounts/x/domains/d-1', 'accounts/x/contacts/u']) {
    t.equal((await refusedOf(t, test, () => remove(path))).status, 404)
  }
})

t.test('another realm’s things are as unknown as what never was', async (t) => {
  const { test, put, remove } = await setStage(t)
  const { body: a } = await put('accounts/4711', { name: 'Alpha' })
  await put('accounts/4711/domains/d', { name: 'alpha.example' })
  await put('accounts/4711/contacts/u', owner)
  const rival = await panel(test)
  const token = await clientToken(test, rival)
  for (const [below, body] of [
    ['domains/d', { name: 'alpha.example' }],
    ['contacts/u', owner],
  ] as const) {
    for (const request of [(path: string) => put(path, body, { token }), (path: string) => remove(path, { token })]) {
      const there = await refusedOf(t, test, () => request(`accounts/4711/${below}`))
      const nowhere = await refusedOf(t, test, () => request(`accounts/0815/${below}`))
      t.equal(there.status, 404)
      t.strictSame(comparable(there), comparable(nowhere))
    }
  }
  const its = await put('accounts/4711', { name: 'Rival' }, { token })
  t.equal(its.status, 201)
  t.not(its.body.id, a.id, 'the same name in another realm is another account')
  t.match(await put('accounts/4711/contacts/u', owner, { token }), { status: 201 })
  t.equal((await test.context.db.select().from(subjects)).length, 2, 'and the same subject is another user')
  t.equal((await askForUser(test, rival, 'user-2')).body.error, 'invalid_grant')
})

t.test('only a client that speaks for itself may, with the scope, of its realm', async (t) => {
  const { test, shop, put, sync } = await setStage(t)
  const { body: a } = await put('accounts/1', { name: 'Alpha' })
  await put('accounts/1/contacts/u', owner)
  const poor = await panel(test, { realm: shop.realm, scopes: ['ticket.read'] })
  const admin = await staff(test, 'Ada', 'admin')
  const asOwner = await panelToken(test, shop, owner.subject)
  const tokens = [await clientToken(test, poor), admin.token, asOwner]
  for (const token of tokens) {
    for (const path of ['accounts/1', 'accounts/2']) {
      t.match(await refusedOf(t, test, () => put(path, { name: 'X' }, { token })), { status: 403, body: { code: 'not_authorised' } })
    }
    t.equal((await refusedOf(t, test, () => sync({ accounts: [] }, { token }))).status, 403)
  }
  const twin = await panel(test, { realm: shop.realm })
  t.equal(
    (await put('accounts/1', { name: 'Beta' }, { token: await clientToken(test, twin) })).body.id,
    a.id,
    'a realm may have two clients',
  )
})
