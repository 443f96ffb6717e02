/** How a client proves itself: by what it signs, or by its secret. */
import { eq } from 'drizzle-orm'
import { SignJWT } from 'jose'
import t from 'tap'
import { clients, sessions, usedAssertions } from '../../src/database/tables.ts'
import { openTestApp, send } from '../fixtures/app.ts'
import { account, contact, person } from '../fixtures/cast.ts'
import { countRows } from '../fixtures/rows.ts'
import {
  anotherApp,
  askForUser,
  askToNarrow,
  assertionType,
  claimsIn,
  clientAssertion,
  clientToken,
  forgeries,
  keyPair,
  panel,
  panelToken,
  post,
  proof,
  tie,
} from './stage.ts'

t.test('clients at the token endpoint', async (t) => {
  const test = await openTestApp(t)
  const other = await anotherApp(t, test)
  const { db } = test.context
  const shop = await panel(test)
  const withAssertion = (jwt: string, on = test) =>
    post(on, '/oauth/token', { grant_type: 'client_credentials', client_assertion_type: assertionType, client_assertion: jwt })

  await t.test('a signed assertion, Basic and a secret in the form are all it takes', async (t) => {
    const basic = { authorization: `Basic ${Buffer.from(`${shop.id}:${shop.secret}`).toString('base64')}` }
    const encoded = { authorization: `basic ${Buffer.from(`${shop.id.replaceAll('-', '%2D')}:${shop.secret}`).toString('base64')}` }
    const type = { grant_type: 'client_credentials' }
    const secret = { client_id: shop.id, client_secret: shop.secret }
    for (const [params, headers] of [
      [{ ...type, ...(await proof(test, shop)) }],
      [{ ...type, ...(await proof(test, shop)), client_id: shop.id }],
      [type, basic],
      [{ ...type, client_id: shop.id }, encoded],
      [{ ...type, ...secret }],
    ] as const) {
      const sent = await post(test, '/oauth/token', params, headers)
      t.match(sent, {
        status: 200,
        headers: { 'cache-control': 'no-store', pragma: 'no-cache' },
        body: { token_type: 'Bearer', expires_in: 600 },
      })
      t.strictSame(Object.keys(sent.body), ['access_token', 'token_type', 'expires_in'])
    }
  })

  await t.test('its own token says who it is, and has no user and no account of others', async (t) => {
    const token = await clientToken(test, shop)
    t.match(claimsIn(token), { sub: shop.id, client_id: shop.id, auth_time: 0, amr: [] })
    const [session] = await db
      .select()
      .from(sessions)
      .where(eq(sessions.id, String(claimsIn(token)['sid'])))
    t.match(session, { kind: 'client', clientId: shop.id, userId: null, method: 'token', level: 'client' })
    const foreign = await account(test, 'Foreign Ltd')
    const rename = await send(test, 'PATCH', `/v1/accounts/${foreign.id}`, { token, body: { name: 'Renamed' }, ifMatch: 1 })
    t.match(rename, { status: 404 }, 'an account of no realm is not there for it')
    t.match(await send(test, 'GET', '/v1/me', { token }), { status: 403 }, 'it is no person')
    t.match(await send(test, 'GET', '/v1/access-tokens', { token }), { status: 403 })
  })

  await t.test('keys of each kind sign', async (t) => {
    const pairs = [await keyPair('ES256'), await keyPair('RS256')]
    const both = await panel(test)
    await db
      .update(clients)
      .set({ keys: pairs.map(({ jwk, alg }) => ({ ...jwk, alg, use: 'sig' })) })
      .where(eq(clients.id, both.id))
    for (const by of pairs) {
      t.equal((await withAssertion(await clientAssertion(test, both, { by }))).status, 200, by.alg)
      t.equal(
        (await withAssertion(await clientAssertion(test, both, { by, header: { kid: undefined } }))).status,
        200,
        `${by.alg}, the only one`,
      )
    }
    t.equal((await withAssertion(await clientAssertion(test, both))).status, 401, 'a key that was taken away signs no more')
    const twins = [await keyPair(), await keyPair()]
    await db
      .update(clients)
      .set({ keys: twins.map(({ jwk }) => ({ ...jwk, alg: 'EdDSA', use: 'sig' })) })
      .where(eq(clients.id, both.id))
    const unnamed = await clientAssertion(test, both, { by: twins[0] as (typeof twins)[number], header: { kid: undefined } })
    t.equal((await withAssertion(unnamed)).status, 401, 'which of two it was must be said')
  })

  await t.test('hostile assertions are all the same 401, and leave nothing', async (t) => {
    const stranger = await panel(test)
    const now = Math.floor(test.clock.now() / 1000)
    const make = (changes: object) => clientAssertion(test, shop, changes)
    t.equal((await withAssertion(await make({}))).status, 200, 'the forge makes good ones')
    const hostile = [
      ...(await forgeries(test, shop, 60, make)),
      { what: 'about another client', jwt: await make({ claims: { sub: stranger.id } }) },
      { what: 'as another client', jwt: await make({ claims: { iss: stranger.id, sub: stranger.id } }) },
      { what: 'for a realm', jwt: await make({ claims: { iss: shop.realm, sub: 'u1' } }) },
      { what: 'a plain JWT', jwt: await make({ header: { typ: 'JWT' } }) },
      { what: 'no typ', jwt: await make({ header: { typ: undefined } }) },
      { what: 'a user assertion’s typ', jwt: await make({ header: { typ: 'authorization-grant+jwt' } }) },
      { what: 'our own access token', jwt: await clientToken(test, shop) },
      {
        what: 'no header but alg',
        jwt: await new SignJWT({ iss: shop.id, sub: shop.id, aud: 'x', iat: now, exp: now + 5, jti: 'j' })
          .setProtectedHeader({ alg: 'EdDSA' })
          .sign(shop.pair.privateKey),
      },
    ]
    const before = await countRows(db)
    for (const { what, jwt } of hostile) {
      const sent = await withAssertion(jwt)
      t.match(sent, { status: 401, headers: { 'www-authenticate': /^Basic/ }, body: { error: 'invalid_client' } }, what)
      t.equal(sent.body.error_description, 'Client authentication failed, or is missing', what)
    }
    t.strictSame(await countRows(db), before)
  })

  await t.test('an assertion serves once, whichever process sees it', async (t) => {
    const jwt = await clientAssertion(test, shop)
    t.equal((await withAssertion(jwt)).status, 200)
    t.equal((await withAssertion(jwt)).status, 401, 'again')
    t.equal((await withAssertion(jwt, other)).status, 401, 'at another process')
    const fresh = await clientAssertion(test, shop)
    const raced = await Promise.all([withAssertion(fresh), withAssertion(fresh, other), withAssertion(fresh), withAssertion(fresh, other)])
    t.equal(raced.filter(({ status }) => status === 200).length, 1, 'of four at once one wins')
  })

  await t.test('what was used is remembered as long as it could be used, and then forgotten', async (t) => {
    const jti = 'the-same-name'
    t.equal((await withAssertion(await clientAssertion(test, shop, { claims: { jti } }))).status, 200)
    test.clock.advance(100_000)
    t.equal((await withAssertion(await clientAssertion(test, shop, { claims: { jti } }))).status, 401, 'within the margin')
    test.clock.advance(30_000)
    t.equal((await withAssertion(await clientAssertion(test, shop, { claims: { jti } }))).status, 200, 'its name is free again')
    test.clock.advance(10 * 60_000)
    const count = async () => (await db.select().from(usedAssertions)).length
    const old = await count()
    t.ok(old > 0)
    await clientToken(test, shop)
    t.equal(await count(), Math.max(old - 10, 0) + 1, 'old ones are swept on the way')
    test.clock.set(0)
  })

  await t.test('a client sees to no token but its own: disabled, all of them fail at once', async (t) => {
    const doomed = await panel(test)
    const olga = await person(test, 'Olga Owner')
    const a = await account(test, 'Alpha Ltd')
    await contact(test, a, olga, 'owner')
    const subject = await tie(test, doomed, olga)
    const full = await panelToken(test, doomed, subject)
    const narrowed = await askToNarrow(test, full, { account: a.id, actions: ['self.read', 'ticket.read'] }, await proof(test, doomed))
    const tokens = [full, narrowed.body.access_token, await clientToken(test, doomed)]
    const statuses = async () => Promise.all(tokens.map(async (token) => (await send(test, 'GET', '/v1/me', { token })).status))
    t.strictSame(await statuses(), [200, 200, 403], 'the last one is no person')
    const assertion = await clientAssertion(test, doomed)
    await db.update(clients).set({ status: 'disabled' }).where(eq(clients.id, doomed.id))
    t.strictSame(await statuses(), [401, 401, 401])
    const before = await countRows(db)
    t.match(await withAssertion(assertion), { status: 401, body: { error: 'invalid_client' } })
    t.match(await askForUser(test, doomed, subject), { status: 401, body: { error: 'invalid_client' } })
    t.match(await askToNarrow(test, full, { account: a.id }, { client_id: doomed.id, client_secret: doomed.secret }), { status: 401 })
    t.strictSame(await countRows(db), before, 'and nothing was written')
    t.equal((await send(test, 'GET', '/v1/me', { token: olga.token })).status, 200, 'her own sign-in is untouched')
  })
})
