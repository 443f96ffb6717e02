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
import { openTestApp, type Request, send } from './fixtures/app.ts'
import { account, contact, domain, grant, type Person, person, tokenFor } from './fixtures/cast.ts'
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
/** Where a handler wants more than its route declares, because only some of what can be asked there gives something. Tried below. */
const asking = [
  'DELETE /v1/accounts/:account/contacts/:contact',
  'POST /v1/accounts/:account/domains/:domain/transfer',
  'POST /v1/accounts/:account/domains/claims/:claim/confirm',
  'POST /v1/accounts/:account/support-codes',
]
/**
 * Every other act: it asks, does what a ticket is for, or only takes away; or it is the provider's ordinary work, which is for his staff
 * in a sign-in of their own and for clients of the account's realm. Whoever adds an act says here that it gives nobody more, or longer.
 */
const ordinary = [
  ...['evaluation', 'evaluations', 'search/subject', 'search/resource', 'search/action'].map((asked) => `POST /access/v1/${asked}`),
  'POST /v1/decisions/explain',
  'POST /v1/tickets',
  'POST /v1/tickets/:ticket/messages',
  'POST /v1/tickets/:ticket/close',
  'POST /v1/tickets/:ticket/reopen',
  'POST /v1/submissions',
  'POST /v1/accounts/:account/submissions/:submission/decline',
  'POST /v1/accounts/:account/submissions/:submission/mute',
  'POST /v1/grant-requests', // a contact decides, in a fresh sign-in
  'POST /v1/grant-requests/:request/cancel',
  'POST /v1/accounts/:account/request-code', // lets others ask, and no more
  'DELETE /v1/accounts/:account/request-code',
  'POST /v1/accounts/:account/grants/:grant/confirm', // only notes that somebody looked
  ...['decline', 'cancel', 'narrow', 'revoke', 'suspend'].map((act) => `POST /v1/accounts/:account/grants/:grant/${act}`),
  'POST /v1/accounts/:account/grantees/:user/revoke',
  'POST /v1/users/:user/grants/revoke',
  'PATCH /v1/accounts/:account',
  'POST /v1/accounts/:account/domains/claims', // what the name's DNS says decides
  'POST /v1/accounts/:account/domains/claims/:claim/check',
  'POST /v1/accounts/:account/domains/claims/:claim/refuse',
  'DELETE /v1/accounts/:account/domains/claims/:claim',
  'DELETE /v1/accounts/:account/domains/:domain',
  'POST /v1/accounts',
  ...['restrict', 'close', 'reopen'].map((act) => `POST /v1/accounts/:account/${act}`),
  'POST /v1/accounts/:account/domains',
  'POST /v1/support-codes/verify',
  'PUT /v1/provisioning/accounts/:external',
  ...['PUT', 'DELETE'].flatMap((method) => [
    `${method} /v1/provisioning/accounts/:external/contacts/:externalContact`,
    `${method} /v1/provisioning/accounts/:external/domains/:externalDomain`,
  ]),
  'POST /v1/provisioning/sync',
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

  await t.test('no other act gives anybody more, or longer', async (t) => {
    const acts = declaredRoutes(test.app).filter(
      ({ method, access }) => !['GET', 'HEAD', 'OPTIONS'].includes(method) && !('open' in access),
    )
    const others = acts.filter((route) => !routes.includes(route)).map(nameOf)
    t.strictSame(others.sort(), [...asking, ...ordinary].sort())
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

  const tryAll = async (t: Test, role: 'owner' | 'admin', method: string, url: string, request: Request, but: (one: Lesser) => unknown) => {
    const tried = lesser[role].filter((one) => !but(one))
    t.ok(tried.length >= 3)
    const attempts = tried.map(({ what, token }) => ({ what, sent: () => send(test, method, url, { ...request, token }) }))
    await refuses(t, attempts)
  }

  await t.test('keeping grants by adopting them while who gave them is removed', async (t) => {
    const { a, d1 } = world
    const giver = await contact(test, a, await person(test, 'Gina Giver'), 'manager')
    const given = await grant(test, a, giver, await person(test, 'Dan Developer'), [d1])
    const url = `/v1/accounts/${a.id}/contacts/${giver}?adopt=${given}`
    await tryAll(t, 'owner', 'DELETE', url, {}, ({ believed }) => believed)
    t.equal((await send(test, 'DELETE', url, { token: world.tokens.owner })).status, 204)
  })

  await t.test('giving a name to another account', async (t) => {
    const { a, tokens } = world
    const other = await account(test, 'Other Ltd')
    await contact(test, other, world.people.manager, 'owner')
    const on = await domain(test, a, 'sold.example')
    const sold = { ifMatch: 1, body: { to: other.number, reason: 'Papers were shown' } }
    const transfer = `/v1/accounts/${a.id}/domains/${on.id}/transfer`
    await tryAll(t, 'admin', 'POST', transfer, sold, () => false)
    t.equal((await send(test, 'POST', transfer, { ...sold, token: tokens.admin })).status, 201)
    const claims = `/v1/accounts/${a.id}/domains/claims`
    const { id } = (await send(test, 'POST', claims, { token: tokens.owner, body: { name: on.name } })).body
    const confirmed = { ifMatch: 1, body: { reason: 'Papers were shown' } }
    await tryAll(t, 'admin', 'POST', `${claims}/${id}/confirm`, confirmed, () => false)
    t.equal((await send(test, 'POST', `${claims}/${id}/confirm`, { ...confirmed, token: tokens.admin })).status, 200)
  })

  await t.test('a support code, by which one is served as the person himself', async (t) => {
    const url = `/v1/accounts/${world.a.id}/support-codes`
    const isTool = ({ what }: Lesser) => /exchanged|personal|client/.test(what)
    await tryAll(t, 'owner', 'POST', url, { body: {} }, (one) => !isTool(one))
    for (const one of lesser.owner.filter((one) => !isTool(one)))
      t.equal((await send(test, 'POST', url, { token: one.token, body: {} })).status, 201, `${one.what}: the person himself`)
    const { grantee } = world.people
    const actions = ['ticket.create']
    const named = { account: world.a.id, domains: [world.d1.id], actions, grant: world.grant }
    const tools = [
      (await askToNarrow(test, grantee.token, named)).body.access_token,
      (await personalToken(test, grantee.token, named)).secret,
    ]
    const ask = (token: string) => send(test, 'POST', url, { token, body: { domain: world.domain } })
    const before = await state()
    for (const token of tools) t.match(await ask(token), { status: 403, body: { code: 'not_authorised', reason: 'token_ceiling' } })
    t.strictSame((await state())[1], before[1], 'and nothing was written')
    t.equal((await ask(grantee.token)).status, 201)
  })

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
