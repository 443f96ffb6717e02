import { and, eq } from 'drizzle-orm'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import {
  clients,
  contacts,
  domainClaims,
  domainNames,
  domains,
  journalEvents,
  sessions,
  throttles,
  users,
} from '../../src/database/tables.ts'
import { checkClaims } from '../../src/domains/check-claims.ts'
import { findPending, lapseOver } from '../../src/domains/claim-life.ts'
import { openTestApp, type Request, send } from '../fixtures/app.ts'
import { account, contact, domain, freshToken, person, staff, tokenFor } from '../fixtures/cast.ts'
import { comparable, eventsOf, ledger, refusedOf } from '../fixtures/ledger.ts'

const dayMs = 86_400_000

t.setTimeout(180_000)

t.test('claims of domains', async (t) => {
  const test = await openTestApp(t)
  const { db } = test.context
  const a = await account(test, 'Alpha Ltd')
  const b = await account(test, 'Beta Ltd')
  const held = await domain(test, b, 'beta.example')
  const own = await domain(test, a, 'alpha.example')
  const owner = await person(test, 'Olga Owner')
  const manager = await person(test, 'Max Manager')
  const limited = await person(test, 'Lia Limited')
  const technical = await person(test, 'Tom Technical')
  const stranger = await person(test, 'Sam Stranger')
  const support = await staff(test, 'Sue Support', 'support')
  const admin = await staff(test, 'Ada Admin', 'admin')
  await contact(test, a, owner, 'owner')
  const managerContact = await contact(test, a, manager, 'manager')
  await contact(test, a, limited, 'manager', [own])
  await contact(test, a, technical, 'technical')
  await contact(test, b, await person(test, 'Berta Owner'), 'owner')
  const path = `/v1/accounts/${a.number}/domains/claims`
  const ask = (method: string, rest: string, request: Request = {}) =>
    send(test, method, `${path}${rest}`, { token: owner.token, ...request })
  const claim = (name: string, rest: Request = {}) => ask('POST', '', { body: { name }, ...rest })
  const prove = ({ challenge }: { challenge: { name: string; value: string } }) =>
    test.zone.set(challenge.name, ['v=spf1 -all', challenge.value])
  const run = () => checkClaims(test.context, async (name) => test.zone.get(name) ?? [])({}, new AbortController().signal)
  const pass = async (ms: number) => {
    test.clock.advance(ms)
    await db
      .update(sessions)
      .set({ expiresAt: new Date(test.clock.now() + dayMs) })
      .where(eq(sessions.id, owner.session))
    owner.token = await tokenFor(test, owner.id, owner.session)
  }
  const stored = async (id: string) => (await db.select().from(domainClaims).where(eq(domainClaims.id, id)))[0]
  const namesOf = async (id: string) => (await db.select().from(domains).where(eq(domains.accountId, id))).map(({ name }) => name)

  await t.test('C5: what comes of a claim is the same for a name that is free, held or unknown', async (t) => {
    const before = await namesOf(a.id)
    const shown = async (name: string) => {
      const sent = await claim(name)
      t.equal(sent.status, 202, sent.text)
      const looked = await ask('POST', `/${sent.body.id}/check`)
      t.equal(looked.status, 200, looked.text)
      const blank = ({ text, headers }: typeof sent) =>
        [text, JSON.stringify(headers)].map((part) =>
          part
            .replaceAll(name, 'NAME')
            .replaceAll(sent.body.id, 'ID')
            .replaceAll(sent.body.challenge.value, 'VALUE')
            .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'AT')
            .replaceAll(/"(x-request-id|ratelimit|date|content-length)":"(\\"|[^"])*"/g, ''),
        )
      t.match(sent.body, { status: 'pending', challenge: { type: 'TXT', name: `_mandate-challenge.${name}` }, domain: null, endedAt: null })
      t.match(sent.headers['location'], `/v1/accounts/${a.id}/domains/claims/${sent.body.id}`)
      t.notOk('heldBy' in sent.body || 'seenAt' in sent.body)
      return [blank(sent), blank(looked)]
    }
    const free = await shown('free.example')
    t.strictSame(await shown(held.name), free)
    t.strictSame(await shown('not-registered.example'), free)
    t.strictSame(await namesOf(a.id), before, 'a claim is no domain')
    t.equal((await ask('GET', '')).body.items.length, 3)
  })

  await t.test('a claim carries no authority', async (t) => {
    const body = { account: a.number, domain: 'free.example', topic: 'other', subject: 'It broke', message: 'Since noon.' }
    const sent = await refusedOf(t, test, () => send(test, 'POST', '/v1/tickets', { token: owner.token, key: true, body }))
    t.match(sent, { status: 403, body: { reason: 'domain_not_in_account' } })
  })

  await t.test('C7: claimed again, in whatever spelling, it is the same claim, and its record stays good', async (t) => {
    const one = await claim('twice.example', { key: 'c-1' })
    const two = await claim('TWICE.example.', { token: manager.token })
    t.strictSame([two.status, two.body], [202, one.body])
    const again = await claim('twice.example', { key: 'c-1' })
    t.strictSame([again.body, again.headers['idempotency-replayed']], [one.body, 'true'])
    t.equal(
      (await eventsOf(test, a.id)).filter(({ kind, value }) => kind === 'domain.claimed' && value?.['name'] === 'twice.example').length,
      1,
    )
  })

  await t.test('only an unlimited contact who holds domain.manage claims', async (t) => {
    for (const [who, reason] of [
      [technical, 'action_not_in_role'],
      [limited, 'domain_not_in_role'],
      [admin, 'action_not_in_role'],
    ] as const) {
      t.match(await refusedOf(t, test, () => claim('new.example', { token: who.token })), { status: 403, body: { reason } })
    }
    t.strictSame(
      comparable(await refusedOf(t, test, () => claim('new.example', { token: stranger.token }))),
      comparable(await send(test, 'POST', '/v1/accounts/C-0/domains/claims', { token: stranger.token, body: { name: 'new.example' } })),
    )
  })

  await t.test('what can be no domain is no claim', async (t) => {
    const long = `${Array.from({ length: 4 }, () => 'a'.repeat(58)).join('.')}.example`
    for (const [name, detail] of [
      ['co.uk', /public suffix/],
      ['_dmarc.alpha.example', /underscore/],
      [long, /too long for a record/],
    ] as const) {
      t.match(await refusedOf(t, test, () => claim(name)), { status: 422, body: { errors: [{ pointer: '#/name', detail }] } })
    }
    t.match(await refusedOf(t, test, () => claim('Alpha.Example')), {
      status: 409,
      body: { code: 'conflict', detail: /holds this domain/ },
    })
  })

  await t.test('a proven claim of a free name is a domain at once, by who looks', async (t) => {
    const made = (await claim('free.example')).body
    prove(made)
    const sent = await ask('POST', `/${made.id}/check`, { token: manager.token })
    t.match(sent, { status: 200, body: { status: 'accepted', endedAt: /^\d{4}/, version: 2 } }, sent.text)
    const [name] = await db.select().from(domainNames).where(eq(domainNames.name, 'free.example'))
    t.strictSame(name, { name: 'free.example', accountId: a.id, domainId: sent.body.domain })
    t.match((await eventsOf(test, a.id)).at(-1), {
      kind: 'domain.added',
      actor: manager.id,
      capacity: 'contact',
      resourceId: sent.body.domain,
      value: { name: 'free.example' },
    })
    t.strictSame((await ask('POST', `/${made.id}/check`)).body, sent.body, 'and looking again changes nothing')
    t.equal((await ask('GET', `/${made.id}`, { headers: { 'if-none-match': '"v2"' } })).status, 304)
  })

  await t.test('a record of another claim, or of nobody, proves nothing', async (t) => {
    const [mine, other] = [(await claim('mine.example')).body, (await claim('other.example')).body]
    test.zone.set(mine.challenge.name, [other.challenge.value, mine.challenge.value.slice(0, -1), `${mine.challenge.value} `])
    t.match((await ask('POST', `/${mine.id}/check`)).body, { status: 'pending', checkedAt: /^\d{4}/ })
  })

  await t.test('TXT never moves a held name: the claim looks as before, and only staff see that it waits', async (t) => {
    const made = (await claim(held.name)).body
    prove(made)
    const unproven = (await claim('not-registered.example')).body
    const looked = (await ask('POST', `/${made.id}/check`)).body
    const { checkedAt: _checked, ...same } = looked
    const { checkedAt: _before, ...before } = made
    t.strictSame(same, before, 'nothing but the time of the look')
    t.ok((await stored(made.id))?.seenAt)
    t.strictSame(await db.select().from(domainNames).where(eq(domainNames.name, held.name)), [
      { name: held.name, accountId: b.id, domainId: held.id },
    ])
    const proven = and(eq(journalEvents.kind, 'domain.claim_proven'), eq(journalEvents.resourceId, made.id))
    t.match(await db.select().from(journalEvents).where(proven), [{ audience: 'staff' }])
    await ask('POST', `/${made.id}/check`)
    t.equal((await db.select().from(journalEvents).where(proven)).length, 1, 'once')
    const kinds = (await send(test, 'GET', `/v1/accounts/${a.id}/audit-events`, { token: owner.token })).body.items.map(
      ({ kind }: { kind: string }) => kind,
    )
    t.notOk(kinds.includes('domain.claim_proven'), 'the account is not told')
    const waiting = await send(test, 'GET', '/v1/domain-claims', { token: support.token })
    t.match(waiting.body.items, [{ id: made.id, heldBy: { id: b.id, number: b.number }, seenAt: /^\d{4}/ }])
    const read = (await ask('GET', `/${unproven.id}`, { token: support.token })).body
    t.strictSame([read.heldBy, read.seenAt], [null, null])
    t.equal((await refusedOf(t, test, () => send(test, 'GET', '/v1/domain-claims', { token: owner.token }))).status, 403)
  })

  await t.test('the job looks by itself, and a name that has become free is a domain then', async (t) => {
    const made = (await claim('slow.example')).body
    await run()
    t.match(await stored(made.id), { status: 'pending', checkedAt: Date })
    prove(made)
    await run()
    const row = await stored(made.id)
    t.equal(row?.status, 'accepted')
    t.match(
      (await eventsOf(test, a.id)).find(({ resourceId }) => resourceId === row?.domainId),
      { kind: 'domain.added', actor: owner.id },
    )
    t.equal((await stored((await claim(held.name)).body.id))?.status, 'pending', 'the held one still waits')
    t.equal((await send(test, 'DELETE', `/v1/accounts/${b.id}/domains/${held.id}`, { token: admin.token })).status, 204)
    await run()
    t.ok((await namesOf(a.id)).includes(held.name))
  })

  await t.test('a claim is worth no more than who made it: the job decides again', async (t) => {
    const one = (await claim('left.example', { token: manager.token })).body
    const two = (await claim('gone.example', { token: manager.token })).body
    prove(one)
    await db.update(contacts).set({ role: 'technical' }).where(eq(contacts.id, managerContact))
    await run()
    t.equal((await stored(one.id))?.status, 'pending')
    t.equal((await ask('POST', `/${one.id}/check`)).body.status, 'accepted', 'another who holds it looks himself')
    await db.update(contacts).set({ role: 'manager' }).where(eq(contacts.id, managerContact))
    prove(two)
    await db.update(users).set({ status: 'suspended' }).where(eq(users.id, manager.id))
    await run()
    t.equal((await stored(two.id))?.status, 'pending')
    await db.update(users).set({ status: 'active' }).where(eq(users.id, manager.id))
    await run()
    t.equal((await stored(two.id))?.status, 'accepted', 'nor less')
  })

  await t.test('K1: of two accounts that prove one name at once exactly one gets it', async (t) => {
    const [c, d] = await Promise.all([account(test, 'Gamma Ltd'), account(test, 'Delta Ltd')])
    const rivals = await Promise.all(
      [c, d].map(async (on) => {
        const who = await person(test, 'Rival Owner')
        await contact(test, on, who, 'owner')
        return { claims: `/v1/accounts/${on.id}/domains/claims`, token: who.token }
      }),
    )
    for (let round = 0; round < 10; round++) {
      const name = `raced-${round}.example`
      const made = await Promise.all(rivals.map(({ claims, token }) => send(test, 'POST', claims, { token, body: { name } })))
      test.zone.set(
        `_mandate-challenge.${name}`,
        made.map(({ body }) => body.challenge.value),
      )
      const looks = rivals.map(({ claims, token }, index) => send(test, 'POST', `${claims}/${made[index]?.body.id}/check`, { token }))
      const [one, two] = await Promise.all(looks)
      t.strictSame([one?.body.status, two?.body.status].sort(), ['accepted', 'pending'], String(one?.text))
      const rows = await db.select().from(domains).where(eq(domains.name, name))
      t.strictSame(
        rows.map(({ id }) => id),
        [one?.body.domain ?? two?.body.domain],
      )
    }
  })

  await t.test('a claim made through a panel is worth no more than the panel', async (t) => {
    const made = (await claim('panel.example', { token: manager.token })).body
    prove(made)
    const client = { id: uuid(), name: 'Panel', realm: 'panel', scopes: ['ticket.read'], createdAt: new Date(test.clock.now()) }
    await db.insert(clients).values(client)
    await db.update(sessions).set({ kind: 'panel', clientId: client.id }).where(eq(sessions.id, manager.session))
    await run()
    t.equal((await stored(made.id))?.status, 'pending', 'which may not do this')
    await db.update(clients).set({ scopes: ['domain.manage'] })
    await run()
    t.equal((await stored(made.id))?.status, 'accepted')
    t.match(
      await db
        .select()
        .from(journalEvents)
        .where(eq(journalEvents.resourceId, String((await stored(made.id))?.domainId))),
      [{ kind: 'domain.added', clientId: client.id, actorUserId: manager.id }],
    )
    await db.update(sessions).set({ kind: 'person', clientId: null }).where(eq(sessions.id, manager.session))
  })

  await t.test('S4: pages concatenate to the whole', async (t) => {
    const held2 = await domain(test, b, 'beta-two.example')
    const held3 = await domain(test, b, 'beta-three.example')
    for (const { name } of [held2, held3]) prove((await claim(name)).body)
    await run()
    for (const [url, token, size] of [
      [path, owner.token, 5],
      ['/v1/domain-claims', support.token, 1],
    ] as const) {
      const whole = (await send(test, 'GET', url, { token })).body.items
      t.ok(whole.length > size)
      const first = await send(test, 'GET', `${url}?limit=${size}`, { token })
      const rest = await send(test, 'GET', `${url}?cursor=${first.body.nextCursor}`, { token })
      t.strictSame([...first.body.items, ...rest.body.items], whole)
    }
  })

  await t.test('withdrawn it is over, again harmlessly, and its record proves nothing more', async (t) => {
    const made = (await claim('back.example')).body
    t.strictSame([(await ask('DELETE', `/${made.id}`)).status, (await ask('DELETE', `/${made.id}`)).status], [204, 204])
    t.equal((await eventsOf(test, a.id)).filter(({ kind }) => kind === 'domain.claim_withdrawn').length, 1)
    prove(made)
    await run()
    const before = await ledger(test)
    t.match((await ask('POST', `/${made.id}/check`)).body, { status: 'withdrawn', domain: null })
    t.strictSame(await ledger(test), before)
    t.not((await claim('back.example')).body.challenge.value, made.challenge.value, 'the next one has a record of its own')
  })

  await t.test('the claim of another account, or of nobody, is not there', async (t) => {
    const made = (await claim('hidden.example')).body
    for (const id of [uuid(), 'no-id']) {
      for (const [method, rest] of [
        ['GET', ''],
        ['DELETE', ''],
        ['POST', '/check'],
      ] as const) {
        t.equal((await refusedOf(t, test, () => ask(method, `/${id}${rest}`))).status, 404)
      }
    }
    const elsewhere = `/v1/accounts/${b.id}/domains/claims/${made.id}`
    t.equal((await refusedOf(t, test, () => send(test, 'GET', elsewhere, { token: admin.token }))).status, 404)
  })

  await t.test('after some looks the next must wait', async (t) => {
    await pass(dayMs + 1)
    const made = (await claim('busy.example')).body
    for (let look = 0; look < 10; look++) t.equal((await ask('POST', `/${made.id}/check`)).status, 200)
    t.match(await ask('POST', `/${made.id}/check`), { status: 429, headers: { 'retry-after': String } })
  })

  await t.test('it lapses after 14 days, recorded or not', async (t) => {
    await pass(dayMs)
    const made = (await claim('late.example')).body
    t.equal(Date.parse(made.expiresAt) - Date.parse(made.createdAt), 14 * dayMs)
    const later = (await claim('later.example')).body
    prove(made)
    await pass(14 * dayMs)
    t.equal((await stored(made.id))?.status, 'pending', 'nothing has recorded it')
    t.equal((await ask('GET', `/${made.id}`)).body.status, 'lapsed')
    t.match((await ask('POST', `/${made.id}/check`)).body, { status: 'lapsed', domain: null })
    const next = (await claim('late.example')).body
    t.not(next.id, made.id, 'a new one takes its place')
    t.equal((await stored(made.id))?.status, 'lapsed')
    await run()
    t.match(await stored(later.id), { status: 'lapsed', endedAt: Date })
    t.match(await stored(next.id), { status: 'pending' })
    t.match(
      (await eventsOf(test, a.id)).filter(({ resourceId }) => resourceId === later.id),
      [{ kind: 'domain.claimed' }, { kind: 'domain.claim_lapsed', actor: null, audience: 'account' }],
    )
  })

  await t.test('too many claims must wait, whatever the names', async (t) => {
    await pass(dayMs + 1)
    for (let count = 0; count < 20; count++) t.equal((await claim(`n${count}.example`)).status, 202)
    for (const name of ['alpha-ltd.example', own.name]) t.equal((await refusedOf(t, test, () => claim(name))).status, 429)
  })

  await t.test('one of a name that the provider has put in meanwhile is not confirmed: what hangs on the domain stays', async (t) => {
    await db.delete(throttles)
    const { body } = await claim('meanwhile.example')
    const inside = await domain(test, a, 'meanwhile.example')
    const rest = { token: await freshToken(test, admin), ifMatch: 1, body: { reason: 'Asked by phone' } }
    t.match(await ask('POST', `/${body.id}/confirm`, rest), { status: 409, body: { code: 'conflict' } })
    t.match(
      (await db.select().from(domains).where(eq(domains.id, inside.id))).map(({ releasedAt }) => releasedAt),
      [null],
    )
    t.match(await ask('POST', `/${body.id}/refuse`, rest), { status: 200, body: { status: 'refused' } })
  })

  const several = { skip: test.opened.kind === 'pglite' && 'it has one connection' }
  await t.test('T3: one that is being decided does not lapse meanwhile', several, async (t) => {
    await db.delete(throttles)
    const { body } = await claim('deciding.example')
    const over = Date.parse(body.expiresAt)
    const mine = eq(domainClaims.id, body.id)
    await db.transaction(async (tx) => {
      t.ok(await findPending(tx, a.id, { id: body.id }))
      t.equal(await db.transaction((other) => lapseOver(other, over, mine)), 0)
    })
    t.equal(await db.transaction((other) => lapseOver(other, over, mine)), 1)
  })
})
