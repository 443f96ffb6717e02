import { and, eq } from 'drizzle-orm'
import t from 'tap'
import { grants, journalEvents, singleUseTokens } from '../../src/database/tables.ts'
import { openTestApp, send } from '../fixtures/app.ts'
import { account, contact, domain, person, staff, tokenFor } from '../fixtures/cast.ts'

const dayMs = 86_400_000

t.test('giving a grant', async (t) => {
  const test = await openTestApp(t)
  const a = await account(test, 'Alpha Ltd')
  const b = await account(test, 'Beta Ltd')
  const a1 = await domain(test, a, 'alpha.example')
  const a2 = await domain(test, a, 'xn--bcher-kva.example')
  await domain(test, b, 'beta.example')
  const owner = await person(test, 'Olga Owner')
  const limited = await person(test, 'Lena Limited')
  const technical = await person(test, 'Tom Technical')
  const admin = await staff(test, 'Ada Admin', 'admin')
  const ownerContact = await contact(test, a, owner, 'owner')
  const limitedContact = await contact(test, a, limited, 'manager', [a1])
  await contact(test, a, technical, 'technical')
  const path = `/v1/accounts/${a.number}/grants`
  const body = { grantee: { address: 'Dev@Agency.example' }, domains: ['ALPHA.example'], actions: ['ticket.create', 'ticket.read'] }
  const give = (token: string, change: object = {}) => send(test, 'POST', path, { token, key: true, body: { ...body, ...change } })
  const count = async () => (await test.context.db.select().from(grants)).length

  await t.test('an owner offers one: as asked, bounded in time, in force only once accepted', async (t) => {
    const made = await give(owner.token, { purpose: 'Relaunch', maxUses: 3 })
    t.match(made, {
      status: 201,
      headers: { location: `/v1/accounts/${a.id}/grants/${made.body.id}`, etag: '"v1"' },
      body: {
        status: 'invited',
        grantee: { address: 'dev@agency.example', user: null },
        grantor: { contact: ownerContact, user: { id: owner.id, name: 'Olga Owner' } },
        domains: [{ id: a1.id, name: 'alpha.example', unicode: 'alpha.example', released: false }],
        actions: ['ticket.create', 'ticket.read'],
        topics: null,
        reach: 'own',
        maxUses: 3,
        uses: 0,
        purpose: 'Relaunch',
      },
    })
    t.equal(Date.parse(made.body.expiresAt) - Date.parse(made.body.createdAt), 90 * dayMs)
    const read = await send(test, 'GET', `${path}/${made.body.id}`, { token: owner.token })
    t.strictSame(read.body, made.body)
    const notModified = await send(test, 'GET', `${path}/${made.body.id}`, { token: owner.token, headers: { 'if-none-match': '"v1"' } })
    t.equal(notModified.status, 304)
    const [token] = await test.context.db.select().from(singleUseTokens).where(eq(singleUseTokens.grantId, made.body.id))
    t.match(token, { purpose: 'grant_invitation', address: 'dev@agency.example', secretHash: null, usedAt: null })
    const events = await test.context.db.select().from(journalEvents).where(eq(journalEvents.resourceId, made.body.id))
    t.match(events, [{ kind: 'grant.invited', actorUserId: owner.id, capacity: 'contact', viaId: ownerContact, accountId: a.id }])
  })

  await t.test('one who is limited gives on his domains only, and sees only those', async (t) => {
    const made = await give(limited.token)
    t.match(made, { status: 201, body: { grantor: { contact: limitedContact } } })
    const wide = await give(owner.token, { domains: [a1.id, 'bücher.example'] })
    t.equal(wide.status, 201, wide.text)
    const before = await count()
    const beyond = await give(limited.token, { domains: ['alpha.example', 'bücher.example'] })
    t.match(beyond, { status: 403, body: { reason: 'domain_not_in_role' } })
    t.equal(await count(), before, 'and nothing was written')
    const seen = await send(test, 'GET', `${path}?limit=100`, { token: limited.token })
    t.ok(seen.body.items.some(({ id }: { id: string }) => id === made.body.id))
    t.notOk(seen.body.items.some(({ id }: { id: string }) => id === wide.body.id))
    const hidden = await send(test, 'GET', `${path}/${wide.body.id}`, { token: limited.token })
    t.equal(hidden.status, 404)
  })

  await t.test('T2, A3: what cannot be given is refused, and nothing is written', async (t) => {
    const before = await count()
    const refused: [string, string, object, object][] = [
      [
        'a domain of another account',
        owner.token,
        { domains: ['beta.example'] },
        { status: 403, body: { reason: 'domain_not_in_account' } },
      ],
      ['an unknown domain', owner.token, { domains: ['nobody.example'] }, { status: 403, body: { reason: 'domain_not_in_account' } }],
      ['by a technical contact', technical.token, {}, { status: 403, body: { reason: 'action_not_in_role' } }],
      ['by staff', admin.token, {}, { status: 403, body: { reason: 'action_not_in_role' } }],
      [
        'something that is no domain',
        owner.token,
        { domains: ['not a name'] },
        { status: 422, body: { errors: [{ pointer: '#/domains/0' }] } },
      ],
      ['no domain at all', owner.token, { domains: [] }, { status: 422 }],
      ['to oneself', owner.token, { grantee: { address: owner.address } }, { status: 422, body: { errors: [{ code: 'oneself' }] } }],
      [
        'to no address',
        owner.token,
        { grantee: { address: 'nobody' } },
        { status: 422, body: { errors: [{ pointer: '#/grantee/address' }] } },
      ],
      ['an action that is never delegable', owner.token, { actions: ['grant.manage'] }, { status: 422 }],
      ['a confidential topic', owner.token, { topics: ['billing'] }, { status: 422 }],
      [
        'for 400 days',
        owner.token,
        { expiresAt: new Date(test.clock.now() + 400 * dayMs).toISOString() },
        { status: 422, body: { errors: [{ code: 'too_late' }] } },
      ],
      ['without end', owner.token, { expiresAt: null }, { status: 422, body: { errors: [{ pointer: '#/expiresAt' }] } }],
      ['ended already', owner.token, { expiresAt: '2020-01-01T00:00:00Z' }, { status: 422, body: { errors: [{ code: 'too_early' }] } }],
      [
        'ended before it begins',
        owner.token,
        {
          notBefore: new Date(test.clock.now() + 9 * dayMs).toISOString(),
          expiresAt: new Date(test.clock.now() + 8 * dayMs).toISOString(),
        },
        { status: 422, body: { errors: [{ code: 'too_early' }] } },
      ],
    ]
    const recorded = async () =>
      (await test.context.db.select().from(journalEvents)).filter(({ kind }) => kind === 'access.refused' || kind === 'grant.refused')
        .length
    const attempts = await recorded()
    for (const [what, token, change, expected] of refused) t.match(await give(token, change), expected, what)
    t.equal(await count(), before, 'and nothing was written')
    t.equal(await recorded(), attempts + refused.length, 'and each attempt is recorded')
    const stranger = await person(test, 'Stan Stranger')
    t.equal((await give(stranger.token, { topics: ['billing'] })).status, 404)
    t.equal(await recorded(), attempts + refused.length, 'of a stranger nothing')
  })

  await t.test('giving needs a fresh sign-in and an Idempotency-Key, and a key gives once', async (t) => {
    const old = await tokenFor(test, owner.id, owner.session, 3_600)
    const before = await count()
    t.match(await give(old), { status: 401, body: { code: 'step_up_required', maxAge: 600 } })
    t.match(await send(test, 'POST', path, { token: owner.token, body }), { status: 400, body: { code: 'idempotency_key_missing' } })
    t.equal(await count(), before, 'and nothing was written')
    const once = await send(test, 'POST', path, { token: owner.token, key: 'give-once', body })
    const twice = await send(test, 'POST', path, { token: owner.token, key: 'give-once', body })
    t.strictSame(twice.body, once.body)
    t.equal(twice.headers['idempotency-replayed'], 'true')
    t.equal(twice.headers['location'], once.headers['location'])
    t.equal(await count(), before + 1, 'made once')
    const ofLimited = await send(test, 'POST', path, { token: limited.token, key: 'give-limited', body })
    const again = await send(test, 'POST', path, { token: limited.token, key: 'give-limited', body })
    t.strictSame([again.status, again.body], [201, ofLimited.body], 'also to one who sees only part of the account')
    const other = await send(test, 'POST', path, { token: owner.token, key: 'give-once', body: { ...body, reach: 'domain' } })
    t.match(other, { status: 422, body: { code: 'idempotency_key_reused' } })
  })

  await t.test('the list is filtered by status and paged to the whole', async (t) => {
    const all = await send(test, 'GET', `${path}?limit=100&status=invited`, { token: owner.token })
    t.equal(all.body.items.length, await count())
    t.equal((await send(test, 'GET', `${path}?status=expired`, { token: owner.token })).body.items.length, 0)
    const paged: unknown[] = []
    for (let url: string | undefined = `${path}?limit=2`; url !== undefined; ) {
      const page: Awaited<ReturnType<typeof send>> = await send(test, 'GET', url, { token: owner.token })
      paged.push(...page.body.items)
      url = /<(.*)>/.exec(String(page.headers['link'] ?? ''))?.[1]
    }
    t.strictSame(paged, all.body.items)
    test.clock.advance(91 * dayMs)
    const token = await tokenFor(test, admin.id, (await person(test, 'Unused')).session)
    t.equal((await send(test, 'GET', path, { token })).status, 401, 'a session belongs to its user')
    test.clock.set(0)
  })

  await t.test('a grant over time: expired the instant it ends, recorded or not', async (t) => {
    const made = await give(owner.token, { expiresAt: new Date(test.clock.now() + 60_000).toISOString() })
    const set = { status: 'active' as const, granteeUserId: technical.id, approvedAt: new Date(test.clock.now()) }
    await test.context.db
      .update(grants)
      .set(set)
      .where(and(eq(grants.accountId, a.id), eq(grants.id, made.body.id)))
    const status = async () => (await send(test, 'GET', `${path}/${made.body.id}`, { token: owner.token })).body
    t.match(await status(), { status: 'active', grantee: { user: { id: technical.id, name: 'Tom Technical' } } })
    test.clock.advance(60_001)
    t.equal((await status()).status, 'expired')
    const listed = await send(test, 'GET', `${path}?status=expired`, { token: owner.token })
    t.strictSame(
      listed.body.items.map(({ id }: { id: string }) => id),
      [made.body.id],
    )
    t.equal((await send(test, 'GET', `${path}?status=active`, { token: owner.token })).body.items.length, 0)
    test.clock.set(0)
  })
  t.ok(a2.id)
})
