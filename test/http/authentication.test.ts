import { eq } from 'drizzle-orm'
import { generateKeyPair, importPKCS8, type JWTPayload, SignJWT } from 'jose'
import t, { type Test } from 'tap'
import { deriveKey, open } from '../../src/database/secrets.ts'
import { sessions, signingKeys, users } from '../../src/database/tables.ts'
import { authentication, declaredRoutes } from '../../src/http/authentication.ts'
import { openKeys } from '../../src/http/keys.ts'
import { createRateLimit } from '../../src/http/rate-limit.ts'
import { createServer } from '../../src/http/server.ts'
import { issuer, openTestApp, send } from '../fixtures/app.ts'
import { person, tokenFor } from '../fixtures/cast.ts'

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
    const now = Math.floor(test.clock.now() / 1000)
    const good: JWTPayload = {
      iss: issuer,
      aud: issuer,
      sub: olga.id,
      sid: olga.session,
      client_id: 'mandate',
      jti: 'x',
      iat: now,
      exp: now + 600,
      auth_time: now,
      amr: ['pwd'],
      scope: '',
    }
    const [jwk] = (await test.keys.jwks()).keys
    const kid = String(jwk?.kid)
    const { privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519' })
    const ours = (claims: object, header: object = {}) => signedByUs(test, claims, header)
    t.equal((await ask(await ours(good))).status, 200, 'the forge makes good ones')
    const without = (claim: string) => Object.fromEntries(Object.entries(good).filter(([name]) => name !== claim))
    const [head, body, signature] = olga.token.split('.') as [string, string, string]
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const publicBytes = Buffer.from(String(jwk?.x), 'base64url')
    const hostile: Record<string, string> = {
      nothing: '',
      'no token': 'nonsense',
      'alg none': `${encode({ alg: 'none', typ: 'at+jwt', kid })}.${body}.`,
      'HS256 with the public key': await new SignJWT(good).setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', kid }).sign(publicBytes),
      'another key': await new SignJWT(good).setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid }).sign(privateKey),
      'an unknown kid': await ours(good, { kid: 'unknown' }),
      'a path as kid': await ours(good, { kid: '../../etc/passwd' }),
      'no kid': await ours(good, { kid: undefined }),
      'another typ': await ours(good, { typ: 'JWT' }),
      'an embedded key': await new SignJWT(good)
        .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid: 'x', jwk: jwk as never })
        .sign(privateKey),
      'a changed body': `${head}.${encode({ ...good, sub: other.id })}.${signature}`,
      'a damaged signature': `${head}.${body}.${signature.slice(0, -4)}AAAA`,
      'a padded part': `${head}=.${body}.${signature}`,
      'two parts': `${head}.${body}`,
      'another issuer': await ours({ ...good, iss: 'http://elsewhere.test' }),
      'another audience': await ours({ ...good, aud: 'http://elsewhere.test' }),
      'an audience array': await ours({ ...good, aud: [issuer, 'x'] }),
      expired: await ours({ ...good, iat: now - 700, exp: now - 1 }),
      'exp as text': await ours({ ...good, exp: String(now + 600) }),
      'exp null': await ours({ ...good, exp: null }),
      'not yet valid': await ours({ ...good, nbf: now + 300 }),
      'issued in the future': await ours({ ...good, iat: now + 300 }),
      'sub a number': await ours({ ...good, sub: 7 }),
      'sub null': await ours({ ...good, sub: null }),
      'a session that is not his': await ours({ ...good, sid: other.session }),
      'an unknown user': await ours({ ...good, sub: '00000000-0000-7000-8000-000000000000' }),
      '12 kB': await ours({ ...good, padding: 'x'.repeat(12_000) }),
      ...Object.fromEntries(
        await Promise.all(
          ['iss', 'aud', 'exp', 'iat', 'sub', 'jti', 'sid', 'client_id', 'auth_time'].map(
            async (claim) => [`no ${claim}`, await ours(without(claim))] as const,
          ),
        ),
      ),
    }
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

/** Signs any claims with the service's own private key, taken from its sealed row: what only a bug of ours could make. */
async function signedByUs(test: Awaited<ReturnType<typeof openTestApp>>, claims: object, header: object): Promise<string> {
  const [row] = await test.context.db.select().from(signingKeys)
  if (row === undefined) throw new Error('no key')
  const sealKey = deriveKey(Buffer.from(String(test.config.secretKey), 'base64'), 'signing keys')
  const key = await importPKCS8(open(sealKey, row.sealedPrivateKey).toString('utf8'), 'EdDSA')
  return new SignJWT(claims as JWTPayload).setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid: row.kid, ...header }).sign(key)
}
