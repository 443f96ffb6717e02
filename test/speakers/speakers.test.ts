import { eq } from 'drizzle-orm'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { accessTokens, contacts, secondFactors, sessions, subjects, users } from '../../src/database/tables.ts'
import type { Speaker } from '../../src/speakers/schema.ts'
import { accountActions, topicKeys } from '../../src/vocabulary.ts'
import { openTestApp, send } from '../fixtures/app.ts'
import { account, contact, domain, grant, person, staff } from '../fixtures/cast.ts'
import { refusedOf } from '../fixtures/ledger.ts'

t.test('who can speak for an account', async (t) => {
  const test = await openTestApp(t)
  const { db } = test.context
  const a = await account(test, 'Alpha Ltd')
  const b = await account(test, 'Beta Ltd')
  const d1 = await domain(test, a, 'xn--bcher-kva.example')
  const d2 = await domain(test, a, 'alpha.example')
  const owner = await person(test, 'Olga Owner')
  const technical = await person(test, 'Tom Technical')
  const limited = await person(test, 'Lia Limited')
  const billing = await person(test, 'Bill Billing')
  const developer = await person(test, 'Dan Developer')
  const former = await person(test, 'Fred Former')
  const gone = await person(test, 'Gus Gone')
  const panelUser = await person(test, 'Pia Panel', { proven: false })
  const support = await staff(test, 'Sue Support', 'support')
  const ownerContact = await contact(test, a, owner, 'owner')
  await contact(test, b, former, 'owner')
  await contact(test, a, technical, 'technical')
  await contact(test, a, limited, 'manager', [d1])
  await contact(test, a, billing, 'billing')
  const goneContact = await contact(test, a, gone, 'manager')
  await contact(test, a, panelUser, 'technical')
  await db.update(contacts).set({ invitedBy: null }).where(eq(contacts.userId, panelUser.id))
  const given = await grant(test, a, ownerContact, developer, [d1, d2], { actions: ['ticket.create', 'ticket.read'], topics: ['website'] })
  await grant(test, a, ownerContact, former, [d1], { status: 'revoked', endedAt: new Date(test.clock.now()) })
  await grant(test, a, goneContact, former, [d1])
  await grant(test, a, ownerContact, gone, [d1], { maxUses: 1, uses: 1, actions: ['ticket.create'] })
  await db.update(users).set({ status: 'suspended' }).where(eq(users.id, gone.id))
  const path = `/v1/accounts/${a.number}/speakers`
  const get = (token: string, query = '') => send(test, 'GET', path + query, { token })
  const list = async (token = owner.token): Promise<Speaker[]> => (await get(token)).body.items
  const of = async ({ id }: { id: string }) => (await list()).find(({ user }) => user.id === id)

  await t.test('everybody who can, and nobody who cannot', async (t) => {
    const names = (await list()).map(({ user }) => user.name)
    t.strictSame(
      names,
      ['Olga Owner', 'Tom Technical', 'Lia Limited', 'Bill Billing', 'Dan Developer'],
      'the suspended and the unproven not',
    )
    t.strictSame(await list(technical.token), await list(), 'also for a technical contact')
    t.strictSame(await list(support.token), await list())
  })

  await t.test('with what, since when and by whom', async (t) => {
    t.match(await of(developer), {
      user: { name: 'Dan Developer' },
      verifiedBy: 'address',
      secondFactor: false,
      by: [
        {
          capacity: 'grant',
          id: given,
          role: null,
          domains: [{ name: 'xn--bcher-kva.example', unicode: 'bücher.example' }, { name: 'alpha.example' }],
          powers: [{ topics: ['website'], actions: ['ticket.create', 'ticket.read'] }],
          since: /^\d{4}/,
          expiresAt: /^\d{4}/,
          givenBy: { id: owner.id, name: 'Olga Owner' },
          lastUsedAt: null,
        },
      ],
    })
    t.match((await of(owner))?.by, [{ capacity: 'contact', role: 'owner', domains: 'all', expiresAt: null, givenBy: { id: owner.id } }])
    t.match((await of(limited))?.by, [{ domains: [{ id: d1.id }] }])
    t.notOk(
      (await of(limited))?.by[0]?.powers.some(({ actions }) => actions.includes('contact.read')),
      'nothing account-wide',
    )
    t.match((await of(billing))?.by[0]?.powers[0], { topics: ['billing'] })
  })

  await t.test('when it was last used, by contact and by grant', async (t) => {
    const open = (token: string) =>
      send(test, 'POST', '/v1/tickets', {
        token,
        key: true,
        body: { account: a.number, domain: d2.name, topic: 'website', subject: 'It broke', message: 'Since noon.', details: evidence },
      })
    const evidence = { occurredAt: new Date(test.clock.now() - 60_000).toISOString(), url: 'https://alpha.example/' }
    for (const { token } of [developer, technical]) {
      const made = await open(token)
      t.equal(made.status, 201, made.text)
      const who = token === developer.token ? developer : technical
      const used = (await of(who))?.by[0]?.lastUsedAt
      t.equal(used, made.body.createdAt)
    }
    t.equal((await of(billing))?.by[0]?.lastUsedAt, null)
  })

  await t.test('how he is verified, and whether he has a second factor', async (t) => {
    const at = new Date(test.clock.now())
    await db.insert(subjects).values({ issuer: 'https://panel.example', subject: 'p-1', userId: panelUser.id, createdAt: at })
    const factor = { id: uuid(), userId: panelUser.id, kind: 'totp', name: 'Phone', createdAt: at } as const
    await db.insert(secondFactors).values(factor)
    t.match(await of(panelUser), { verifiedBy: 'panel', secondFactor: false, by: [{ givenBy: null }] })
    await db.update(secondFactors).set({ confirmedAt: at }).where(eq(secondFactors.id, factor.id))
    t.match(await of(panelUser), { secondFactor: true })
  })

  await t.test('S4: pages concatenate to the whole, though some are short', async (t) => {
    const whole = await list()
    for (const limit of [1, 2, 3]) {
      const found: Speaker[] = []
      let query = `?limit=${limit}`
      for (;;) {
        const { body } = await get(owner.token, query)
        t.ok(body.items.length <= limit)
        found.push(...body.items)
        if (body.nextCursor === null) break
        query = `?limit=${limit}&cursor=${body.nextCursor}`
      }
      t.strictSame(found, whole, String(limit))
    }
  })

  await t.test('S2: it is what the decision endpoint says of each of them', async (t) => {
    for (const { user, by } of await list()) {
      const places = [null, d1, d2]
      const asked = accountActions
        .filter((action) => !['ticket.read', 'ticket.reply', 'ticket.close'].includes(action)) // these are asked about a ticket
        .flatMap((action) =>
          places.flatMap((place) =>
            (action === 'ticket.create' ? topicKeys : [null]).map((topic) => ({
              action,
              place,
              topic,
              expected: by.some(
                ({ domains, powers }) =>
                  (place === null
                    ? domains === 'all'
                    : (domains === 'all' || domains.some(({ id }) => id === place.id)) && !isWide(action)) &&
                  powers.some(({ topics, actions }) => actions.includes(action) && (topic === null || topics?.includes(topic))),
              ),
            })),
          ),
        )
        .filter(({ action, place }) => place === null || !isWide(action))
      const evaluations = asked.map(({ action, place, topic }) => ({
        action: { name: action },
        resource: place === null ? { type: 'account', id: a.id } : { type: 'domain', id: place.id },
        context: { account: a.id, ...(topic !== null && { topic }) },
      }))
      const body = { subject: { type: 'user', id: user.id }, evaluations }
      const sent = await send(test, 'POST', '/access/v1/evaluations', { token: support.token, body })
      const said = sent.body.evaluations.map(({ decision }: { decision: boolean }) => decision)
      const wrong = asked.filter(({ expected }, index) => said[index] !== expected)
      t.strictSame(wrong, [], `${user.name}: ${asked.length} questions`)
    }
  })

  await t.test('only for who reads contacts and grants', async (t) => {
    for (const who of [billing, limited, developer]) t.equal((await refusedOf(t, test, () => get(who.token))).status, 403)
    t.equal((await refusedOf(t, test, () => get(former.token, '?limit=1'))).status, 403)
    const token = (actions: string[]) =>
      send(test, 'POST', '/v1/access-tokens', {
        token: owner.token,
        body: { name: 'Tool', account: a.number, domains: [], actions, expiresAt: new Date(test.clock.now() + 86_400_000).toISOString() },
      })
    const narrow = (await token(['contact.read'])).body.secret
    t.match(await refusedOf(t, test, () => get(narrow)), { status: 403, body: { reason: 'token_ceiling' } })
    t.equal((await get((await token(['contact.read', 'grant.read'])).body.secret)).status, 200)
    t.ok((await db.select().from(accessTokens)).length > 0 && (await db.select().from(sessions)).length > 0)
  })
})

const isWide = (action: string): boolean => /^(account|contact|request_code|webhook)\./.test(action)
