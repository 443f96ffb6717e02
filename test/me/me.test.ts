import { eq } from 'drizzle-orm'
import t from 'tap'
import { decide } from '../../src/authority/decide.ts'
import { question } from '../../src/authority/facts.ts'
import { load } from '../../src/authority/load.ts'
import { accounts, domains, grants } from '../../src/database/tables.ts'
import { accountActions, topicKeys } from '../../src/vocabulary.ts'
import { openTestApp, send } from '../fixtures/app.ts'
import { account, contact, domain, grant, type Person, person, staff } from '../fixtures/cast.ts'

type Held = { by: string; topics: string[] | null; actions: string[] }
type Mine = { id: string; by: { id: string }[]; authority: Held[]; domains: { id: string; name: string; authority: Held[] }[] }

t.test('me', async (t) => {
  const test = await openTestApp(t)
  const anna = await person(test, 'Anna')
  const una = await person(test, 'Una', { proven: false })
  const agent = await staff(test, 'Agent', 'support')
  const me = async ({ token }: Person) => (await send(test, 'GET', '/v1/me', { token })).body

  await t.test('says who one is', async (t) => {
    const mine = await me(anna)
    const { createdAt, addresses } = mine
    t.strictSame(mine, { id: anna.id, name: 'Anna', verified: true, addresses, staffRole: null, createdAt })
    t.match(addresses, [{ address: anna.address, provenAt: /Z$/ }])
    t.match(await me(una), { verified: false, addresses: [{ address: una.address, provenAt: null }] })
    t.match(await me(agent), { staffRole: 'support' })
    t.equal((await send(test, 'GET', '/v1/me')).status, 401)
  })
})

t.test('me/authority', async (t) => {
  const test = await openTestApp(t)
  const { db } = test.context
  const alpha = await account(test, 'Alpha Ltd')
  const beta = await account(test, 'Beta Ltd')
  const fresh = await account(test, 'Fresh Ltd', 'new')
  const a1 = await domain(test, alpha, 'alpha.example')
  const a2 = await domain(test, alpha, 'xn--bcher-kva.example')
  const a3 = await domain(test, alpha, 'released.example')
  const b1 = await domain(test, beta, 'beta.example')
  const owner = await person(test, 'Olga Owner')
  const billing = await person(test, 'Bill Billing')
  const limited = await person(test, 'Lim Manager')
  const both = await person(test, 'Both')
  const dan = await person(test, 'Dan Developer')
  const agent = await staff(test, 'Agent', 'support')
  const ownerContact = await contact(test, alpha, owner, 'owner')
  await contact(test, fresh, owner, 'owner')
  const betaOwner = await contact(test, beta, owner, 'owner')
  await contact(test, alpha, billing, 'billing')
  await contact(test, alpha, limited, 'manager', [a1, a3])
  const technical = await contact(test, alpha, both, 'technical', [a2])
  const bothGrant = await grant(test, alpha, ownerContact, both, [a1], { actions: ['ticket.read'], reach: 'domain' })
  const spent = await grant(test, alpha, ownerContact, dan, [a1], { maxUses: 1, topics: ['other'] })
  const plain = await grant(test, beta, betaOwner, dan, [b1], { actions: ['domain.read', 'ticket.create'] })
  await grant(test, alpha, ownerContact, dan, [a2], { status: 'revoked', endedAt: new Date(test.clock.now()) })
  await grant(test, alpha, ownerContact, dan, [a2], { expiresAt: new Date(test.clock.now() - 500) })
  await db
    .update(domains)
    .set({ releasedAt: new Date(test.clock.now()) })
    .where(eq(domains.id, a3.id))

  // Spent, and not over while its ticket is open.
  const wanted = { account: alpha.number, domain: 'alpha.example', topic: 'other', subject: 'It broke', message: 'Since noon.' }
  t.equal((await send(test, 'POST', '/v1/tickets', { token: dan.token, key: true, body: wanted })).status, 201)

  const authority = async ({ token }: Person) => {
    const reply = await send(test, 'GET', '/v1/me/authority', { token })
    t.equal(reply.status, 200, reply.text)
    return reply.body as { self: string[]; staff: unknown; accounts: Mine[] }
  }

  await t.test('names accounts, rows and domains', async (t) => {
    const mine = await authority(owner)
    t.strictSame(mine.self, ['self.read', 'self.manage'])
    t.equal(mine.staff, null)
    t.match(mine.accounts, [
      {
        id: alpha.id,
        number: alpha.number,
        name: 'Alpha Ltd',
        state: 'open',
        by: [{ capacity: 'contact', id: ownerContact, role: 'owner', reach: null, expiresAt: null }],
      },
      { id: beta.id },
      { id: fresh.id, state: 'new', authority: [], domains: [] },
    ])
    const [first] = mine.accounts
    t.match(first?.domains, [
      { id: a1.id, name: 'alpha.example' },
      { id: a2.id, name: 'xn--bcher-kva.example', unicode: 'bücher.example' },
    ])
    t.equal(first?.domains.length, 2, "a released domain is nobody's")
    const accountWide = first?.authority.flatMap(({ actions }) => actions)
    t.strictSame([...(accountWide ?? [])].sort(), [...accountActions].sort())
    t.notMatch(JSON.stringify(first?.domains), /account.update|webhook.manage/, 'what is about the account is said once')
  })

  await t.test('shows a developer his grants and nothing else', async (t) => {
    const mine = await authority(dan)
    t.match(mine.accounts, [
      {
        id: alpha.id,
        authority: [],
        by: [{ capacity: 'grant', id: spent, role: null, reach: 'own', expiresAt: /Z$/ }],
        domains: [{ id: a1.id }],
      },
      { id: beta.id, by: [{ id: plain }] },
    ])
    t.strictSame(
      mine.accounts.map(({ by }) => by.length),
      [1, 1],
      'not those that ended',
    )
    t.strictSame(
      mine.accounts[0]?.domains[0]?.authority,
      [{ by: spent, topics: ['other'], actions: ['ticket.read', 'ticket.reply'] }],
      'a spent one opens nothing',
    )
    t.strictSame(mine.accounts[1]?.domains[0]?.authority, [
      { by: plain, topics: ['email-delivery', 'website', 'other'], actions: ['ticket.create'] },
      { by: plain, topics: null, actions: ['domain.read'] },
    ])
  })

  await t.test('tells apart which row gives what', async (t) => {
    const [mine] = (await authority(both)).accounts
    t.strictSame(
      mine?.by.map(({ id }) => id),
      [technical, bothGrant],
    )
    t.strictSame(mine?.authority, [])
    t.match(mine?.domains, [
      { id: a1.id, authority: [{ by: bothGrant, actions: ['ticket.read'] }] },
      { id: a2.id, authority: [{ by: technical }, { by: technical }] },
    ])
  })

  await t.test('shows staff their actions', async (t) => {
    const mine = await authority(agent)
    const actions = ['staff.directory.read', 'staff.ticket.work', 'staff.ticket.open', 'staff.submission.decide']
    t.match(mine, { staff: { id: agent.staffMember, role: 'support', actions }, accounts: [] })
  })

  await t.test('an account that is not open leaves a developer nothing', async (t) => {
    await db.update(accounts).set({ state: 'restricted' }).where(eq(accounts.id, beta.id))
    const mine = (await authority(dan)).accounts.find(({ id }) => id === beta.id)
    t.match(mine, { state: 'restricted', authority: [], domains: [] })
    await db.update(accounts).set({ state: 'open' }).where(eq(accounts.id, beta.id))
  })

  await t.test('is nothing but what is decided', async (t) => {
    await db.update(grants).set({ uses: 0 }).where(eq(grants.id, spent))
    for (const who of [owner, billing, limited, both, dan]) {
      const { accounts: mine } = await authority(who)
      for (const [of, names] of [
        [alpha, [a1, a2]],
        [beta, [b1]],
      ] as const) {
        const caller = { userId: who.id, clientId: null, ceiling: null, sessionId: who.session, requestId: '', authenticatedAt: 0 }
        const { facts, domains: facing } = await load(db, 0, caller, { account: { id: of.id }, domainIds: names.map(({ id }) => id) })
        const shown = mine.find(({ id }) => id === of.id)
        for (const place of [null, ...facing]) {
          const held = place === null ? shown?.authority : shown?.domains.find(({ id }) => id === place.id)?.authority
          for (const action of ['ticket.create', 'domain.read', 'grant.manage', 'audit.read'] as const) {
            for (const topic of action === 'ticket.create' ? topicKeys : [null]) {
              const asked = question(action, of.id, { domains: place === null ? [] : [place], topic })
              const says = (held ?? []).some((entry) => entry.actions.includes(action) && (topic === null || entry.topics?.includes(topic)))
              t.equal(says, decide(facts, asked, facts.now).permit, `${who.name}: ${action} ${topic} on ${place?.name} of ${of.number}`)
            }
          }
        }
      }
    }
  })
})
