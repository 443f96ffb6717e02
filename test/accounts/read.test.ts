import t from 'tap'
import { v7 as uuid } from 'uuid'
import { openTestApp, type Request, send } from '../fixtures/app.ts'
import { account, contact, domain, grant, person, staff } from '../fixtures/cast.ts'
import { comparable, eventsOf, ledger, refusedOf } from '../fixtures/ledger.ts'

t.test('reading and renaming accounts', async (t) => {
  const test = await openTestApp(t)
  const a = await account(test, 'Alpha Ltd')
  const b = await account(test, 'Beta_100% Ltd', 'new')
  const c = await account(test, 'beta two')
  const a1 = await domain(test, a, 'alpha.example')
  const owner = await person(test, 'Olga Owner')
  const otherOwner = await person(test, 'Otto Other')
  const manager = await person(test, 'Mia Manager')
  const technical = await person(test, 'Tom Technical')
  const billing = await person(test, 'Bill Billing')
  const limited = await person(test, 'Lia Limited')
  const developer = await person(test, 'Dan Developer')
  const stranger = await person(test, 'Sam Stranger')
  const support = await staff(test, 'Sue Support', 'support')
  const admin = await staff(test, 'Ada Admin', 'admin')
  const ownerContact = await contact(test, a, owner, 'owner')
  await contact(test, c, owner, 'billing')
  await contact(test, c, otherOwner, 'owner')
  await contact(test, a, manager, 'manager')
  await contact(test, a, technical, 'technical')
  await contact(test, a, billing, 'billing')
  await contact(test, a, limited, 'manager', [a1])
  await grant(test, a, ownerContact, developer, [a1])
  const get = (url: string, token: string, rest: Request = {}) => send(test, 'GET', url, { token, ...rest })
  const patch = (token: string, rest: Request = {}) => send(test, 'PATCH', `/v1/accounts/${a.number}`, { token, ifMatch: 1, ...rest })
  const numbers = (items: { number: string }[]) => items.map(({ number }) => number)

  await t.test('by id and by number it is the same account', async (t) => {
    const byNumber = await get(`/v1/accounts/${a.number}`, owner.token)
    t.equal(byNumber.status, 200, byNumber.text)
    t.match(byNumber.body, { id: a.id, number: a.number, name: 'Alpha Ltd', state: 'open', version: 1 })
    t.equal(byNumber.headers['etag'], '"v1"')
    for (const who of [owner, manager, billing, support, admin]) {
      t.strictSame((await get(`/v1/accounts/${a.id}`, who.token)).body, byNumber.body)
    }
    const again = await get(`/v1/accounts/${a.id}`, owner.token, { headers: { 'if-none-match': '"v1"' } })
    t.strictSame([again.status, again.text], [304, ''])
  })

  await t.test('who has a tie but not the action is told why', async (t) => {
    for (const [who, reason] of [
      [technical, 'action_not_in_role'],
      [limited, 'domain_not_in_role'],
      [developer, 'action_not_delegable'],
    ] as const) {
      t.match(await refusedOf(t, test, () => get(`/v1/accounts/${a.id}`, who.token)), { status: 403, body: { reason } })
    }
  })

  await t.test("another's account is to a stranger as one that does not exist", async (t) => {
    for (const who of [stranger, otherOwner]) {
      for (const [real, invented] of [
        [a.id, uuid()],
        [a.number, 'C-0'],
      ]) {
        const theirs = await refusedOf(t, test, () => get(`/v1/accounts/${real}`, who.token))
        t.equal(theirs.status, 404)
        t.strictSame(comparable(theirs), comparable(await get(`/v1/accounts/${invented}`, who.token)))
      }
    }
    t.notOk((await eventsOf(test, a.id)).some(({ actor }) => actor === stranger.id))
  })

  await t.test('a list holds what is within reach and nothing else', async (t) => {
    t.strictSame(numbers((await get('/v1/accounts', owner.token)).body.items).sort(), [a.number, c.number].sort())
    t.strictSame(numbers((await get('/v1/accounts', billing.token)).body.items), [a.number])
    for (const who of [technical, limited, developer, stranger]) {
      t.strictSame((await get('/v1/accounts', who.token)).body, { items: [], nextCursor: null })
    }
    const every = await get('/v1/accounts', support.token)
    t.strictSame(numbers(every.body.items).sort(), [a.number, b.number, c.number].sort())
    const read = await get(`/v1/accounts/${c.number}`, support.token)
    t.strictSame(
      every.body.items.find(({ id }: { id: string }) => id === c.id),
      read.body,
    )
  })

  await t.test('pages concatenate to the whole, newest first', async (t) => {
    const whole = (await get('/v1/accounts', support.token)).body.items
    const walked = []
    let url = '/v1/accounts?limit=1'
    for (let page = await get(url, support.token); ; page = await get(url, support.token)) {
      walked.push(...page.body.items)
      if (page.body.nextCursor === null) break
      url = `/v1/accounts?limit=1&cursor=${page.body.nextCursor}`
    }
    t.strictSame(walked, whole)
    t.equal((await get(url, admin.token)).body.code, 'unsupported_cursor', "another's cursor serves nobody")
  })

  await t.test('filters narrow it', async (t) => {
    const filtered = async (query: string, token = support.token) => numbers((await get(`/v1/accounts?${query}`, token)).body.items).sort()
    t.strictSame(await filtered(`number=${b.number}`), [b.number])
    t.strictSame(await filtered('name=BETA'), [b.number, c.number].sort())
    t.strictSame(await filtered('name=beta_1'), [b.number], 'a sign of patterns means itself')
    t.strictSame(await filtered('name=%25'), [])
    t.strictSame(await filtered('state=new'), [b.number])
    t.strictSame(await filtered(`number=${b.number}`, owner.token), [], 'and never widen')
    t.equal((await get('/v1/accounts?state=gone', support.token)).status, 422)
  })

  await t.test('an owner renames it, and a stale version changes nothing', async (t) => {
    const renamed = await patch(owner.token, { body: { name: 'Alpha AG' } })
    t.equal(renamed.status, 200, renamed.text)
    t.match(renamed.body, { name: 'Alpha AG', version: 2 })
    t.equal(renamed.headers['etag'], '"v2"')
    t.match((await eventsOf(test, a.id)).at(-1), {
      kind: 'account.updated',
      capacity: 'contact',
      via: ownerContact,
      changed: ['name'],
      value: { name: { from: 'Alpha Ltd', to: 'Alpha AG' } },
    })
    const late = await refusedOf(t, test, () => patch(owner.token, { body: { name: 'Late' } }))
    t.match(late, { status: 412, body: { code: 'precondition_failed', currentEtag: '"v2"' } })
    const blind = { headers: {}, body: { name: 'Blind' } }
    const without = await refusedOf(t, test, () => send(test, 'PATCH', `/v1/accounts/${a.id}`, { token: owner.token, ...blind }))
    t.equal(without.status, 428)
  })

  await t.test('the same name again is no change', async (t) => {
    const before = await ledger(test)
    const same = await patch(admin.token, { ifMatch: 2, body: { name: 'Alpha AG' } })
    t.match(same, { status: 200, body: { version: 2 }, headers: { etag: '"v2"' } })
    t.strictSame(await ledger(test), before)
    const any = await send(test, 'PATCH', `/v1/accounts/${a.id}`, {
      token: admin.token,
      headers: { 'if-match': '*' },
      body: { name: 'Alpha SE' },
    })
    t.match(any, { status: 200, body: { name: 'Alpha SE', version: 3 } })
  })

  await t.test('of two changes of one version exactly one is made', async (t) => {
    const rename = (name: string) => patch(owner.token, { ifMatch: 3, body: { name } })
    const sent = await Promise.all([rename('Alpha One'), rename('Alpha Two')])
    t.strictSame(sent.map(({ status }) => status).sort(), [200, 412])
    t.equal((await get(`/v1/accounts/${a.id}`, owner.token)).body.version, 4)
  })

  await t.test('nobody else renames it', async (t) => {
    for (const [who, reason] of [
      [manager, 'action_not_in_role'],
      [billing, 'action_not_in_role'],
      [limited, 'action_not_in_role'],
      [developer, 'action_not_delegable'],
      [support, 'action_not_in_role'],
    ] as const) {
      const sent = await refusedOf(t, test, () => patch(who.token, { ifMatch: 4, body: { name: 'Mine' } }))
      t.match(sent, { status: 403, body: { reason } }, who.name)
    }
    const hidden = await refusedOf(t, test, () => patch(stranger.token, { body: { name: 'Mine' } }))
    t.equal(hidden.status, 404)
  })

  await t.test('what is no name is refused', async (t) => {
    for (const body of [{}, { name: ' ' }, { name: 'x', number: 'C-1' }, { name: null }]) {
      t.equal((await refusedOf(t, test, () => patch(owner.token, { ifMatch: 4, body }))).status, 422)
    }
  })
})
