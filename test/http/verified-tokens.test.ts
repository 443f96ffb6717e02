import { eq } from 'drizzle-orm'
import t from 'tap'
import { clients, sessions, signingKeys } from '../../src/database/tables.ts'
import { type SignedToken, verifiedTokens } from '../../src/http/verified-tokens.ts'
import { openTestApp, send } from '../fixtures/app.ts'
import { account, contact, person } from '../fixtures/cast.ts'
import { respelt } from '../fixtures/hostile-tokens.ts'
import { anotherApp, askToNarrow, clientToken, panel, panelToken, proof, tie } from '../oauth/stage.ts'

const signed = (kid: string): SignedToken => ({
  header: { kid, alg: 'EdDSA' },
  payload: { sub: kid, authorization_details: [{}] } as never,
})

/** A reader of headers over a set of keys, and how often it had to verify. */
function reader(max?: number) {
  const pems = new Map([['k', 'pem of k']])
  const read = verifiedTokens(async (kid, alg) => (alg === 'EdDSA' ? pems.get(kid) : undefined), max)
  const seen = { verified: 0 }
  const ask = (authorization: string, good = true) =>
    read(authorization, async () => {
      seen.verified++
      if (!good) throw new Error('not signed by us')
      return signed('k')
    })
  return { pems, ask, seen }
}

t.test('a signature is checked once, and what was found out is the same for all', async (t) => {
  const { ask, seen } = reader()
  t.strictSame(await ask('Bearer a.b.c'), signed('k'))
  t.match(await ask('Bearer a.b.c'), signed('k'))
  t.equal(seen.verified, 1)
  const { payload } = await ask('Bearer a.b.c')
  t.throws(() => Object.assign(payload, { sub: 'another' }), TypeError, 'nobody can change it for the next one')
  t.throws(() => Object.assign((payload.authorization_details as object[])[0] as object, { actions: [] }), TypeError, 'nor what is in it')
})

t.test('any other byte is another token', async (t) => {
  const { ask, seen } = reader()
  await ask('Bearer a.b.c')
  for (const other of ['Bearer a.b.d', 'Bearer a.b.c ', 'bearer a.b.c', 'Bearer a.b', 'Bearer a.b.c.c'])
    await t.rejects(ask(other, false), /not signed by us/, other)
  t.equal(seen.verified, 6)
})

t.test('what was refused is asked again', async (t) => {
  const { ask, seen } = reader()
  await t.rejects(ask('Bearer a.b.c', false))
  await t.rejects(ask('Bearer a.b.c', false))
  t.equal(seen.verified, 2)
})

t.test('a key that is gone or another one makes it be verified again', async (t) => {
  const { ask, pems, seen } = reader()
  await ask('Bearer a.b.c')
  pems.delete('k')
  await t.rejects(ask('Bearer a.b.c', false), 'gone')
  pems.set('k', 'pem of k')
  await ask('Bearer a.b.c')
  t.equal(seen.verified, 3, 'and it is not remembered from before')
  pems.set('k', 'another pem')
  await t.rejects(ask('Bearer a.b.c', false), 'another')
  pems.clear()
  await ask('Bearer d.e.f')
  await ask('Bearer d.e.f')
  t.equal(seen.verified, 6, 'and what is verified without a key to be found is not remembered')
})

t.test('only so many are remembered, the ones used last, and none that is long', async (t) => {
  const { ask, seen } = reader(2)
  await ask('Bearer a')
  await ask('Bearer b')
  await ask('Bearer a')
  await ask('Bearer c') // b was used longest ago
  t.equal(seen.verified, 3)
  await ask('Bearer a')
  await ask('Bearer c')
  t.equal(seen.verified, 3)
  await ask('Bearer b')
  t.equal(seen.verified, 4)
  const long = `Bearer ${'x'.repeat(2_048)}`
  await ask(long)
  await ask(long)
  t.equal(seen.verified, 6)
})

t.test('a token that was let in before is refused from the instant on in which it is worth nothing', async (t) => {
  const test = await openTestApp(t)
  const { db } = test.context
  const ask = async (token: string, app = test) => (await send(app, 'GET', '/v1/topics', { token })).status
  const refusedAfter = async (what: string, end: (who: { id: string; session: string }) => unknown) => {
    const who = await person(test, 'Olga Owner')
    t.equal(await ask(who.token), 200)
    t.equal(await ask(who.token), 200, 'remembered')
    await end(who)
    t.equal(await ask(who.token), 401, what)
  }
  await refusedAfter('its session was ended', ({ session }) => db.execute(`update sessions set ended_at = now() where id = '${session}'`))
  await refusedAfter('its user was suspended', ({ id }) => db.execute(`update users set status = 'suspended' where id = '${id}'`))
  const otto = await person(test, 'Otto Other')
  const [head, body, signature = ''] = otto.token.split('.')
  t.equal(await ask(otto.token), 200)
  t.equal(await ask(`${head}.${body}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`), 401, 'a tampered one never was')
  const iat = Math.floor(test.clock.now() / 1000)
  const short = await test.keys.sign({ sub: otto.id, sid: otto.session, iat, exp: iat + 600, auth_time: iat, amr: ['pwd'] })
  test.clock.advance(540_000)
  t.equal(await ask(short), 200)
  t.equal(await ask(short), 200, 'remembered')
  test.clock.advance(60_000)
  t.equal(await ask(short), 401, 'it has expired')
  const pia = await person(test, 'Pia')
  t.equal(await ask(pia.token), 200)
  test.clock.advance(-60_000)
  t.equal(await ask(pia.token), 401, 'to a clock that was put back it is of the future')
  test.clock.advance(60_000)
  t.equal(await ask(pia.token), 200)
})

t.test('what a panel, its client and a tool were let in with ends with the panel', async (t) => {
  const test = await openTestApp(t)
  const shop = await panel(test)
  const olga = await person(test, 'Olga Owner')
  const a = await account(test, 'Alpha Ltd')
  await contact(test, a, olga, 'owner')
  const full = await panelToken(test, shop, await tie(test, shop, olga))
  const cut = await askToNarrow(test, full, { account: a.id, actions: ['self.read'] }, await proof(test, shop))
  const tokens = [full, cut.body.access_token as string, await clientToken(test, shop)]
  const statuses = async () => {
    const seen = []
    for (const token of tokens) seen.push((await send(test, 'GET', '/v1/me', { token })).status)
    return seen
  }
  for (const time of ['first', 'again']) t.strictSame(await statuses(), [200, 200, 403], `${time}: the last one is no person`)
  const enable = (status: 'active' | 'disabled') => test.context.db.update(clients).set({ status }).where(eq(clients.id, shop.id))
  await enable('disabled')
  t.strictSame(await statuses(), [401, 401, 401])
  await enable('active')
  t.strictSame(await statuses(), [200, 200, 403])
  await test.context.db.update(sessions).set({ endedAt: new Date() }).where(eq(sessions.kind, 'panel'))
  t.strictSame(await statuses(), [401, 401, 403], 'and with its session what was cut from it')
})

t.test('a token has one spelling: the same signature in other letters opens nothing, remembered or not', async (t) => {
  const test = await openTestApp(t)
  const olga = await person(test, 'Olga Owner')
  const ask = async (token: string) => (await send(test, 'GET', '/v1/topics', { token })).status
  const [head, body, signature = ''] = olga.token.split('.')
  const other = `${head}.${body}.${respelt(signature)}`
  t.strictSame(Buffer.from(other.split('.')[2] ?? '', 'base64url'), Buffer.from(signature, 'base64url'), 'the same bytes')
  t.strictSame([await ask(other), await ask(olga.token), await ask(other), await ask(olga.token)], [401, 200, 401, 200])
})

t.test('two services do not take each other’s, whatever either remembers', async (t) => {
  const [one, two] = [await openTestApp(t), await openTestApp(t)]
  const olga = await person(one, 'Olga Owner')
  const namesake = await person(two, 'Olga Owner')
  const ask = async (test: typeof one, token: string) => (await send(test, 'GET', '/v1/topics', { token })).status
  for (const time of ['first', 'again']) {
    t.strictSame([await ask(one, olga.token), await ask(two, olga.token)], [200, 401], time)
    t.strictSame([await ask(one, namesake.token), await ask(two, namesake.token)], [401, 200], time)
  }
})

t.test('a key removed elsewhere is refused although its signatures are remembered here', async (t) => {
  const test = await openTestApp(t)
  const other = await anotherApp(t, test)
  const olga = await person(test, 'Olga Owner')
  const ask = async (app: typeof test) => (await send(app, 'GET', '/v1/topics', { token: olga.token })).status
  t.strictSame([await ask(test), await ask(test), await ask(other), await ask(other)], [200, 200, 200, 200])
  await test.context.db.update(signingKeys).set({ removedAt: new Date() })
  t.strictSame([await ask(test), await ask(other)], [401, 401])
  await test.context.db.update(signingKeys).set({ removedAt: null }).where(eq(signingKeys.algorithm, 'EdDSA'))
  t.equal(await ask(test), 200, 'and nothing else refused it')
})
