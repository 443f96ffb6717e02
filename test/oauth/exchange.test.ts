/** Narrowing: what comes out is never more than what went in. */
import { eq } from 'drizzle-orm'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { v7 as uuid } from 'uuid'
import { decide } from '../../src/authority/decide.ts'
import type { Ceiling } from '../../src/authority/facts.ts'
import { reach } from '../../src/authority/reach.ts'
import { sessions, users } from '../../src/database/tables.ts'
import { ceilingActions, ceilingOf, excess, type StatedCeiling } from '../../src/http/ceilings.ts'
import { actions } from '../../src/vocabulary.ts'
import { always, favoured, ids, instances, runs } from '../authority/arbitraries.ts'
import { openTestApp, type Sent, send } from '../fixtures/app.ts'
import { account, contact, domain, grant, person, staff, tokenFor } from '../fixtures/cast.ts'
import { eventsOf } from '../fixtures/ledger.ts'
import { countRows } from '../fixtures/rows.ts'
import { accessTokenType, askToNarrow, claimsIn, clientToken, panel, panelToken, personalToken, post, proof, tie } from './stage.ts'

const provider = '00000000-0000-0000-0000-000000000000'

t.test('narrowed tokens', async (t) => {
  const test = await openTestApp(t)
  const { db } = test.context
  const olga = await person(test, 'Olga Owner')
  const dev = await person(test, 'Dev Developer')
  const lim = await person(test, 'Lim Limited')
  const a = await account(test, 'Alpha Ltd')
  const b = await account(test, 'Beta Ltd')
  const [d1, d2] = [await domain(test, a, 'alpha.example'), await domain(test, a, 'alpha-two.example')]
  const foreign = await domain(test, b, 'beta.example')
  const owner = await contact(test, a, olga, 'owner')
  await contact(test, a, lim, 'technical', [d1])
  const given = await grant(test, a, owner, dev, [d1])
  const shop = await panel(test)
  const subject = await tie(test, shop, olga)
  const ticket = (token: string, about: string | undefined) =>
    send(test, 'POST', '/v1/tickets', {
      token,
      key: true,
      body: { account: a.number, domain: about ?? null, topic: 'other', subject: 'It broke', message: 'Since noon.' },
    })
  const isRefused = async (t: Test, ask: () => Promise<Sent>, code: string, what: string, status = 400) => {
    const before = await countRows(db, ['used_assertions'])
    const sent = await ask()
    t.match([sent.status, sent.body.error], [status, code], `${what}: ${sent.body.error_description}`)
    t.strictSame(await countRows(db, ['used_assertions']), before, `${what}: and nothing was written`)
    return sent
  }

  await t.test('a person gets one for a tool with nothing but his own token', async (t) => {
    const sent = await askToNarrow(test, olga.token, { account: a.number, domains: [d1.name], actions: ['ticket.create', 'ticket.read'] })
    const detail = { type: 'helpdesk_authority', account: a.id, domains: [d1.id], actions: ['ticket.create', 'ticket.read'] }
    t.match(sent, { status: 200, headers: { 'cache-control': 'no-store' }, body: { token_type: 'Bearer' } })
    // Its session begins with the decision and its own time when it is signed: a second may have begun in between.
    t.ok([599, 600].includes(sent.body.expires_in), String(sent.body.expires_in))
    t.strictSame([sent.body.issued_token_type, sent.body.authorization_details], [accessTokenType, [detail]])
    const token = sent.body.access_token
    const claims = claimsIn(token)
    t.match(claims, { sub: olga.id, client_id: 'mandate', auth_time: 0, authorization_details: [detail] })
    t.notOk(claims['act'], 'nobody acts for her')
    t.equal((await ticket(token, d1.name)).status, 201)
    t.match((await ticket(token, d2.name)).body, { code: 'not_authorised', reason: 'token_ceiling' })
    t.match((await ticket(token, undefined)).body, { code: 'not_authorised', reason: 'token_ceiling' })
    t.match((await send(test, 'GET', `/v1/accounts/${a.number}/contacts`, { token })).body, { reason: 'token_ceiling' })
    const listed = (await send(test, 'GET', '/v1/tickets', { token })).body.items
    t.ok(listed.every((item: { domain: { id: string } }) => item.domain.id === d1.id))
    const [session] = await db
      .select()
      .from(sessions)
      .where(eq(sessions.id, String(claims['sid'])))
    t.match(session, { parentId: olga.session, kind: 'person', method: 'password', level: 'one_factor', userId: olga.id })
    const events = (await eventsOf(test, provider)).filter(({ resourceId }) => resourceId === session?.id)
    t.match(events, [{ kind: 'session.narrowed', actor: olga.id }])
  })

  await t.test('a panel gets one for its user, and says that it acts', async (t) => {
    const full = await panelToken(test, shop, subject)
    const sent = await askToNarrow(test, full, { account: a.id, actions: ['ticket.read'] }, await proof(test, shop))
    t.match(claimsIn(sent.body.access_token), { sub: olga.id, client_id: shop.id, act: { sub: shop.id } })
    const rival = await panel(test)
    await isRefused(t, () => askToNarrow(test, full, { account: a.id }), 'invalid_client', 'without the client', 401)
    const byRival = await proof(test, rival)
    await isRefused(t, () => askToNarrow(test, full, { account: a.id }, byRival), 'invalid_request', 'by another client')
    const ofPerson = await proof(test, shop)
    await isRefused(t, () => askToNarrow(test, olga.token, { account: a.id }, ofPerson), 'invalid_request', 'a personal one, by a client')
    const own = { client_id: 'mandate' }
    t.equal((await askToNarrow(test, olga.token, { account: a.id }, own)).status, 200, 'she may say that it is through no client')
  })

  await t.test('it is never above the one it is cut from', async (t) => {
    const wide = { account: a.id, domains: [d1.id, d2.id], actions: ['ticket.create', 'ticket.read'] }
    const first = (await askToNarrow(test, olga.token, wide)).body.access_token
    const within = await askToNarrow(test, first, { account: a.number, domains: [d1.name], actions: ['ticket.read'] })
    t.strictSame(within.body.authorization_details, [
      { type: 'helpdesk_authority', account: a.id, domains: [d1.id], actions: ['ticket.read'] },
    ])
    const over: Record<string, object> = {
      'another account': { ...wide, account: b.id },
      'more domains': { ...wide, domains: [d1.id, d2.id, foreign.id] },
      'every domain': { ...wide, domains: [] },
      'more actions': { ...wide, actions: [...wide.actions, 'ticket.reply'] },
    }
    for (const [what, detail] of Object.entries(over)) {
      await isRefused(t, () => askToNarrow(test, first, detail as typeof wide), 'invalid_authorization_details', what)
    }
    const narrow = within.body.access_token
    const back = { ...wide, domains: [d1.id], actions: ['ticket.read', 'ticket.create'] }
    await isRefused(t, () => askToNarrow(test, narrow, back), 'invalid_authorization_details', 'what was given up does not come back')
  })

  await t.test('one cut to a grant stays with that grant', async (t) => {
    const detail = { account: a.number, domains: [d1.name], actions: ['ticket.create', 'ticket.read'], grant: given }
    const cut = await askToNarrow(test, dev.token, detail)
    t.equal(cut.body.authorization_details[0].grant, given)
    t.equal((await ticket(cut.body.access_token, d1.name)).status, 201)
    const { grant: _grant, ...without } = detail
    const token = cut.body.access_token
    await isRefused(t, () => askToNarrow(test, token, without), 'invalid_authorization_details', 'without the grant')
    const invented = { ...detail, grant: uuid() }
    await isRefused(t, () => askToNarrow(test, dev.token, invented), 'invalid_authorization_details', 'a grant that is none of his')
    const hers = await grant(test, a, owner, olga, [d2])
    const others = { ...detail, grant: hers }
    await isRefused(t, () => askToNarrow(test, dev.token, others), 'invalid_authorization_details', 'a grant of somebody else')
  })

  await t.test('it tells nobody what there is: unknown, foreign and out of sight are one answer', async (t) => {
    const words = new Set<string>()
    const asked: [string, Parameters<typeof askToNarrow>[2]][] = [
      [dev.token, { account: a.id, domains: [d2.name] }],
      [dev.token, { account: a.id, domains: ['invented.example'] }],
      [dev.token, { account: a.id, domains: [d2.id] }],
      [dev.token, { account: a.id, domains: [uuid()] }],
      [dev.token, { account: a.id, domains: [foreign.name] }],
      [dev.token, { account: a.id, domains: ['no host name'] }],
      [lim.token, { account: a.id, domains: [d1.name, d2.name] }],
    ]
    for (const [token, detail] of asked) {
      words.add((await isRefused(t, () => askToNarrow(test, token, detail), 'invalid_authorization_details', JSON.stringify(detail))).text)
    }
    t.equal(words.size, 1)
    const agent = await staff(test, 'Ada Admin', 'admin')
    const accounts = new Set<string>()
    for (const [token, name] of [
      [dev.token, b.number],
      [dev.token, 'C-0'],
      [dev.token, uuid()],
      [agent.token, a.number],
    ] as const) {
      accounts.add((await isRefused(t, () => askToNarrow(test, token, { account: name }), 'invalid_authorization_details', name)).text)
    }
    t.equal(accounts.size, 1)
    const released = await domain(test, a, 'gone.example')
    await send(test, 'DELETE', `/v1/accounts/${a.id}/domains/${released.id}`, { token: olga.token })
    await isRefused(
      t,
      () => askToNarrow(test, olga.token, { account: a.id, domains: [released.id] }),
      'invalid_authorization_details',
      'released',
    )
    t.equal((await askToNarrow(test, lim.token, { account: a.id, domains: [d1.id, d1.name] })).status, 200, 'twice the same is once')
  })

  await t.test('it ends no later than the one it is cut from, and with it', async (t) => {
    const cut = async (token: string) => (await askToNarrow(test, token, { account: a.id, actions: ['self.read'] })).body
    const mia = await person(test, 'Mia')
    await contact(test, a, mia, 'technical')
    const first = await cut(mia.token)
    test.clock.advance(400_000)
    const second = await cut(first.access_token)
    // The clock runs on while the requests do.
    t.ok(second.expires_in <= 200 && second.expires_in >= 190, `the rest of its life (${second.expires_in})`)
    t.equal(claimsIn(second.access_token)['exp'], claimsIn(first.access_token)['exp'])
    const works = async (token: string) => (await send(test, 'GET', '/v1/me', { token })).status
    t.strictSame([await works(first.access_token), await works(second.access_token)], [200, 200])
    test.clock.advance(201_000)
    t.strictSame([await works(first.access_token), await works(second.access_token)], [401, 401])
    const again = await cut(mia.token)
    const below = await cut(again.access_token)
    t.equal((await send(test, 'DELETE', '/v1/sessions/current', { token: mia.token })).status, 204)
    for (const token of [mia.token, again.access_token, below.access_token]) t.equal(await works(token), 401, 'signing out ends all')
    const short = await person(test, 'Sho Short')
    await contact(test, a, short, 'technical')
    await db
      .update(sessions)
      .set({ expiresAt: new Date(test.clock.now() + 90_500) })
      .where(eq(sessions.id, short.session))
    t.ok((await cut(short.token)).expires_in <= 91, 'nor than the session')
    test.clock.set(0)
  })

  await t.test('a subject token that is none, or of nobody who lives, is refused in the same words', async (t) => {
    const works = { account: a.id, actions: ['ticket.read'] }
    const pat = await personalToken(test, olga.token, works)
    const gone = await person(test, 'Gus Gone')
    await contact(test, a, gone, 'technical')
    await db.update(sessions).set({ endedAt: new Date() }).where(eq(sessions.id, gone.session))
    const sid = await person(test, 'Sid Suspended')
    await contact(test, a, sid, 'technical')
    await db.update(users).set({ status: 'suspended' }).where(eq(users.id, sid.id))
    const [head, , signature] = olga.token.split('.')
    const forged = `${head}.${Buffer.from(JSON.stringify({ ...claimsIn(olga.token), sub: dev.id })).toString('base64url')}.${signature}`
    const unfit: Record<string, string> = {
      nonsense: 'nonsense',
      'too long': 'x'.repeat(9_000),
      forged,
      expired: await tokenFor(test, olga.id, olga.session, 13 * 3_600),
      'of an ended session': gone.token,
      'of a suspended user': sid.token,
      'a personal access token': pat.secret,
    }
    const words = new Set<string>()
    for (const [what, token] of Object.entries(unfit)) {
      words.add((await isRefused(t, () => askToNarrow(test, token, works), 'invalid_request', what)).text)
    }
    const own = await clientToken(test, shop)
    const known = await proof(test, shop)
    words.add((await isRefused(t, () => askToNarrow(test, own, works, known), 'invalid_request', 'of a client itself')).text)
    t.equal(words.size, 1)
  })

  await t.test('what would mean something else is not ignored', async (t) => {
    const ask = (rest: Record<string, string>) => () => askToNarrow(test, olga.token, { account: a.id }, rest)
    await isRefused(t, ask({ subject_token_type: 'urn:ietf:params:oauth:token-type:id_token' }), 'invalid_request', 'another type')
    await isRefused(
      t,
      ask({ requested_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' }),
      'invalid_request',
      'a refresh token',
    )
    await isRefused(t, ask({ actor_token: dev.token }), 'invalid_request', 'an actor')
    await isRefused(t, ask({ actor_token_type: accessTokenType }), 'invalid_request', 'an actor type')
    await isRefused(t, ask({ audience: 'https://elsewhere.example' }), 'invalid_target', 'another audience')
    await isRefused(t, ask({ resource: 'https://elsewhere.example' }), 'invalid_target', 'another resource')
    const fine = { requested_token_type: accessTokenType, audience: 'http://mandate.test', resource: 'http://mandate.test' }
    t.equal((await ask(fine)()).status, 200)
  })

  await t.test('one with a hundred domains is not too long to be used', async (t) => {
    const many = await Promise.all(Array.from({ length: 100 }, (_, index) => domain(test, a, `d${index}.example`)))
    const detail = { account: a.id, domains: many.map(({ id }) => id), actions: [...ceilingActions] }
    const sent = await askToNarrow(test, olga.token, detail)
    t.equal((await send(test, 'GET', '/v1/me', { token: sent.body.access_token })).status, 200)
    t.equal((await post(test, '/oauth/introspect', { token: sent.body.access_token }, { authorization: 'Bearer x' })).status, 401)
  })
})

// ---- A4: a ceiling never adds

const chosen = <T>(from: readonly T[]) => fc.subarray([...from])
const domainIds = [0, 1, 2, 3].map(ids.domain)
const ceilings: fc.Arbitrary<Ceiling> = fc
  .record({
    account: fc.constantFrom(ids.account(0), ids.account(0), ids.account(1)),
    domains: fc.oneof(fc.constant([]), chosen(domainIds)),
    actions: fc.oneof(fc.constant([...actions]), chosen(actions)),
    grant: fc.constantFrom(undefined, undefined, ids.grant(0), ids.grant(1)),
  })
  .map(({ grant, ...rest }) => (grant === undefined ? rest : { ...rest, grant }))

/** A ceiling, and another one that is cut from it, or at times is not. */
const pairs = ceilings.chain((upper) => {
  const cut = fc
    .record({ domains: upper.domains.length === 0 ? chosen(domainIds) : chosen(upper.domains), actions: chosen(upper.actions) })
    .map((parts): Ceiling => ({ ...upper, ...parts }))
  return fc.tuple(fc.oneof(fc.constant(upper), cut, cut, ceilings), fc.constant(upper))
})
const favourable = fc.oneof(instances, favoured('contact'), favoured('grant'))

t.test('A4: under a ceiling that is not above another, nothing is permitted that is not under the other', async (t) => {
  let compared = 0
  let refused = 0
  always(
    fc.tuple(favourable, pairs),
    ([{ facts, question }, [lower, upper]]) => {
      const may = (ceiling: Ceiling | null): boolean => decide({ ...facts, ceiling }, question, facts.now).permit
      if (may(null) && !may(lower)) refused++
      if (!may(lower)) return
      if (!may(null)) throw new Error('a ceiling added something')
      if (excess(lower, upper) !== undefined) return
      compared++
      if (!may(upper)) throw new Error('a ceiling that is not above another permits more')
    },
    4,
  )
  t.ok(compared > runs / 50 && refused > runs / 50, `${compared} permits under two ceilings, ${refused} refused by one`)
})

t.test('A4: what narrowing gives is not above what it was cut from, and names nothing out of sight', async (t) => {
  let given = 0
  always(fc.tuple(favourable, pairs, fc.boolean()), ([{ facts, domains, question }, [wanted, upper], narrowed]) => {
    const stated = {
      ...wanted,
      actions: wanted.actions.filter((action) => ceilingActions.some((known) => known === action)),
    } as StatedCeiling
    const account = facts.accounts.find(({ id }) => id === wanted.account) ?? null
    const own = domains.filter(({ accountId }) => accountId === wanted.account)
    const presented = narrowed ? upper : null
    const before = { ...facts, ceiling: presented }
    const cut = ceilingOf(stated, { facts: before, account, domains: own } as never)
    if ('fault' in cut) return
    given++
    if (presented !== null && excess(cut, presented) !== undefined) throw new Error('it is above the one it was cut from')
    const after = { ...facts, ceiling: cut }
    if (decide(after, question, facts.now).permit && !decide(before, question, facts.now).permit) throw new Error('it widened')
    const seen = actions.flatMap((action) => reach(before, action, facts.now))
    const unseen = cut.domains.filter((id) => !seen.some((clause) => clause.domains === 'all' || clause.domains.includes(id)))
    if (unseen.length > 0 || facts.staff !== null) throw new Error('it names what its user cannot see')
  })
  t.ok(given > runs / 50, `${given} given`)
})
