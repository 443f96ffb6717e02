import { eq } from 'drizzle-orm'
import { exportJWK } from 'jose'
import t, { type Test } from 'tap'
import { v7 as uuid } from 'uuid'
import { clients } from '../../src/database/tables.ts'
import { openTestApp, type Request, send } from '../fixtures/app.ts'
import { person, staff, tokenFor } from '../fixtures/cast.ts'
import { eventsOf } from '../fixtures/ledger.ts'
import { countRows } from '../fixtures/rows.ts'
import { keyPair, post } from '../oauth/stage.ts'

const provider = '00000000-0000-0000-0000-000000000000'
let count = 0

t.test('clients', async (t) => {
  const test = await openTestApp(t)
  const { db } = test.context
  const admin = await staff(test, 'Ada Admin', 'admin')
  const pair = await keyPair()
  const wanted = (rest: object = {}) => ({
    name: `Panel ${count++}`,
    realm: 'https://panel.example',
    scopes: ['ticket.create', 'ticket.read'],
    keys: [pair.jwk],
    ...rest,
  })
  const register = (body: unknown, rest: Request = {}) => send(test, 'POST', '/v1/clients', { token: admin.token, body, ...rest })
  const at = (method: string, id: string, rest: Request & { path?: string } = {}) =>
    send(test, method, `/v1/clients/${id}${rest.path ?? ''}`, { token: admin.token, ...rest })
  const asksForToken = (id: string, secret: string) =>
    post(test, '/oauth/token', { grant_type: 'client_credentials', client_id: id, client_secret: secret })
  const isRefused = async (t: Test, body: unknown, pointer: string, code: string) => {
    const before = await countRows(db)
    const sent = await register(body)
    t.match(sent, { status: 422, body: { errors: [{ pointer, code }] } })
    t.strictSame(await countRows(db), before, 'and nothing was written')
    return sent
  }

  await t.test('one is registered with its public keys, each with a name and an algorithm', async (t) => {
    const unnamed = await exportJWK((await keyPair('ES256')).privateKey).then(({ kty, crv, x, y }) => ({ kty, crv, x, y }))
    const rsa = (await keyPair('RS256')).jwk
    const sent = await register(wanted({ keys: [{ ...pair.jwk, alg: 'EdDSA', use: 'sig' }, unnamed, rsa] }))
    t.match(sent, {
      status: 201,
      headers: { etag: '"v1"', location: `/v1/clients/${sent.body.client.id}` },
      body: { secret: null, client: { status: 'active', mayStepUp: false, hasSecret: false, formerSecretEndsAt: null, version: 1 } },
    })
    t.match(sent.body.client.keys, [
      { kid: pair.kid, alg: 'EdDSA', use: 'sig' },
      { kid: /^[\w-]{43}$/, alg: 'ES256', use: 'sig' },
      { kid: rsa.kid, alg: 'RS256', use: 'sig' },
    ])
    t.notOk(sent.body.note)
    t.strictSame((await at('GET', sent.body.client.id)).body, sent.body.client)
    t.equal((await at('GET', sent.body.client.id, { headers: { 'if-none-match': '"v1"' } })).status, 304)
    const events = (await eventsOf(test, provider)).filter(({ resourceId }) => resourceId === sent.body.client.id)
    t.match(events, [
      { kind: 'client.created', audience: 'staff', actor: admin.id, capacity: 'staff', value: { realm: 'https://panel.example' } },
    ])
  })

  await t.test('a secret is shown once: a repeated request says how to get another', async (t) => {
    const body = wanted({ keys: undefined, secret: true })
    const first = await register(body, { key: 'register-once' })
    t.match(first, { status: 201, body: { client: { hasSecret: true }, secret: /^cs_[\w-]{43}$/ } })
    const again = await register(body, { key: 'register-once' })
    t.match(again, { status: 201, headers: { 'idempotency-replayed': 'true' }, body: { secret: null, note: /shown once.*\/secret/ } })
    t.strictSame(again.body.client, first.body.client)
    t.equal((await asksForToken(first.body.client.id, first.body.secret)).status, 200)
    const [row] = await db.select().from(clients).where(eq(clients.id, first.body.client.id))
    t.notMatch(JSON.stringify(row), first.body.secret, 'only its hash is kept')
  })

  await t.test('a private key is refused by name, and not repeated', async (t) => {
    const jwk = { ...(await exportJWK(pair.privateKey)), kid: 'mine' }
    const sent = await isRefused(t, wanted({ keys: [jwk] }), '#/keys/0/d', 'private_key')
    t.notMatch(sent.text, String(jwk.d))
    const rsa = await exportJWK((await keyPair('RS256')).privateKey)
    const codes = (await register(wanted({ keys: [pair.jwk, rsa] }))).body.errors.map(({ pointer }: { pointer: string }) => pointer)
    t.strictSame(
      codes.sort(),
      ['d', 'dp', 'dq', 'p', 'q', 'qi'].map((member) => `#/keys/1/${member}`),
    )
    await isRefused(t, wanted({ keys: [{ kty: 'oct', k: 'c2VjcmV0' }] }), '#/keys/0/k', 'private_key')
  })

  await t.test('what is no key, too weak, or for another use is refused', async (t) => {
    const weak = (await keyPair('RS256', 2048)).jwk
    const short = { kty: 'RSA', n: Buffer.concat([Buffer.from([0x80]), Buffer.alloc(127, 7)]).toString('base64url'), e: 'AQAB' }
    for (const [key, code] of [
      [{ ...pair.jwk, x: 'AAAA' }, 'weak_key'],
      [short, 'weak_key'],
      [{ ...weak, e: 'Aw' }, 'weak_key'],
      [{ kty: 'EC', crv: 'P-384', x: 'AA', y: 'AA' }, 'unsupported_key'],
      [{ kty: 'oct' }, 'unsupported_key'],
      [{ kty: '__proto__' }, 'unsupported_key'],
      [{ ...pair.jwk, x5u: 'https://elsewhere.example' }, 'unknown'],
    ] as const) {
      await isRefused(t, wanted({ keys: [key] }), '#/keys/0', code)
    }
    await isRefused(t, wanted({ keys: [{ ...pair.jwk, alg: 'RS256' }] }), '#/keys/0/alg', 'enum')
    await isRefused(t, wanted({ keys: [{ ...pair.jwk, use: 'enc' }] }), '#/keys/0/use', 'enum')
    await isRefused(t, wanted({ keys: [pair.jwk, { ...(await keyPair()).jwk, kid: pair.kid }] }), '#/keys/1/kid', 'duplicate')
  })

  await t.test('what makes no client is refused', async (t) => {
    await isRefused(t, wanted({ keys: [] }), '#/keys', 'required')
    await isRefused(t, wanted({ realm: uuid() }), '#/realm', 'format')
    await isRefused(t, wanted({ realm: 'with blanks' }), '#/realm', 'pattern')
    await isRefused(t, wanted({ scopes: [] }), '#/scopes', 'min_items')
    for (const scope of ['self.manage', 'staff.client.manage', 'staff.user.manage', 'everything']) {
      await isRefused(t, wanted({ scopes: [scope] }), '#/scopes/0', 'enum')
    }
    await isRefused(t, wanted({ jwksUri: 'https://panel.example/jwks' }), '#/jwksUri', 'unknown')
    const taken = await register(wanted({ name: 'Panel 0' }))
    t.match(taken, { status: 409, body: { code: 'conflict', errors: [{ pointer: '#/name', code: 'taken' }] } })
  })

  await t.test('terms change on the version that was seen, and only what differs', async (t) => {
    const { client } = (await register(wanted())).body
    t.match(await at('PATCH', client.id, { body: { name: 'x' } }), { status: 428 })
    t.match(await at('PATCH', client.id, { body: {}, ifMatch: 1 }), { status: 422 })
    t.match(await at('PATCH', client.id, { body: { realm: 'https://other.example' }, ifMatch: 1 }), { status: 422 })
    const keys = [(await keyPair()).jwk]
    const changed = await at('PATCH', client.id, { body: { name: 'Renamed', scopes: ['ticket.read'], mayStepUp: true, keys }, ifMatch: 1 })
    t.match(changed, {
      status: 200,
      headers: { etag: '"v2"' },
      body: { name: 'Renamed', scopes: ['ticket.read'], mayStepUp: true, keys: [{ kid: keys[0]?.kid }], version: 2 },
    })
    t.match(await at('PATCH', client.id, { body: { name: 'Late' }, ifMatch: 1 }), { status: 412, body: { currentEtag: '"v2"' } })
    const row = async () => (await db.select().from(clients).where(eq(clients.id, client.id)))[0]
    const before = await row()
    t.match(
      await at('PATCH', client.id, { body: { name: 'Renamed' }, ifMatch: 2 }),
      { status: 200, body: { version: 2 } },
      'the same again',
    )
    t.strictSame(await row(), before, 'and nobody at work through it starts over')
    t.match(await at('PATCH', client.id, { body: { name: 'Any' }, headers: { 'if-match': '*' } }), { status: 200, body: { version: 3 } })
    t.match(await at('PATCH', client.id, { body: { name: 'Panel 0' }, ifMatch: 3 }), {
      status: 409,
      body: { errors: [{ pointer: '#/name' }] },
    })
    t.match(await at('PATCH', client.id, { body: { keys: [] }, ifMatch: 3 }), { status: 422, body: { errors: [{ pointer: '#/keys' }] } })
    t.equal((await at('GET', client.id)).body.name, 'Any')
    const events = (await eventsOf(test, provider)).filter(({ resourceId, kind }) => resourceId === client.id && kind === 'client.updated')
    t.match(events, [{ changed: ['name', 'scopes', 'mayStepUp', 'keys'], value: { keys: [keys[0]?.kid] } }, { changed: ['name'] }])
    t.equal(events.length, 2)
  })

  await t.test('a secret is rotated: the one before serves a day more, the one before that no longer', async (t) => {
    const { client } = (await register(wanted())).body
    const first = await at('POST', client.id, { path: '/secret' })
    t.match(first, { status: 200, body: { secret: /^cs_/, client: { hasSecret: true, formerSecretEndsAt: null, version: 2 } } })
    const second = await at('POST', client.id, { path: '/secret', key: 'second' })
    t.ok(second.body.client.formerSecretEndsAt)
    t.match(await at('POST', client.id, { path: '/secret', key: 'second' }), { body: { secret: null, note: /shown once/ } })
    for (const { body } of [first, second]) t.equal((await asksForToken(client.id, body.secret)).status, 200)
    const third = await at('POST', client.id, { path: '/secret' })
    t.equal((await asksForToken(client.id, first.body.secret)).status, 401, 'the first is of the past')
    test.clock.advance(24 * 3_600_000 + 1_000)
    t.equal((await asksForToken(client.id, second.body.secret)).status, 401, 'a day later the former one, too')
    t.equal((await asksForToken(client.id, third.body.secret)).status, 200)
    test.clock.set(0)
    t.equal((await at('PATCH', client.id, { body: { keys: [] }, ifMatch: 4 })).status, 200, 'with a secret it needs no key')
  })

  await t.test('a disabled one stays so: it says so again, with one event, and takes no change', async (t) => {
    const { client } = (await register(wanted())).body
    const first = await at('POST', client.id, { path: '/disable' })
    t.match(first, { status: 200, body: { status: 'disabled', disabledAt: /T/, version: 2 } })
    t.strictSame((await at('POST', client.id, { path: '/disable' })).body, first.body)
    t.match(await at('PATCH', client.id, { body: { name: 'Again' }, ifMatch: 2 }), { status: 409 })
    t.match(await at('POST', client.id, { path: '/secret' }), { status: 409 })
    const events = (await eventsOf(test, provider)).filter(({ resourceId }) => resourceId === client.id)
    t.strictSame(
      events.map(({ kind }) => kind),
      ['client.created', 'client.disabled'],
    )
  })

  await t.test('they are listed newest first, page by page', async (t) => {
    const all = (await send(test, 'GET', '/v1/clients', { token: admin.token })).body.items
    t.ok(all.length > 3)
    t.strictSame(
      all.map(({ id }: { id: string }) => id),
      all
        .map(({ id }: { id: string }) => id)
        .sort()
        .reverse(),
    )
    const first = (await send(test, 'GET', '/v1/clients?limit=2', { token: admin.token })).body
    const second = (await send(test, 'GET', `/v1/clients?limit=2&cursor=${first.nextCursor}`, { token: admin.token })).body
    t.strictSame([...first.items, ...second.items], all.slice(0, 4))
  })

  await t.test('what is no client is not found', async (t) => {
    for (const id of [uuid(), 'nonsense']) {
      t.equal((await at('GET', id)).status, 404)
      t.equal((await at('PATCH', id, { body: { name: 'x' }, ifMatch: 1 })).status, 404)
      t.equal((await at('POST', id, { path: '/secret' })).status, 404)
      t.equal((await at('POST', id, { path: '/disable' })).status, 404)
    }
  })

  await t.test('only an admin may, and only freshly signed in', async (t) => {
    const { client } = (await register(wanted())).body
    const support = await staff(test, 'Sue Support', 'support')
    const olga = await person(test, 'Olga Owner')
    const stale = await tokenFor(test, admin.id, admin.session, 601)
    const before = await countRows(db)
    for (const { token } of [support, olga]) {
      t.match(await register(wanted(), { token }), { status: 403 })
      t.match(await at('GET', client.id, { token }), { status: 403 })
      t.match(await send(test, 'GET', '/v1/clients', { token }), { status: 403 })
    }
    t.match(await register(wanted(), { token: stale }), { status: 401, body: { code: 'step_up_required' } })
    t.match(await at('PATCH', client.id, { body: { name: 'x' }, ifMatch: 1, token: stale }), { status: 401 })
    t.match(await at('POST', client.id, { path: '/secret', token: stale }), { status: 401 })
    t.match(await at('POST', client.id, { path: '/disable', token: stale }), { status: 401 })
    t.equal((await at('GET', client.id, { token: stale })).status, 200)
    t.strictSame(await countRows(db), before, 'and nothing was written')
  })
})
