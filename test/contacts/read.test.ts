import t from 'tap'
import { v7 as uuid } from 'uuid'
import { openTestApp, type Request, send } from '../fixtures/app.ts'
import { account, contact, domain, grant, person, staff } from '../fixtures/cast.ts'
import { comparable, refusedOf } from '../fixtures/ledger.ts'

t.test('reading contacts', async (t) => {
  const test = await openTestApp(t)
  const a = await account(test, 'Alpha Ltd')
  const b = await account(test, 'Beta Ltd')
  const a1 = await domain(test, a, 'alpha.example')
  const a2 = await domain(test, a, 'alpha-two.example')
  const owner = await person(test, 'Olga Owner')
  const technical = await person(test, 'Tom Technical')
  const billing = await person(test, 'Bill Billing')
  const limited = await person(test, 'Lia Limited')
  const developer = await person(test, 'Dan Developer')
  const stranger = await person(test, 'Sam Stranger')
  const support = await staff(test, 'Sue Support', 'support')
  const admin = await staff(test, 'Ada Admin', 'admin')
  const ownerContact = await contact(test, a, owner, 'owner')
  await contact(test, a, technical, 'technical')
  await contact(test, a, billing, 'billing')
  const limitedContact = await contact(test, a, limited, 'technical', [a1, a2])
  const theirs = await contact(test, b, await person(test, 'Otto Other'), 'owner')
  await grant(test, a, ownerContact, developer, [a1])
  const path = `/v1/accounts/${a.number}/contacts`
  const get = (url: string, token: string, rest: Request = {}) => send(test, 'GET', url, { token, ...rest })

  await t.test('one is read in its form on the wire', async (t) => {
    const read = await get(`${path}/${limitedContact}`, owner.token)
    t.equal(read.status, 200, read.text)
    t.match(read.body, {
      user: { id: limited.id, name: 'Lia Limited' },
      role: 'technical',
      status: 'active',
      address: limited.address,
      confirmed: true,
      acceptedAt: /^\d{4}-/,
      endedAt: null,
    })
    t.strictSame(
      read.body.domains.map(({ name }: { name: string }) => name),
      ['alpha-two.example', 'alpha.example'],
    )
    t.equal(read.headers['etag'], '"v1"')
    t.equal((await get(`${path}/${limitedContact}`, technical.token, { headers: { 'if-none-match': '"v1"' } })).status, 304)
    t.strictSame((await get(`${path}/${limitedContact}`, support.token)).body, read.body)
  })

  await t.test('a list holds those that have not ended, newest first, in pages', async (t) => {
    const all = await get(path, technical.token)
    t.equal(all.status, 200, all.text)
    t.equal(all.body.items.length, 4)
    const walked = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page = await get(`${path}?limit=1${cursor === '' ? '' : `&cursor=${cursor}`}`, technical.token)
      walked.push(...page.body.items)
      cursor = page.body.nextCursor
    }
    t.strictSame(walked, all.body.items)
    t.equal((await send(test, 'DELETE', `${path}/${limitedContact}`, { token: owner.token })).status, 204)
    const ids = async (query: string) => (await get(`${path}${query}`, owner.token)).body.items.map(({ id }: { id: string }) => id)
    t.notOk((await ids('')).includes(limitedContact))
    t.strictSame(await ids('?status=ended'), [limitedContact])
    t.strictSame(await ids('?role=owner&status=active'), [ownerContact])
    t.strictSame(await ids('?role=manager'), [])
  })

  await t.test('of a limit that holds a released domain the rest is shown', async (t) => {
    const who = await contact(test, a, await person(test, 'Rita Rest'), 'technical', [a1, a2])
    t.equal((await send(test, 'DELETE', `/v1/accounts/${a.number}/domains/${a1.id}`, { token: admin.token })).status, 204)
    t.match((await get(`${path}/${who}`, owner.token)).body.domains, [{ id: a2.id }])
    t.equal((await send(test, 'DELETE', `/v1/accounts/${a.number}/domains/${a2.id}`, { token: admin.token })).status, 204)
    t.strictSame((await get(`${path}/${who}`, owner.token)).body.domains, [], 'nothing left is nothing, not everything')
  })

  await t.test('who may not read them is refused, and learns nothing of one', async (t) => {
    for (const [who, reason] of [
      [billing, 'action_not_in_role'],
      [developer, 'action_not_delegable'],
    ] as const) {
      t.match(await refusedOf(t, test, () => get(path, who.token)), { status: 403, body: { reason } })
      const real = await refusedOf(t, test, () => get(`${path}/${ownerContact}`, who.token))
      t.equal(real.status, 404)
      t.strictSame(comparable(real), comparable(await get(`${path}/${uuid()}`, who.token)))
    }
    const invented = comparable(await get(`${path}/${uuid()}`, owner.token))
    for (const id of [theirs, 'no-id']) t.strictSame(comparable(await get(`${path}/${id}`, owner.token)), invented)
    t.strictSame(comparable(await get(path, stranger.token)), comparable(await get('/v1/accounts/C-0/contacts', stranger.token)))
  })
})
