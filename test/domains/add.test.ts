import { eq } from 'drizzle-orm'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { accounts, domainNames } from '../../src/database/tables.ts'
import { openTestApp, type Request, send } from '../fixtures/app.ts'
import { account, contact, domain, grant, person, staff } from '../fixtures/cast.ts'
import { comparable, eventsOf, refusedOf } from '../fixtures/ledger.ts'

t.test('putting domains in and reading them', async (t) => {
  const test = await openTestApp(t)
  const { db } = test.context
  const a = await account(test, 'Alpha Ltd')
  const b = await account(test, 'Beta Ltd')
  const a1 = await domain(test, a, 'alpha.example')
  const a2 = await domain(test, a, 'xn--bcher-kva.example')
  const b1 = await domain(test, b, 'beta.example')
  const owner = await person(test, 'Olga Owner')
  const limited = await person(test, 'Lia Limited')
  const billing = await person(test, 'Bill Billing')
  const developer = await person(test, 'Dan Developer')
  const stranger = await person(test, 'Sam Stranger')
  const support = await staff(test, 'Sue Support', 'support')
  const admin = await staff(test, 'Ada Admin', 'admin')
  const ownerContact = await contact(test, a, owner, 'owner')
  await contact(test, a, limited, 'technical', [a1])
  await contact(test, a, billing, 'billing')
  await grant(test, a, ownerContact, developer, [a2], { actions: ['domain.read'] })
  const path = `/v1/accounts/${a.number}/domains`
  const get = (url: string, token: string, rest: Request = {}) => send(test, 'GET', url, { token, ...rest })
  const post = (name: unknown, rest: Request = {}) => send(test, 'POST', path, { token: admin.token, body: { name }, ...rest })
  const names = (items: { name: string }[]) => items.map(({ name }) => name).sort()
  const revision = async () => (await db.select().from(accounts).where(eq(accounts.id, a.id)))[0]?.authorityRevision as number

  await t.test('the provider puts one in, under its one form', async (t) => {
    const before = await revision()
    const made = await post('Straße.Example.')
    t.equal(made.status, 201, made.text)
    t.match(made.body, { name: 'xn--strae-oqa.example', unicode: 'straße.example', releasedAt: null, version: 1 })
    t.strictSame(made.body.account, { id: a.id, number: a.number, name: 'Alpha Ltd' })
    t.match(made.headers, { location: `/v1/accounts/${a.id}/domains/${made.body.id}`, etag: '"v1"' })
    const [name] = await db.select().from(domainNames).where(eq(domainNames.name, made.body.name))
    t.strictSame(name, { name: made.body.name, accountId: a.id, domainId: made.body.id })
    t.equal(await revision(), before + 1, 'what decided before must decide again')
    t.match((await eventsOf(test, a.id)).at(-1), {
      kind: 'domain.added',
      actor: admin.id,
      capacity: 'staff',
      resourceType: 'domain',
      resourceId: made.body.id,
      domainId: made.body.id,
      value: { name: 'xn--strae-oqa.example' },
    })
  })

  for (const [what, name, detail] of [
    ['a public suffix', 'co.uk', /public suffix/],
    ['a private public suffix', 'github.io', /public suffix/],
    ['a single label', 'localhost', /two labels/],
    ['an address', '192.0.2.1', /IP address/],
    ['an underscore', '_dmarc.alpha.example', /underscore/],
    ['an empty name', '', /./],
    ['a number', 5, /./],
  ] as const) {
    await t.test(`${what} is refused`, async (t) => {
      const sent = await refusedOf(t, test, () => post(name, { key: true }))
      t.match(sent, { status: 422, body: { code: 'validation_error', errors: [{ pointer: '#/name', detail }] } }, sent.text)
    })
  }

  await t.test('a name is held once, whoever holds it', async (t) => {
    for (const name of ['BETA.example', 'alpha.example']) {
      const sent = await refusedOf(t, test, () => post(name, { key: true }))
      t.match(sent, { status: 409, body: { code: 'conflict', errors: [{ pointer: '#/name', code: 'taken' }] } })
      t.match(sent.body.detail, name.toLowerCase())
    }
    t.equal((await post('www.beta.example')).status, 201, 'and says nothing of names below it')
  })

  await t.test('of two at once exactly one gets a name', async (t) => {
    const other = `/v1/accounts/${b.number}/domains`
    const [one, two] = await Promise.all([
      post('raced.example'),
      send(test, 'POST', other, { token: admin.token, body: { name: 'raced.example' } }),
    ])
    t.strictSame([one.status, two.status].sort(), [201, 409])
    t.equal((await db.select().from(domainNames).where(eq(domainNames.name, 'raced.example'))).length, 1)
  })

  await t.test('nobody but an admin puts one in', async (t) => {
    for (const who of [owner, limited, support]) {
      const sent = await refusedOf(t, test, () => post('mine.example', { token: who.token, key: true }))
      t.match(sent, { status: 403, body: { reason: 'action_not_in_role' } })
    }
    t.match((await eventsOf(test, a.id)).at(-1), { kind: 'access.refused', actor: support.id, reason: 'action_not_in_role' })
    t.equal((await refusedOf(t, test, () => post('mine.example', { token: stranger.token }))).status, 404)
  })

  await t.test('the same request with the same key puts one in', async (t) => {
    const first = await post('once.example', { key: 'd-once' })
    const again = await post('once.example', { key: 'd-once' })
    t.strictSame([again.status, again.body], [201, first.body])
    t.equal(again.headers['idempotency-replayed'], 'true')
  })

  await t.test('a list holds what is within reach', async (t) => {
    const all = (await get(path, owner.token)).body.items
    t.ok(names(all).includes('alpha.example'))
    t.notOk(names(all).includes('beta.example'))
    t.strictSame((await get(path, support.token)).body.items, all)
    t.strictSame(names((await get(path, limited.token)).body.items), ['alpha.example'])
    t.strictSame(names((await get(path, developer.token)).body.items), ['xn--bcher-kva.example'])
    t.match(await refusedOf(t, test, () => get(path, billing.token)), { status: 403, body: { reason: 'action_not_in_role' } })
    t.equal((await get(path, stranger.token)).status, 404)
    const first = await get(`${path}?limit=2`, owner.token)
    const rest = await get(`${path}?cursor=${first.body.nextCursor}`, owner.token)
    t.strictSame([...first.body.items, ...rest.body.items], all)
  })

  await t.test('one is read by id, by name, and in any spelling of the name', async (t) => {
    const byId = await get(`${path}/${a2.id}`, owner.token)
    t.equal(byId.status, 200, byId.text)
    t.match(byId.body, { id: a2.id, name: 'xn--bcher-kva.example', unicode: 'bücher.example' })
    t.strictSame((await get(`${path}/${encodeURIComponent('BÜCHER.example')}`, developer.token)).body, byId.body)
    const known = await get(`${path}/${a2.id}`, owner.token, { headers: { 'if-none-match': String(byId.headers['etag']) } })
    t.equal(known.status, 304)
  })

  await t.test('what is not yours is as what does not exist', async (t) => {
    const invented = comparable(await get(`${path}/${uuid()}`, limited.token))
    for (const stated of [a2.id, a2.name, b1.id, b1.name, 'invented.example', 'no name']) {
      const sent = await refusedOf(t, test, () => get(`${path}/${encodeURIComponent(stated)}`, limited.token))
      t.equal(sent.status, 404)
      t.strictSame(comparable(sent), invented, stated)
    }
    t.strictSame(
      comparable(await get(`${path}/${a1.id}`, stranger.token)),
      comparable(await get(`/v1/accounts/C-0/domains/${uuid()}`, stranger.token)),
    )
  })
})
