import { eq } from 'drizzle-orm'
import t, { type Test } from 'tap'
import { sessions, users } from '../../src/database/tables.ts'
import { authentication, declaredRoutes } from '../../src/http/authentication.ts'
import { openKeys } from '../../src/http/keys.ts'
import { createRateLimit } from '../../src/http/rate-limit.ts'
import { createServer } from '../../src/http/server.ts'
import { issuer, openTestApp, send } from '../fixtures/app.ts'
import { person, tokenFor } from '../fixtures/cast.ts'
import { forge, goodClaims, hostileTokens } from '../fixtures/hostile-tokens.ts'

t.test('access tokens', async (t) => {
  const test = await openTestApp(t)
  const { db } = test.context
  const olga = await person(test, 'Olga Owner')
  const other = await person(test, 'Otto Other')
  const ask = (token: string | undefined, headers: Record<string, string> = {}) => send(test, 'GET', '/v1/topics', { token, headers })
  const isRefused = async (t: Test, token: string | undefined, what: string, headers = {}) => {
    const reply = await ask(token, headers)
    t.match(
      reply,
      { status: 401, headers: { 'www-authenticate': 'Bearer', 'content-type': /problem\+json/ }, body: { code: 'unauthenticated' } },
      what,
    )
    t.notMatch(reply.text, /jwt|signature|claim|FAST|FST/i, `${what}: without the library's words`)
  }

  await t.test('a good one is let in, also with a lower-case scheme', async (t) => {
    t.equal((await ask(olga.token)).status, 200)
    t.equal((await ask(undefined, { authorization: `bearer ${olga.token}` })).status, 200)
  })

  await t.test('hostile ones are all the same 401', async (t) => {
    t.equal((await ask(await (await forge(test)).sign(goodClaims(test, olga)))).status, 200, 'the forge makes good ones')
    const hostile = await hostileTokens(test, olga, other)
    for (const [what, token] of Object.entries(hostile)) await isRefused(t, token, what)
    await isRefused(t, undefined, 'no header at all')
    await isRefused(t, undefined, 'another scheme', { authorization: `Basic ${olga.token}` })
    const inQuery = await send(test, 'GET', `/v1/topics?access_token=${olga.token}`)
    t.equal(inQuery.status, 401, 'a token in the query is no token')
  })

  await t.test('a token lives only as long as its session and its user', async (t) => {
    const mine = await person(test, 'Mia')
    t.equal((await ask(mine.token)).status, 200)
    await db.update(users).set({ status: 'suspended' }).where(eq(users.id, mine.id))
    await isRefused(t, mine.token, 'a suspended user')
    await db.update(users).set({ status: 'active' }).where(eq(users.id, mine.id))
    t.equal((await ask(mine.token)).status, 200)
    await db.update(sessions).set({ endedAt: new Date() }).where(eq(sessions.id, mine.session))
    await isRefused(t, mine.token, 'an ended session')
    const late = await person(test, 'Lea')
    test.clock.advance(12 * 3_600_000 + 1)
    await isRefused(t, await tokenFor(test, late.id, late.session), 'a session past its end')
    test.clock.set(0)
  })

  await t.test('authentication comes before the body is looked at, also at paths that name nothing', async (t) => {
    t.equal((await send(test, 'POST', '/v1/tickets', { body: '{not json' })).status, 401)
    t.equal((await send(test, 'POST', '/v1/tickets/nonsense/messages', { body: {} })).status, 401)
    t.equal((await send(test, 'POST', '/v1/tickets/nonsense/messages', { token: olga.token, body: '{not json' })).status, 404)
  })

  await t.test('the keys are published without their private half', async (t) => {
    const { body } = await send(test, 'GET', '/.well-known/jwks.json')
    t.match(body, { keys: [{ kty: 'OKP', crv: 'Ed25519', alg: 'EdDSA', use: 'sig' }] })
    t.notOk(body.keys[0].d)
  })

  await t.test('keys are made once: a second process signs with the same', async (t) => {
    const secret = Buffer.from(String(test.config.secretKey), 'base64')
    const second = await openKeys(db, secret, issuer, test.clock.now())
    t.strictSame(await second.jwks(), await test.keys.jwks())
    t.equal((await ask(await tokenFor({ ...test, keys: second }, olga.id, olga.session))).status, 200)
  })

  await t.test('a route that declares no access stops the start', async (t) => {
    const app = createServer({ logger: false, trustProxy: [], corsOrigins: [], hsts: false, now: () => 0 })
    t.strictSame(declaredRoutes(app), [])
    await app.register(authentication, { context: test.context, keys: test.keys, issuer, rateLimit: createRateLimit({ now: () => 0 }) })
    t.throws(() => app.get('/undeclared', async () => ({})), { message: 'GET /undeclared declares no access' })
    await app.close()
  })
})
