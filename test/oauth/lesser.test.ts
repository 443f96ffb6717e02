/**
 * Every lesser token, a panel's for its user, a narrowed one, a personal access token, a client's own, at every route by which somebody
 * could make himself more, or make it last longer: made from what the routes declare. And none of their secrets is told to anybody.
 */
import { Writable } from 'node:stream'
import { sql } from 'drizzle-orm'
import { exportJWK } from 'jose'
import pino from 'pino'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { createApp } from '../../src/app.ts'
import { declaredRoutes } from '../../src/http/authentication.ts'
import { ceilingActions } from '../../src/http/ceilings.ts'
import { actions, clientScopes } from '../../src/vocabulary.ts'
import { openTestApp, type Request, type Sent, send } from '../fixtures/app.ts'
import { staff } from '../fixtures/cast.ts'
import { tokenMailedTo } from '../fixtures/mail.ts'
import { countRows } from '../fixtures/rows.ts'
import { makeWorld, type Sample, samples, type World } from '../fixtures/world.ts'
import {
  accessTokenType,
  askForUser,
  askToNarrow,
  clientAssertion,
  clientToken,
  jwtBearer,
  keyPair,
  panel,
  personalToken,
  post,
  proof,
  tie,
  tokenExchange,
  userAssertion,
} from './stage.ts'

const at = (url: (world: World) => string, body?: unknown): Sample => ({
  make: async () => ({}),
  url: (world) => url(world as World),
  request: () => (body === undefined ? {} : { body }),
})
const passkey = { id: 'AAAA', rawId: 'AAAA', type: 'public-key', response: { clientDataJSON: 'AAAA', attestationObject: 'AAAA' } }

/** Requests that would end what the other tests use, or that the samples leave without a form. */
const others: Record<string, Sample> = {
  'DELETE /v1/sessions/current': at(() => '/v1/sessions/current'),
  'DELETE /v1/sessions/:session': at(({ people }) => `/v1/sessions/${people.owner.session}`),
  'POST /v1/me/second-factors/passkeys': at(() => '/v1/me/second-factors/passkeys', { challengeId: uuid(), credential: passkey }),
}

t.test('lesser tokens', async (t) => {
  const world = await makeWorld(await openTestApp(t))
  const { test, a, people } = world
  const { db } = test.context
  const { owner } = people
  const shop = await panel(test, { mayStepUp: true, scopes: [...clientScopes] })
  const now = Math.floor(test.clock.now() / 1000)
  const everything = { account: a.id, domains: [], actions: [...ceilingActions] }
  const full = (await askForUser(test, shop, await tie(test, shop, owner), { claims: { auth_time: now } })).body.access_token as string
  const lesser: Record<string, string> = {
    'a panel’s': full,
    'a panel’s, narrowed': (await askToNarrow(test, full, everything, await proof(test, shop))).body.access_token,
    'a narrowed one': (await askToNarrow(test, owner.token, everything)).body.access_token,
    'a personal access token': (await personalToken(test, owner.token, everything)).secret,
    'a client’s own': await clientToken(test, shop),
  }

  await t.test('none is good for anything that is about oneself', async (t) => {
    const routes = declaredRoutes(test.app).filter(({ access }) => !('open' in access) && access.action === 'self.manage')
    t.ok(routes.length >= 5, `${routes.length} routes`)
    for (const { method, url } of routes) {
      // What has no sample there, and a sample of a form that is no question of authority.
      const sample = others[`${method} ${url}`] ?? samples[`${method} ${url}`]
      if (sample === undefined) continue
      const target = await sample.make(world, 'owner')
      const path = sample.url(world, target)
      const request = sample.request(world, target, 'owner')
      const before = await countRows(db)
      for (const [what, token] of Object.entries(lesser)) {
        const sent = await send(test, method, path, { ...request, token })
        t.match(sent, { status: 403, body: { code: 'not_authorised' } }, `${method} ${url}: ${what}`)
      }
      t.strictSame(await countRows(db), before, 'and nothing was written')
    }
    t.equal((await send(test, 'GET', '/v1/me', { token: owner.token })).status, 200, 'nor does any end her session')
  })

  await t.test('none accepts an invitation', async (t) => {
    const { manager } = people
    const subject = await tie(test, shop, manager)
    const panels = (await askForUser(test, shop, subject, { claims: { auth_time: now } })).body.access_token
    const narrowed = (await askToNarrow(test, manager.token, everything)).body.access_token
    const personal = (await personalToken(test, manager.token, everything)).secret
    const body = { grantee: { address: manager.address }, domains: [world.domain], actions: ['ticket.read'] }
    const offered = await send(test, 'POST', `/v1/accounts/${a.number}/grants`, { token: owner.token, key: true, body })
    t.equal(offered.status, 201)
    const secret = await tokenMailedTo(test, manager.address)
    for (const token of [panels, narrowed, personal, lesser['a client’s own']]) {
      const sent = await send(test, 'POST', '/v1/invitations/accept', { token, body: { token: secret } })
      t.match(sent, { status: 403, body: { code: 'not_authorised' } })
    }
    t.equal((await send(test, 'POST', '/v1/invitations/accept', { token: manager.token, body: { token: secret } })).status, 200, 'he does')
  })

  await t.test('none is good for what staff do, not even one that should not exist', async (t) => {
    const admin = await staff(test, 'Ada Admin', 'admin')
    const base = { sub: admin.id, sid: admin.session, iat: now, exp: now + 600, auth_time: now, amr: ['pwd'] }
    const ceiling = { type: 'helpdesk_authority', account: a.id, domains: [], actions: [...actions] } as const
    const forged = await test.keys.sign({ ...base, authorization_details: [ceiling] })
    const routes = declaredRoutes(test.app).filter(
      ({ access }) => !('open' in access) && access.action.startsWith('staff.') && access.on === 'nothing',
    )
    t.ok(routes.length >= 5, `${routes.length} routes`)
    for (const { method, url } of routes) {
      const sample = samples[`${method} ${url}`]
      if (sample === undefined) continue
      const target = await sample.make(world, 'admin')
      for (const token of [forged, ...Object.values(lesser).filter((one) => one !== lesser['a client’s own'])]) {
        const sent = await send(test, method, sample.url(world, target), { ...sample.request(world, target, 'admin'), token })
        t.match(sent, { status: 403, body: { code: 'not_authorised' } }, `${method} ${url}`)
      }
    }
  })

  await t.test('none is cut to more, or to last longer', async (t) => {
    for (const [what, token] of Object.entries(lesser)) {
      const known = what.startsWith('a panel') || what.startsWith('a client') ? await proof(test, shop) : {}
      const before = await countRows(db, ['used_assertions'])
      const other = await askToNarrow(test, token, { account: world.invented.account, actions: ['ticket.read'] }, known)
      t.equal(other.status, 400, `${what}: another account`)
      t.strictSame(await countRows(db, ['used_assertions']), before, 'and nothing was written')
    }
  })
})

t.test('no secret of clients, panels or tools is told to anybody', async (t) => {
  const lines: string[] = []
  const test = await openTestApp(t)
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk))
      done()
    },
  })
  const secretKey = Buffer.from(String(test.config.secretKey), 'base64')
  const logger = pino({ level: 'trace' }, stream)
  const parts = { context: test.context, keys: test.keys, ready: () => test.opened.ready(), secret: secretKey, logger }
  const app = await createApp(parts)
  t.teardown(() => app.close())
  const logged = { ...test, app }
  const world = await makeWorld(test)
  const { admin, owner } = world.people
  const canaries: string[] = []
  const answers: Sent[] = []
  /** Remembers what was sent in confidence, and what came back. */
  const confide = async (request: () => Promise<Sent>, ...secrets: string[]): Promise<Sent> => {
    canaries.push(...secrets)
    const sent = await request()
    answers.push(sent)
    return sent
  }
  const ask = (method: string, url: string, request: Request) => send(logged, method, url, request)

  const pair = await keyPair()
  const wanted = { name: 'Canary', realm: 'https://canary.example', scopes: ['ticket.read', 'self.read'], keys: [pair.jwk], secret: true }
  const made = (await ask('POST', '/v1/clients', { token: admin.token, key: 'canary-client', body: wanted })).body
  const shop = { id: made.client.id, realm: 'https://canary.example', pair, secret: made.secret }
  const rotated = (await ask('POST', `/v1/clients/${shop.id}/secret`, { token: admin.token })).body.secret
  canaries.push(made.secret, rotated)
  await confide(() => ask('POST', '/v1/clients', { token: admin.token, key: 'canary-client', body: wanted }), made.secret)

  const subject = await tie(test, shop, owner)
  const assertion = await userAssertion(test, shop, subject)
  const proven = await clientAssertion(test, shop)
  const type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
  const plea = { grant_type: jwtBearer, assertion, client_assertion_type: type, client_assertion: proven }
  const issued = await post(logged, '/oauth/token', plea)
  canaries.push(assertion, proven, issued.body.access_token)
  await confide(() => post(logged, '/oauth/token', plea))
  const wrong = `cs_${uuid()}canary`
  await confide(() => post(logged, '/oauth/token', { grant_type: 'client_credentials', client_id: shop.id, client_secret: wrong }), wrong)
  const broken = `broken${uuid()}canary`
  await confide(() => post(logged, '/oauth/token', `grant_type=${jwtBearer}&assertion=${broken}&assertion=${broken}`), broken)
  await confide(() =>
    post(logged, '/oauth/token', { grant_type: tokenExchange, subject_token: broken, subject_token_type: accessTokenType }),
  )
  const refusedDetails = JSON.stringify([{ type: 'helpdesk_authority', [broken]: broken }])
  const exchange = { grant_type: tokenExchange, subject_token: owner.token, subject_token_type: accessTokenType }
  await confide(() => post(logged, '/oauth/token', { ...exchange, authorization_details: refusedDetails }))
  await confide(() => post(logged, '/oauth/introspect', { token: issued.body.access_token, client_id: shop.id, client_secret: rotated }))
  await confide(() => post(logged, '/oauth/revoke', { token: broken, token_type_hint: broken }))

  const expiresAt = new Date(test.clock.now() + 86_400_000).toISOString()
  const body = { name: 'Tool', account: world.account, domains: [], actions: ['self.read', 'ticket.read'], expiresAt }
  const pat = (await ask('POST', '/v1/access-tokens', { token: owner.token, key: 'canary-token', body })).body
  canaries.push(pat.secret)
  await confide(() => ask('POST', '/v1/access-tokens', { token: owner.token, key: 'canary-token', body }))
  await confide(() => ask('GET', '/v1/access-tokens', { token: pat.secret }))
  await confide(() => ask('GET', '/v1/accounts', { token: `${pat.secret.slice(0, -1)}x` }))
  const privateKey = await exportJWK((await keyPair()).privateKey)
  await confide(() => ask('POST', '/v1/clients', { token: admin.token, body: { ...wanted, keys: [privateKey] } }), String(privateKey.d))

  t.ok(lines.length > 10, 'the log was listened to')
  const log = lines.join('')
  const spoken = answers.map(({ text, headers }) => text + JSON.stringify(headers)).join('')
  const { db } = test.context
  const { rows } = await db.execute<{ name: string }>(sql`
    select table_name as name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'`)
  const kept = await Promise.all(
    rows.map(async ({ name }) => JSON.stringify((await db.execute(sql`select to_jsonb(t) as row from ${sql.identifier(name)} t`)).rows)),
  )
  const jobs = JSON.stringify((await db.execute(sql`select data from pgboss.job`)).rows)
  for (const canary of new Set(canaries)) {
    t.notOk(log.includes(canary), 'not in the log')
    t.notOk(spoken.includes(canary), 'not in an answer')
    t.notOk(kept.join('').includes(canary), 'not in the database')
    t.notOk(jobs.includes(canary), 'not in a job')
  }
})
