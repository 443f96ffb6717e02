/**
 * Every hostile token, and every one that was good until something it hangs on came to its end, at every route that asks who is there:
 * 401, the same for all, and nothing is written. Made from what the routes declare: a new route is tried as soon as it is there.
 */
import { eq } from 'drizzle-orm'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { accessTokens, accounts, clients, sessions, signingKeys, users } from '../src/database/tables.ts'
import { type DeclaredRoute, declaredRoutes } from '../src/http/authentication.ts'
import { ceilingActions } from '../src/http/ceilings.ts'
import { clientScopes } from '../src/vocabulary.ts'
import { openTestApp, type Request, type Sent, send, type TestApp } from './fixtures/app.ts'
import { type Person, person, tokenFor } from './fixtures/cast.ts'
import { forge, goodClaims, hostileTokens } from './fixtures/hostile-tokens.ts'
import { ledger } from './fixtures/ledger.ts'
import { givePassword, signIn } from './fixtures/passwords.ts'
import { countRows } from './fixtures/rows.ts'
import { makeWorld, samples, type World } from './fixtures/world.ts'
import { askToNarrow, clientToken, panel, panelToken, personalToken, tie } from './oauth/stage.ts'

t.setTimeout(600_000)

type Attempt = { method: string; url: string; request: Request }

/** Another session of somebody, with a token on it that is good now. */
async function another(test: TestApp, { id }: Person): Promise<{ session: string; token: string }> {
  const [session, at] = [uuid(), new Date(test.clock.now())]
  const verified = { kind: 'person', method: 'password', level: 'one_factor', createdAt: at, authenticatedAt: at } as const
  await test.context.db.insert(sessions).values({ id: session, userId: id, ...verified, expiresAt: new Date(at.getTime() + 3_600_000) })
  return { session, token: await tokenFor(test, id, session) }
}

/** What the person's own sign-in leaves behind when it is over, in each way; all of it would do everything if it lived. */
async function deadOf(test: TestApp, who: Person): Promise<Record<string, string>> {
  const { db } = test.context
  const [ended, over] = [await another(test, who), await another(test, who)]
  await db.update(sessions).set({ endedAt: new Date() }).where(eq(sessions.id, ended.session))
  const past = new Date(test.clock.now() - 1)
  await db.update(sessions).set({ expiresAt: past }).where(eq(sessions.id, over.session))
  const key = await db.transaction((tx) => test.keys.rotate(tx, 'EdDSA', test.clock.now()))
  const { token: unsigned } = await another(test, who)
  await db.update(signingKeys).set({ removedAt: past }).where(eq(signingKeys.kid, key.kid))
  await givePassword(test, who)
  const { refreshToken } = (await signIn(test, who.address)).body
  return {
    'of an ended session': ended.token,
    'of a session past its end': over.token,
    'of a removed key': unsigned,
    'to refresh': refreshToken,
  }
}

/** The same of what a customer can cut from his sign-in, or be given through a panel. */
async function deadCuts({ test, a }: World, owner: Person): Promise<Record<string, string>> {
  const { db } = test.context
  const everything = { account: a.id, actions: [...ceilingActions] }
  const parent = await another(test, owner)
  const cut = await askToNarrow(test, parent.token, everything)
  await db.update(sessions).set({ endedAt: new Date() }).where(eq(sessions.id, parent.session))
  const tool = await personalToken(test, owner.token, everything)
  const [row] = await db.select().from(accessTokens).where(eq(accessTokens.id, tool.id))
  await db
    .update(sessions)
    .set({ endedAt: new Date() })
    .where(eq(sessions.id, row?.sessionId as string))
  const doomed = await panel(test, { scopes: [...clientScopes], mayStepUp: true })
  await db.update(accounts).set({ realm: doomed.realm }).where(eq(accounts.id, a.id))
  const inPanel = await panelToken(test, doomed, await tie(test, doomed, owner))
  const own = await clientToken(test, doomed)
  await db.update(clients).set({ status: 'disabled' }).where(eq(clients.id, doomed.id))
  return {
    'cut from an ended session': cut.body.access_token,
    'personal, and revoked': tool.secret,
    'personal, and mistyped': `${tool.secret.slice(0, -1)}${tool.secret.endsWith('0') ? '1' : '0'}`,
    'of a disabled panel': inPanel,
    'of a disabled client itself': own,
  }
}

t.test('hostile and dead tokens', async (t) => {
  const world = await makeWorld(await openTestApp(t))
  const { test, people } = world
  const { owner, admin, manager } = people
  const suspended = await person(test, 'Sid Suspended')
  await test.context.db.update(users).set({ status: 'suspended' }).where(eq(users.id, suspended.id))
  const bad = {
    owner: { ...(await hostileTokens(test, owner, manager)), ...(await deadOf(test, owner)), ...(await deadCuts(world, owner)) },
    admin: { ...(await hostileTokens(test, admin, manager)), ...(await deadOf(test, admin)) },
  }
  for (const tokens of Object.values(bad)) Object.assign(tokens, { 'of a suspended user': suspended.token })
  const isAsking = ({ method, access }: DeclaredRoute) =>
    method !== 'HEAD' && method !== 'OPTIONS' && !('open' in access && access.open === true)
  const roleOn = ({ access }: DeclaredRoute) => (!('open' in access) && access.action.startsWith('staff.') ? 'admin' : 'owner')

  const routes = declaredRoutes(test.app).filter(isAsking)
  const attempts = new Map<DeclaredRoute, Attempt>()
  for (const route of routes) {
    const { method, url } = route
    const sample = samples[`${method} ${url}`]
    const target = (await sample?.make(world, roleOn(route))) ?? {}
    const optional = { method, url, request: { body: { token: 'x' } } }
    const made = sample && { method, url: sample.url(world, target), request: sample.request(world, target, roleOn(route)) }
    attempts.set(route, made ?? optional)
  }
  const state = async () => [await countRows(test.context.db), await ledger(test)]
  const before = await state()
  const faultOf = (what: string, { status, headers, body }: Sent): string[] =>
    status === 401 && headers['www-authenticate'] === 'Bearer' && body.code === 'unauthenticated' ? [] : [`${what}: ${status}`]

  await t.test('they are many, and so are the routes', async (t) => {
    t.ok(routes.length > 100, `${routes.length} routes`)
    t.ok(Object.keys(bad.owner).length > 60, `${Object.keys(bad.owner).length} tokens`)
    for (const who of [owner, admin])
      t.equal((await send(test, 'GET', '/v1/me', { token: who.token })).status, 200, 'the good ones are let in')
  })

  for (const route of routes) {
    await t.test(`${route.method} ${route.url}`, async (t) => {
      const { method, url, request } = attempts.get(route) as Attempt
      const faults = []
      for (const [what, token] of Object.entries(bad[roleOn(route)]))
        faults.push(...faultOf(what, await send(test, method, url, { ...request, token })))
      const { headers } = request
      for (const authorization of [`Basic ${owner.token}`, owner.token, 'Bearer', `Bearer ${owner.token} ${owner.token}`]) {
        const sent = await send(test, method, url, { ...request, headers: { ...headers, authorization } })
        faults.push(...faultOf(`as ${authorization.slice(0, 12)}…`, sent))
      }
      t.strictSame(faults, [])
    })
  }

  await t.test('one signed by a key that nobody knows, everywhere', async (t) => {
    const token = await (await forge(test)).sign(goodClaims(test, owner), { kid: uuid() })
    const all = routes.map(async (route) => {
      const { method, url, request } = attempts.get(route) as Attempt
      return faultOf(`${method} ${url}`, await send(test, method, url, { ...request, token }))
    })
    t.strictSame((await Promise.all(all)).flat(), [])
  })

  await t.test('a token in the query or the body is no token', async (t) => {
    const faults = []
    for (const route of routes.filter(({ access }) => !('open' in access))) {
      const { method, url, request } = attempts.get(route) as Attempt
      const asked = `${url}${url.includes('?') ? '&' : '?'}access_token=${owner.token}`
      faults.push(...faultOf(`${method} ${url}`, await send(test, method, asked, request)))
    }
    t.strictSame(faults, [])
  })

  t.strictSame(await state(), before, 'and nothing was written')
})
