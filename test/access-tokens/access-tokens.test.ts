import { eq } from 'drizzle-orm'
import t, { type Test } from 'tap'
import { v7 as uuid } from 'uuid'
import { accessTokens, contacts, sessions, tickets } from '../../src/database/tables.ts'
import { openTestApp, type Request, type Sent, send } from '../fixtures/app.ts'
import { account, contact, domain, grant, person, staff, tokenFor } from '../fixtures/cast.ts'
import { eventsOf } from '../fixtures/ledger.ts'
import { countRows } from '../fixtures/rows.ts'

const provider = '00000000-0000-0000-0000-000000000000'
const dayMs = 86_400_000

t.test('personal access tokens', async (t) => {
  const test = await openTestApp(t)
  const { db } = test.context
  const olga = await person(test, 'Olga Owner')
  const dev = await person(test, 'Dev Developer')
  const a = await account(test, 'Alpha Ltd')
  const b = await account(test, 'Beta Ltd')
  const [d1, d2] = [await domain(test, a, 'alpha.example'), await domain(test, a, 'alpha-two.example')]
  const foreign = await domain(test, b, 'beta.example')
  const owner = await contact(test, a, olga, 'owner')
  const given = await grant(test, a, owner, dev, [d1])
  const inDays = (days: number) => new Date(test.clock.now() + days * dayMs).toISOString()
  const wanted = (rest: object = {}) => ({
    name: 'Monitoring',
    account: a.number,
    domains: [d1.name],
    actions: ['ticket.create', 'ticket.read', 'self.read'],
    expiresAt: inDays(90),
    ...rest,
  })
  const make = (body: unknown, rest: Request = {}) => send(test, 'POST', '/v1/access-tokens', { token: olga.token, body, ...rest })
  const ticket = (token: string, about: string) =>
    send(test, 'POST', '/v1/tickets', {
      token,
      key: true,
      body: { account: a.number, domain: about, topic: 'other', subject: 'It broke', message: 'Since noon.' },
    })
  const works = async (token: string) => (await send(test, 'GET', '/v1/me', { token })).status
  const isRefused = async (t: Test, ask: () => Promise<Sent>, expected: object, what: string) => {
    const before = await countRows(db)
    const sent = await ask()
    t.match(sent, expected, what)
    t.strictSame(await countRows(db), before, `${what}: and nothing was written`)
    return sent
  }

  await t.test('one is made for a tool, shown once, and does what its maker may, below its ceiling', async (t) => {
    const sent = await make(wanted(), { key: 'make-once' })
    t.match(sent, {
      status: 201,
      headers: { location: `/v1/access-tokens/${sent.body.accessToken.id}` },
      body: {
        secret: /^mdt_pat_[0-9a-f]{72}$/,
        accessToken: {
          name: 'Monitoring',
          account: a.id,
          domains: [d1.id],
          actions: ['self.read', 'ticket.create', 'ticket.read'],
          grant: null,
        },
      },
    })
    t.equal(sent.body.accessToken.lastUsedOn, null)
    const { secret } = sent.body
    t.equal((await ticket(secret, d1.name)).status, 201)
    t.match((await ticket(secret, d2.name)).body, { code: 'not_authorised', reason: 'token_ceiling' })
    t.match((await send(test, 'GET', '/v1/accounts', { token: secret })).body.items, [])
    const [written] = await db.select().from(tickets)
    t.match(written, { actorUserId: olga.id, capacity: 'contact', verification: 'token', verificationLevel: 'one_factor', clientId: null })
    const again = await make(wanted(), { key: 'make-once' })
    t.equal(again.status, 422, 'another end is another request')
    const events = (await eventsOf(test, provider)).filter(({ resourceId }) => resourceId === sent.body.accessToken.id)
    t.match(events, [{ kind: 'access_token.created', actor: olga.id, value: { name: 'Monitoring', account: a.id, domains: [d1.id] } }])
    const rows = JSON.stringify(await db.select().from(accessTokens))
    t.notMatch(rows, secret.slice(8, 40), 'only its hash is kept')
  })

  await t.test('a repeated request is answered without the secret', async (t) => {
    const body = wanted({ name: 'Once' })
    const first = await make(body, { key: 'repeat' })
    const again = await make(body, { key: 'repeat' })
    t.match(again, { status: 201, headers: { 'idempotency-replayed': 'true' }, body: { secret: null, note: /shown once/ } })
    t.strictSame(again.body.accessToken, first.body.accessToken)
    const { secret } = first.body
    const asTool = await make(body, { key: 'repeat', token: secret })
    t.equal(asTool.status, 404, 'and to a token of hers not at all')
  })

  await t.test('a developer makes one for a grant', async (t) => {
    const sent = await make(wanted({ grant: given }), { token: dev.token })
    t.match(sent, { status: 201, body: { accessToken: { grant: given } } })
    t.equal((await ticket(sent.body.secret, d1.name)).status, 201)
  })

  await t.test('what is not his is refused alike, there or not', async (t) => {
    const ask = (token: string, rest: object) => () => make(wanted(rest), { token })
    const invalid = (pointer: string, code: string) => ({ status: 422, body: { errors: [{ pointer, code }] } })
    const texts = new Set<string>()
    for (const name of [b.number, b.id, 'C-0', uuid()]) {
      const sent = await isRefused(t, ask(olga.token, { account: name }), invalid('#/account', 'not_yours'), name)
      texts.add(JSON.stringify(sent.body.errors))
    }
    for (const name of [d2.name, foreign.name, 'invented.example', uuid()]) {
      const sent = await isRefused(t, ask(dev.token, { domains: [name] }), invalid('#/domains', 'not_yours'), name)
      texts.add(JSON.stringify(sent.body.errors))
    }
    t.equal(texts.size, 2)
    await isRefused(t, ask(dev.token, { grant: uuid() }), invalid('#/grant', 'not_yours'), 'a grant')
    const agent = await staff(test, 'Ada Admin', 'admin')
    await isRefused(t, ask(agent.token, {}), invalid('#/account', 'not_yours'), 'staff have no account')
  })

  await t.test('it has an end, within a year, and carries nothing of staff or of himself', async (t) => {
    const refusals: [object, string, string][] = [
      [{ expiresAt: undefined }, '#/expiresAt', 'required'],
      [{ expiresAt: inDays(0) }, '#/expiresAt', 'too_early'],
      [{ expiresAt: inDays(366) }, '#/expiresAt', 'too_late'],
      [{ actions: [] }, '#/actions', 'min_items'],
      [{ actions: ['self.manage'] }, '#/actions/0', 'enum'],
      [{ actions: ['staff.ticket.work'] }, '#/actions/0', 'enum'],
      [{ name: ' ' }, '#/name', 'pattern'],
      [{ topics: ['other'] }, '#/topics', 'unknown'],
    ]
    for (const [rest, pointer, code] of refusals) {
      await isRefused(t, () => make(wanted(rest)), { status: 422, body: { errors: [{ pointer, code }] } }, `${pointer} ${code}`)
    }
    t.equal((await make(wanted({ expiresAt: inDays(365) }))).status, 201)
  })

  await t.test('only a personal, fresh sign-in makes one', async (t) => {
    const stale = await tokenFor(test, olga.id, olga.session, 601)
    await isRefused(t, () => make(wanted(), { token: stale }), { status: 401, body: { code: 'step_up_required' } }, 'an old sign-in')
    const { secret } = (await make(wanted({ actions: ['grant.manage', 'self.read'], domains: [] }))).body
    await isRefused(t, () => make(wanted(), { token: secret }), { status: 403 }, 'by such a token')
    const offer = { grantee: { address: 'dev@agency.example' }, domains: [d1.name], actions: ['ticket.read'] }
    const give = () => send(test, 'POST', `/v1/accounts/${a.id}/grants`, { token: secret, key: true, body: offer })
    await isRefused(t, give, { status: 401, body: { code: 'step_up_required' } }, 'it is never a fresh sign-in')
  })

  await t.test('it is worth what its maker is worth now', async (t) => {
    const tess = await person(test, 'Tess Technical')
    const id = await contact(test, a, tess, 'technical')
    const { secret } = (await make(wanted(), { token: tess.token })).body
    t.equal((await ticket(secret, d1.name)).status, 201)
    await db.update(contacts).set({ status: 'ended', endedAt: new Date() }).where(eq(contacts.id, id))
    t.equal((await ticket(secret, d1.name)).status, 403)
    t.equal(await works(secret), 200)
  })

  await t.test('it ends by itself, with its session, and when it is deleted: at once, and for good', async (t) => {
    const make90 = async () => (await make(wanted({ name: 'Doomed' }))).body as { secret: string; accessToken: { id: string } }
    const [timed, signedOut, deleted] = [await make90(), await make90(), await make90()]
    const [row] = await db.select().from(accessTokens).where(eq(accessTokens.id, signedOut.accessToken.id))
    t.equal((await send(test, 'DELETE', `/v1/sessions/${row?.sessionId}`, { token: olga.token })).status, 204)
    t.equal(await works(signedOut.secret), 401)
    const path = `/v1/access-tokens/${deleted.accessToken.id}`
    const stale = await tokenFor(test, olga.id, olga.session, 601)
    t.equal((await send(test, 'DELETE', path, { token: stale })).status, 204, 'taking away needs no fresh sign-in')
    t.equal(await works(deleted.secret), 401)
    t.equal((await send(test, 'DELETE', path, { token: olga.token })).status, 204, 'again')
    const events = (await eventsOf(test, provider)).filter(({ resourceId }) => resourceId === deleted.accessToken.id)
    t.strictSame(
      events.map(({ kind }) => kind),
      ['access_token.created', 'access_token.revoked'],
    )
    t.equal(await works(timed.secret), 200)
    const ids = async (token: string) =>
      (await send(test, 'GET', '/v1/access-tokens', { token })).body.items.map(({ id }: { id: string }) => id)
    const listed = await ids(olga.token)
    t.ok(listed.includes(timed.accessToken.id))
    t.notOk(listed.includes(signedOut.accessToken.id) || listed.includes(deleted.accessToken.id))
    test.clock.advance(90 * dayMs + 1_000)
    t.equal(await works(timed.secret), 401)
    test.clock.set(0)
  })

  await t.test('nobody ends, or sees, the tokens of another', async (t) => {
    const { accessToken, secret } = (await make(wanted())).body
    for (const id of [accessToken.id, uuid(), 'nonsense']) {
      await isRefused(t, () => send(test, 'DELETE', `/v1/access-tokens/${id}`, { token: dev.token }), { status: 404 }, id)
    }
    await isRefused(
      t,
      () => send(test, 'DELETE', `/v1/access-tokens/${accessToken.id}`, { token: secret }),
      { status: 403 },
      'nor does a token itself',
    )
    const page = (await send(test, 'GET', '/v1/access-tokens?limit=1', { token: olga.token })).body
    t.equal(page.items[0].id, accessToken.id, 'newest first')
    const next = (await send(test, 'GET', `/v1/access-tokens?limit=1&cursor=${page.nextCursor}`, { token: olga.token })).body
    t.not(next.items[0].id, accessToken.id)
    t.equal((await send(test, 'GET', '/v1/access-tokens', { token: dev.token })).body.items.length, 1)
    t.notMatch(JSON.stringify(page), /mdt_pat_/)
  })

  await t.test('its use is noted once a day', async (t) => {
    const { accessToken, secret } = (await make(wanted({ name: 'Used' }))).body
    const read = async () => (await db.select().from(accessTokens).where(eq(accessTokens.id, accessToken.id)))[0]?.lastUsedOn
    const shown = async () =>
      (await send(test, 'GET', '/v1/access-tokens', { token: olga.token })).body.items.find(
        ({ id }: { id: string }) => id === accessToken.id,
      )
    t.equal(await read(), null)
    await works(secret)
    const today = new Date(test.clock.now()).toISOString().slice(0, 10)
    t.equal((await shown()).lastUsedOn, today)
    await db
      .update(accessTokens)
      .set({ lastUsedOn: new Date(`${today}T00:00:01Z`) })
      .where(eq(accessTokens.id, accessToken.id))
    await works(secret)
    t.equal((await read())?.toISOString(), `${today}T00:00:01.000Z`, 'not written again on the same day')
    test.clock.advance(dayMs)
    await works(secret)
    t.equal((await read())?.toISOString(), `${new Date(test.clock.now()).toISOString().slice(0, 10)}T00:00:00.000Z`)
    test.clock.set(0)
  })

  await t.test('what only looks like one is no token', async (t) => {
    const { secret } = (await make(wanted())).body
    const wrongSum = `${secret.slice(0, -1)}${secret.endsWith('0') ? '1' : '0'}`
    const hostile = [
      wrongSum,
      secret.toUpperCase(),
      `${secret}0`,
      secret.slice(0, -1),
      'mdt_pat_',
      `mdt_pat_${'0'.repeat(72)}`,
      secret.slice(8),
    ]
    for (const token of hostile)
      t.match(await send(test, 'GET', '/v1/me', { token }), { status: 401, body: { code: 'unauthenticated' } }, token)
    t.equal((await send(test, 'GET', '/v1/me', { headers: { authorization: `bearer ${secret}` } })).status, 200)
    t.equal((await send(test, 'GET', `/v1/me?access_token=${secret}`)).status, 401, 'in the query it is none')
    const [row] = await db.select().from(sessions).where(eq(sessions.method, 'token')).limit(1)
    t.match(row, { kind: 'person', userId: olga.id, parentId: null })
  })
})
