/**
 * Every route that mints, widens or lengthens something wants the person himself, who has just signed in. Each is tried with every lesser
 * token there is, made from what the routes declare: a new route is tried as soon as it is there.
 */
import { eq } from 'drizzle-orm'
import t, { type Test } from 'tap'
import { v7 as uuid } from 'uuid'
import { accessTokens, accounts, clients, sessions } from '../src/database/tables.ts'
import { type DeclaredRoute, declaredRoutes } from '../src/http/authentication.ts'
import { ceilingActions } from '../src/http/ceilings.ts'
import { newPersonalToken } from '../src/http/personal-tokens.ts'
import { clientScopes } from '../src/vocabulary.ts'
import { openTestApp, send } from './fixtures/app.ts'
import { type Person, tokenFor } from './fixtures/cast.ts'
import { ledger } from './fixtures/ledger.ts'
import { tokenMailedTo } from './fixtures/mail.ts'
import { givePassword, password } from './fixtures/passwords.ts'
import { countRows } from './fixtures/rows.ts'
import { makeWorld, samples, type World } from './fixtures/world.ts'
import { askToNarrow, clientToken, panel, panelToken, personalToken, post, tie } from './oauth/stage.ts'

t.setTimeout(240_000)

/** What needs no fresh sign-in, because it only takes away or is how one gets a fresh one. */
const harmless = [
  'DELETE /v1/access-tokens/:token',
  'DELETE /v1/sessions/:session', // asks for it itself where it is another session
  'DELETE /v1/sessions/current',
  'POST /v1/sessions/step-up',
  'POST /v1/sessions/step-up/passkey/options',
]
/** Those that even the oldest sign-in may use. */
const forStale = harmless.filter((name) => name !== 'DELETE /v1/sessions/:session')

type Lesser = {
  what: string
  token: string
  /** A person's own sign-in, only not a fresh one. */
  stale?: true
  /** A panel whose word on a sign-in counts: no person, but fresh. */
  believed?: true
}

const staleSeconds = 700

/** The tokens that only a user of the customer's can have, as they are really got. */
async function ofOwner(world: World, owner: Person): Promise<Lesser[]> {
  const { test, a, d1 } = world
  const actions = [...ceilingActions]
  const shop = await panel(test, { scopes: [...clientScopes] })
  const trusted = await panel(test, { scopes: [...clientScopes], mayStepUp: true })
  await test.context.db.update(accounts).set({ realm: shop.realm }).where(eq(accounts.id, a.id))
  const [inPanel, believed] = [
    await panelToken(test, shop, await tie(test, shop, owner)),
    await panelToken(test, trusted, await tie(test, trusted, owner)),
  ]
  const cut = await askToNarrow(test, owner.token, { account: a.id, actions })
  const cutAgain = await askToNarrow(test, cut.body.access_token, { account: a.id, domains: [d1.id], actions })
  const tool = await personalToken(test, owner.token, { account: a.id, actions })
  return [
    { what: 'a panel’s', token: inPanel },
    { what: 'a panel’s whose word counts', token: believed, believed: true },
    { what: 'one exchanged for a tool', token: cut.body.access_token },
    { what: 'one exchanged again', token: cutAgain.body.access_token },
    { what: 'a personal access token', token: tool.secret },
    { what: 'a client’s own', token: await clientToken(test, shop) },
  ]
}

/** The same for staff, who cannot get any of them: as they would be if they could. */
async function ofStaff({ test, a }: World, admin: Person): Promise<Lesser[]> {
  const { context, keys, clock } = test
  const [at, expiresAt] = [new Date(clock.now()), new Date(clock.now() + 86_400_000)]
  const [client, inPanel, toolSession] = [uuid(), uuid(), uuid()]
  const row = { id: client, name: `Panel ${client}`, realm: 'https://panel.example', scopes: [...clientScopes], mayStepUp: true }
  await context.db.insert(clients).values({ ...row, createdAt: at })
  const person = { userId: admin.id, createdAt: at, authenticatedAt: at, expiresAt }
  await context.db.insert(sessions).values([
    { ...person, id: inPanel, kind: 'panel', method: 'panel', level: 'two_factors', clientId: client },
    { ...person, id: toolSession, kind: 'person', method: 'token', level: 'one_factor' },
  ])
  const ceiling = { account: a.id, domains: [], actions: [...ceilingActions, 'self.manage', 'staff.user.manage', 'staff.client.manage'] }
  const { secret, hash } = newPersonalToken()
  const tool = { id: uuid(), userId: admin.id, sessionId: toolSession, name: 'Tool', secretHash: hash, ceiling, createdAt: at, expiresAt }
  await context.db.insert(accessTokens).values(tool)
  const iat = Math.floor(clock.now() / 1000)
  const claims = { sub: admin.id, iat, exp: iat + 3_600, auth_time: iat, amr: ['pwd'] }
  const details = [{ type: 'helpdesk_authority' as const, ...ceiling }] satisfies [object]
  return [
    { what: 'a panel’s', token: await keys.sign({ ...claims, sid: inPanel, client_id: client }) },
    { what: 'one exchanged for a tool', token: await keys.sign({ ...claims, sid: admin.session, authorization_details: details }) },
    { what: 'a personal access token', token: secret },
  ]
}

/** Sign-ins that are too old: by the token, by the session, and renewed since. `renewed` is a refreshed access token. */
async function stale({ test }: World, who: Person, renewed: string): Promise<Lesser[]> {
  const session = uuid()
  const [at, long] = [new Date(test.clock.now()), new Date(test.clock.now() - staleSeconds * 1000)]
  const row = {
    id: session,
    userId: who.id,
    kind: 'person',
    method: 'password',
    level: 'one_factor',
    createdAt: at,
    authenticatedAt: long,
  } as const
  await test.context.db.insert(sessions).values({ ...row, expiresAt: new Date(test.clock.now() + 86_400_000) })
  return [
    { what: 'a token from before', token: await tokenFor(test, who.id, who.session, staleSeconds), stale: true },
    { what: 'a session from before', token: await tokenFor(test, who.id, session), stale: true },
    { what: 'a renewed one', token: renewed, stale: true },
  ]
}

/** Signs in, lets time pass until that is no fresh sign-in any more, and renews the tokens. */
async function renewedFor(world: World, people: readonly Person[]): Promise<string[]> {
  const { test } = world
  await givePassword(test, ...people)
  const begun = []
  for (const { address } of people)
    begun.push((await send(test, 'POST', '/v1/sessions', { body: { address, password } })).body.refreshToken)
  test.clock.advance(staleSeconds * 1000)
  const renewed = []
  for (const token of begun) {
    const { body } = await post(test, '/oauth/token', { grant_type: 'refresh_token', refresh_token: token })
    renewed.push(body.access_token)
  }
  for (const [role, one] of Object.entries(world.people)) {
    await test.context.db
      .update(sessions)
      .set({ authenticatedAt: new Date(test.clock.now()) })
      .where(eq(sessions.id, one.session))
    one.token = await tokenFor(test, one.id, one.session)
    world.tokens[role as keyof World['people']] = one.token
  }
  return renewed
}

t.test('lesser tokens', async (t) => {
  const world = await makeWorld(await openTestApp(t))
  const { test } = world
  const { owner, admin } = world.people
  const [ownersRenewed, adminsRenewed] = (await renewedFor(world, [owner, admin])) as [string, string]
  const lesser = {
    owner: [...(await ofOwner(world, owner)), ...(await stale(world, owner, ownersRenewed))],
    admin: [...(await ofStaff(world, admin)), ...(await stale(world, admin, adminsRenewed))],
  }
  const state = async () => [await countRows(test.context.db, ['journal_events', 'journal_values']), await ledger(test)]

  const refuses = async (t: Test, attempts: { what: string; sent: () => ReturnType<typeof send> }[]) => {
    const before = await state()
    for (const { what, sent } of attempts) {
      const { status, body } = await sent()
      t.ok([401, 403, 404].includes(status), `${what}: ${status} ${body?.code}`)
    }
    t.strictSame(await state(), before, 'and nothing was written')
  }

  const routes = declaredRoutes(test.app).filter(({ method, access }) => {
    const isSecured = method !== 'HEAD' && method !== 'OPTIONS' && !('open' in access)
    return isSecured && (access.action === 'self.manage' || access.stepUp === true)
  })
  const nameOf = ({ method, url }: DeclaredRoute) => `${method} ${url}`

  await t.test('what may be done about oneself needs a fresh sign-in, but for what is harmless', async (t) => {
    const lenient = routes.filter(({ access }) => !('open' in access) && access.stepUp !== true).map(nameOf)
    t.strictSame(lenient.sort(), harmless)
    t.ok(routes.length > 25)
  })

  await t.test('they live: it is not for being dead that they are refused', async (t) => {
    for (const { what, token } of [...lesser.owner, ...lesser.admin]) {
      const { status } = await send(test, 'GET', '/v1/me', { token })
      t.ok(status === 200 || what === 'a client’s own', `${what}: ${status}`)
    }
  })

  for (const route of routes) {
    const name = nameOf(route)
    await t.test(name, async (t) => {
      const sample = samples[name]
      if (sample === undefined || 'open' in route.access) return t.fail('there is no sample of it in fixtures/world.ts')
      const role = route.access.action.startsWith('staff.') ? 'admin' : 'owner'
      const target = await sample.make(world, role)
      const isSelf = route.access.action === 'self.manage'
      const tried = lesser[role].filter((one) => !(one.believed && !isSelf) && !(one.stale && forStale.includes(name)))
      t.ok(tried.length >= 3)
      const request = sample.request(world, target, role)
      const attempts = tried.map(({ what, token }) => ({
        what,
        sent: () => send(test, route.method, sample.url(world, target), { ...request, token }),
      }))
      await refuses(t, attempts)
    })
  }

  await t.test('accepting an invitation', async (t) => {
    const body = { address: owner.address, role: 'technical' }
    const url = `/v1/accounts/${world.account}/contacts`
    t.equal((await send(test, 'POST', url, { token: world.tokens.owner, key: true, body })).status, 201)
    const token = await tokenMailedTo(test, owner.address)
    const attempts = lesser.owner.map((one) => ({
      what: one.what,
      sent: () => send(test, 'POST', '/v1/invitations/accept', { token: one.token, body: { token } }),
    }))
    await refuses(t, attempts)
    const accepted = await send(test, 'POST', '/v1/invitations/accept', { token: world.tokens.owner, body: { token } })
    t.equal(accepted.status, 200, 'as the person himself may, who has just signed in')
  })
})
