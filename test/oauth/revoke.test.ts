/** Ending tokens (RFC 7009), asking about them (RFC 7662), and what is told about the endpoints (RFC 8414). */
import { eq } from 'drizzle-orm'
import t from 'tap'
import { accessTokens, clients, sessions, users } from '../../src/database/tables.ts'
import { issuer, openTestApp, send } from '../fixtures/app.ts'
import { account, contact, domain, person, staff, tokenFor } from '../fixtures/cast.ts'
import { eventsOf } from '../fixtures/ledger.ts'
import { countRows } from '../fixtures/rows.ts'
import { askToNarrow, claimsIn, clientToken, panel, panelToken, personalToken, post, proof, tie } from './stage.ts'

const provider = '00000000-0000-0000-0000-000000000000'

t.test('tokens end, and are asked about', async (t) => {
  const test = await openTestApp(t)
  const { db } = test.context
  const a = await account(test, 'Alpha Ltd')
  const d = await domain(test, a, 'alpha.example')
  const shop = await panel(test)
  const rival = await panel(test)
  const credentials = ({ id, secret }: typeof shop) => ({ client_id: id, client_secret: secret })
  const customer = async (name: string) => {
    const made = await person(test, name)
    await contact(test, a, made, 'owner')
    return made
  }
  const works = async (token: string) => (await send(test, 'GET', '/v1/me', { token })).status !== 401
  const revoke = (token: string, rest: Record<string, string> = {}, headers = {}) =>
    post(test, '/oauth/revoke', { token, ...rest }, headers)
  const narrowed = async (token: string, rest: Record<string, string> = {}) =>
    (await askToNarrow(test, token, { account: a.id, domains: [d.id], actions: ['self.read', 'ticket.read'] }, rest)).body
      .access_token as string
  const ended = async (token: string) =>
    (await eventsOf(test, provider)).filter(({ kind, resourceId }) => kind === 'session.ended' && resourceId === claimsIn(token)['sid'])

  await t.test('who holds a token may end it; a repetition is as good', async (t) => {
    const mia = await customer('Mia')
    const tool = await narrowed(mia.token)
    t.match(await revoke(tool), { status: 200, text: '', headers: { 'cache-control': 'no-store' } })
    t.equal(await works(tool), false)
    t.equal(await works(mia.token), true, 'the one it was cut from lives on')
    t.equal((await revoke(tool, { token_type_hint: 'refresh_token' })).status, 200)
    t.match(await ended(tool), [{ actor: mia.id, capacity: 'self' }])
    t.equal((await ended(tool)).length, 1, 'with one event')
    const again = await narrowed(mia.token)
    t.equal((await revoke(mia.token)).status, 200)
    t.strictSame([await works(mia.token), await works(again)], [false, false], 'and with it what was cut from it')
  })

  await t.test('a personal access token ends likewise', async (t) => {
    const pia = await customer('Pia')
    const { id, secret } = await personalToken(test, pia.token, { account: a.id, actions: ['self.read'] })
    t.equal(await works(secret), true)
    t.equal((await revoke(secret)).status, 200)
    t.equal(await works(secret), false)
    t.equal((await revoke(secret)).status, 200)
    const [row] = await db.select().from(accessTokens).where(eq(accessTokens.id, id))
    t.ok(row?.revokedAt)
    t.equal(await works(pia.token), true)
  })

  await t.test('a client ends its own, and no other', async (t) => {
    const uma = await customer('Uma')
    const subject = await tie(test, shop, uma)
    const [full, own] = [await panelToken(test, shop, subject), await clientToken(test, shop)]
    const tool = await narrowed(full, await proof(test, shop))
    for (const token of [full, own, tool, uma.token]) t.equal((await revoke(token, credentials(rival))).status, 200, 'it learns nothing')
    t.equal((await revoke(uma.token, credentials(shop))).status, 200)
    for (const token of [full, own, tool, uma.token]) t.equal(await works(token), true, 'and it has no effect')
    t.equal((await revoke(full, { ...credentials(shop), client_secret: 'wrong' })).status, 401)
    t.equal((await revoke(tool, credentials(shop))).status, 200)
    t.strictSame([await works(tool), await works(full)], [false, true])
    await revoke(full, await proof(test, shop))
    await revoke(own, credentials(shop))
    t.strictSame([await works(full), await works(own), await works(uma.token)], [false, false, true])
    t.match(await ended(own), [{ actor: null, capacity: 'client', via: shop.id }])
  })

  await t.test('what is no token that could end is answered alike, and nothing happens', async (t) => {
    const before = await countRows(db)
    const old = await customer('Old')
    const tokens = ['nonsense', 'mdt_pat_nonsense', `mdt_pat_${'0'.repeat(72)}`, await tokenFor(test, old.id, old.session, 13 * 3_600)]
    const rows = await countRows(db)
    for (const token of tokens) t.match(await revoke(token), { status: 200, text: '' })
    t.strictSame(await countRows(db), rows)
    t.not(rows['users'], before['users'])
  })

  await t.test('a client is told about its own tokens and those of its users, staff about every one', async (t) => {
    const ina = await customer('Ina')
    const subject = await tie(test, shop, ina)
    const stranger = await customer('Stan Stranger')
    const agent = await staff(test, 'Sue Support', 'support')
    const ask = async (token: string, rest: Record<string, string>, headers = {}) =>
      (await post(test, '/oauth/introspect', { token, ...rest }, headers)).body
    const asStaff = { authorization: `Bearer ${agent.token}` }
    const full = await panelToken(test, shop, subject)
    const tool = await narrowed(full, await proof(test, shop))
    const own = await clientToken(test, shop)
    const pat = await personalToken(test, ina.token, { account: a.id })
    const told = await ask(full, credentials(shop))
    const { sid: _sid, scope: _scope, amr: _amr, ...claims } = claimsIn(full)
    t.strictSame(told, { active: true, token_type: 'Bearer', ...claims })
    t.match(await ask(tool, credentials(shop)), {
      active: true,
      act: { sub: shop.id },
      authorization_details: [{ type: 'helpdesk_authority', account: a.id, domains: [d.id], actions: ['self.read', 'ticket.read'] }],
    })
    t.match(await ask(own, credentials(shop)), { active: true, sub: shop.id, client_id: shop.id })
    t.match(await ask(ina.token, credentials(shop)), { active: true, sub: ina.id, client_id: 'mandate' }, 'a user of its realm')
    const personal = await ask(pat.secret, credentials(shop))
    t.match(personal, { active: true, sub: ina.id, jti: pat.id, iss: issuer, aud: issuer, client_id: 'mandate', auth_time: 0 })
    t.equal(personal.exp - personal.iat, 30 * 86_400)
    t.match(personal.authorization_details, [{ type: 'helpdesk_authority', account: a.id }])

    const inactive = { active: false }
    for (const token of [full, tool, own, ina.token, pat.secret]) {
      t.strictSame(await ask(token, credentials(rival)), inactive, 'another realm learns nothing')
      t.equal((await ask(token, {}, asStaff)).active, true, 'staff do')
    }
    t.strictSame(await ask(stranger.token, credentials(shop)), inactive)
    t.strictSame(await ask('nonsense', credentials(shop)), inactive)
    t.strictSame(await ask(`mdt_pat_${'0'.repeat(72)}`, {}, asStaff), inactive)
    t.strictSame(await ask(await tokenFor(test, ina.id, ina.session, 13 * 3_600), {}, asStaff), inactive)

    const nobody = [
      {},
      { authorization: `Bearer ${ina.token}` },
      { authorization: 'Bearer nonsense' },
      { authorization: `Bearer ${pat.secret}` },
    ]
    for (const headers of nobody) t.equal((await post(test, '/oauth/introspect', { token: full }, headers)).status, 401)
    t.equal((await post(test, '/oauth/introspect', { token: full, ...credentials(shop), client_secret: 'x' })).status, 401)

    await t.test('as it is at this moment', async (t) => {
      await db.update(users).set({ status: 'suspended' }).where(eq(users.id, ina.id))
      for (const token of [full, tool, ina.token, pat.secret]) t.strictSame(await ask(token, {}, asStaff), inactive, 'suspended')
      t.equal((await ask(own, {}, asStaff)).active, true)
      await db.update(users).set({ status: 'active' }).where(eq(users.id, ina.id))
      await db
        .update(sessions)
        .set({ endedAt: new Date() })
        .where(eq(sessions.id, String(claimsIn(full)['sid'])))
      t.strictSame([await ask(full, {}, asStaff), await ask(tool, {}, asStaff)], [inactive, inactive], 'signed out')
      await db.update(clients).set({ status: 'disabled' }).where(eq(clients.id, shop.id))
      t.strictSame(await ask(own, {}, asStaff), inactive, 'disabled')
    })
  })

  await t.test('the endpoints are told by configuration, whatever host was asked', async (t) => {
    const told = await send(test, 'GET', '/.well-known/oauth-authorization-server', {
      headers: { host: 'evil.example', 'x-forwarded-host': 'evil.example' },
    })
    t.match(told, {
      status: 200,
      body: {
        issuer,
        token_endpoint: `${issuer}/oauth/token`,
        revocation_endpoint: `${issuer}/oauth/revoke`,
        introspection_endpoint: `${issuer}/oauth/introspect`,
        jwks_uri: `${issuer}/.well-known/jwks.json`,
        response_types_supported: [],
        authorization_details_types_supported: ['helpdesk_authority'],
      },
    })
    t.notMatch(told.text, 'evil.example')
    t.match(told.headers['content-type'], /^application\/json/)
    // RFC 8414, section 2: whoever proves himself by signing is told how, and `none` is no signature.
    for (const endpoint of ['token', 'revocation', 'introspection']) {
      t.ok(told.body[`${endpoint}_endpoint_auth_methods_supported`].includes('private_key_jwt'), endpoint)
      t.strictSame(told.body[`${endpoint}_endpoint_auth_signing_alg_values_supported`], ['EdDSA', 'ES256', 'RS256'], endpoint)
    }
    t.notOk(told.body.introspection_endpoint_auth_methods_supported.includes('none'), 'RFC 7662, section 2.1: nobody asks unproven')
    for (const link of ['jwks_uri', 'service_documentation']) {
      const { status } = await send(test, 'GET', told.body[link].slice(issuer.length))
      t.ok(status === 200 || status === 302, `${link}: ${status}`)
    }
    t.strictSame(told.body.token_endpoint_auth_methods_supported, ['private_key_jwt', 'client_secret_basic', 'client_secret_post', 'none'])
    for (const type of told.body.grant_types_supported) {
      const known = await post(test, '/oauth/token', { grant_type: type })
      t.not(known.body.error, 'unsupported_grant_type', type)
    }
  })
})
