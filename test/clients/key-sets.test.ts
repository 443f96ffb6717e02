/** Keys that a client publishes: read where the operator allows it, believed for minutes, and never worth more than registered ones. */
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { eq } from 'drizzle-orm'
import { exportJWK } from 'jose'
import t, { type Test } from 'tap'
import { v7 as uuid } from 'uuid'
import { readPublishedKeys } from '../../src/clients/keys.ts'
import { readConfig } from '../../src/config.ts'
import { clients } from '../../src/database/tables.ts'
import { createKeySets } from '../../src/http/key-sets.ts'
import { openTestApp, type Request, send } from '../fixtures/app.ts'
import { person, staff } from '../fixtures/cast.ts'
import { comparable } from '../fixtures/ledger.ts'
import { askForUser, assertionType, clientAssertion, keyPair, type Pair, type Panel, panel, post, tie } from '../oauth/stage.ts'

/** A place where keys are published, which says how often it was asked. */
async function publisher(t: Test) {
  const place = { asked: 0, url: '', answer: (reply: ServerResponse): unknown => reply.end('{"keys":[]}') }
  const server = createServer((_request, reply) => {
    place.asked++
    place.answer(reply)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  place.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`
  const publish = (...keys: unknown[]) => {
    place.answer = (reply) => reply.end(JSON.stringify({ keys }))
  }
  return Object.assign(place, { publish })
}

type Said = [object, string]

/** The sets of one place, and what is said about it. */
const keySetsOf = ({ url }: { url: string }, now?: () => number, said: Said[] = []) =>
  createKeySets({ allowed: [url], usable: readPublishedKeys, log: { warn: (...line: Said) => said.push(line) }, ...(now && { now }) })

const kids = (keys: readonly { kid?: string }[]) => keys.map(({ kid }) => kid)

t.test('a set is read from an allowed address only, and believed for five minutes', async (t) => {
  const place = await publisher(t)
  const [one, two] = [await keyPair(), await keyPair('ES256')]
  let now = 0
  const read = keySetsOf(place, () => now)
  place.publish(one.jwk)
  for (const other of [`${place.url}?x`, place.url.replace('127.0.0.1', 'localhost'), 'http://169.254.169.254/'])
    t.strictSame(await read(other, one.kid), [], other)
  t.equal(place.asked, 0, 'and no other is asked')
  const all = await Promise.all(Array.from({ length: 10 }, () => read(place.url, one.kid)))
  t.ok(all.every((keys) => kids(keys)[0] === one.kid))
  t.match(all[0], [{ alg: 'EdDSA', use: 'sig' }])
  t.equal(place.asked, 1, 'ten at once ask once')
  place.publish(one.jwk, two.jwk)
  t.strictSame(kids(await read(place.url, two.kid)), [one.kid], 'a new one is looked for')
  t.equal(place.asked, 1, 'but nobody can have us ask without a pause')
  now += 10_000
  t.strictSame(kids(await read(place.url, two.kid)), [one.kid, two.kid])
  t.equal(place.asked, 2)
  place.publish(two.jwk)
  now += 299_999
  t.strictSame(kids(await read(place.url, one.kid)), [one.kid, two.kid])
  t.equal(place.asked, 2)
  now += 1
  t.strictSame(kids(await read(place.url, one.kid)), [two.kid], 'what is published no more ends with the five minutes')
})

t.test('what cannot be read leaves what was read, as long as that is believed', async (t) => {
  const place = await publisher(t)
  const pair = await keyPair()
  let now = 0
  const read = keySetsOf(place, () => now)
  const broken: Record<string, (reply: ServerResponse) => unknown> = {
    'an error': (reply) => reply.writeHead(500).end('{"keys":[]}'),
    'a redirect': (reply) => reply.writeHead(302, { location: place.url }).end(),
    'no JSON': (reply) => reply.end('keys'),
    'no set': (reply) => reply.end('[]'),
    'nothing of a set': (reply) => reply.end('null'),
    'a member twice': (reply) => reply.end('{"keys":[],"keys":[]}'),
    'more than 64 KiB': (reply) => reply.end(`{"keys":[],"x":"${'x'.repeat(65_536)}"}`),
    'a connection that ends': (reply) => reply.destroy(),
    silence: () => undefined,
  }
  for (const [what, answer] of Object.entries(broken)) {
    place.answer = answer
    await t.rejects(read(place.url, pair.kid), { code: 'unavailable', headers: { 'retry-after': '10' } }, what)
    now += 10_000
  }
  place.publish(pair.jwk)
  t.strictSame(kids(await read(place.url, pair.kid)), [pair.kid])
  place.answer = broken['an error'] as never
  now += 10_000
  t.strictSame(kids(await read(place.url, 'another')), [pair.kid])
  now += 290_000
  await t.rejects(read(place.url, pair.kid), { code: 'unavailable' })
})

t.test('the log says so once a minute, however often it is asked', async (t) => {
  const place = await publisher(t)
  const said: Said[] = []
  let now = 0
  const read = keySetsOf(place, () => now, said)
  place.answer = (reply) => reply.writeHead(500).end()
  const ask = () => read(place.url, 'any').catch(() => undefined)
  for (; now < 60_000; now += 10_000) await Promise.all([ask(), ask()])
  t.equal(place.asked, 6)
  t.strictSame(said, [[{ url: place.url, reason: 'no key set' }, 'the keys that a client publishes cannot be read']])
  await ask()
  t.equal(said.length, 2)
  place.publish()
  now += 10_000
  await ask()
  place.answer = (reply) => reply.destroy()
  now += 49_999
  await read(place.url, 'another')
  t.equal(said.length, 2, 'nor sooner when it was read meanwhile')
  now += 10_000
  await read(place.url, 'another')
  t.equal(said.length, 3, 'and while what was read is still believed')
})

t.test('of what is published counts what could be registered', async (t) => {
  const place = await publisher(t)
  const [good, exposed] = [await keyPair(), await keyPair()]
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' })
  const secret = { kty: 'oct', k: 'c2VjcmV0', kid: 'secret' }
  const chatty = { ...good.jwk, key_ops: ['verify'], x5t: 'x', alg: 'EdDSA' }
  const odd = [null, 'key', [], { ...good.jwk, kid: 7 }, { ...good.jwk, kid: 'enc', use: 'enc' }, { ...good.jwk, kid: 'alg', alg: 'ES256' }]
  place.publish(...odd, secret, weak, await exportJWK(exposed.privateKey), chatty)
  const keys = await keySetsOf(place)(place.url, good.kid)
  t.strictSame(keys, [{ kty: 'OKP', crv: 'Ed25519', x: good.jwk.x, kid: good.kid, alg: 'EdDSA', use: 'sig' }])
  place.publish(...Array.from({ length: 10 }, () => ({ kty: 'unheard', kid: 'of' })), good.jwk)
  t.strictSame(await keySetsOf(place)(place.url, good.kid), [], 'ten are looked at')
})

t.test('only safe addresses can be allowed', async (t) => {
  const wrong = ['http://panel.example/keys', 'https://user:secret@panel.example/', 'https://panel.example/#x', 'file:///etc/passwd', 'x']
  for (const url of wrong) t.throws(() => readConfig({ CLIENT_KEY_URLS: url }), /CLIENT_KEY_URLS/, url)
  const { clientKeyUrls } = readConfig({ CLIENT_KEY_URLS: 'https://panel.example/jwks.json, http://127.0.0.1:8080/keys' })
  t.strictSame(clientKeyUrls, ['https://panel.example/jwks.json', 'http://127.0.0.1:8080/keys'])
})

t.test('a client that publishes its keys', async (t) => {
  const place = await publisher(t)
  const test = await openTestApp(t, { CLIENT_KEY_URLS: place.url })
  const { db } = test.context
  const admin = await staff(test, 'Ada Admin', 'admin')
  const pair: Pair = await keyPair()
  place.publish(pair.jwk)
  const ask = (method: string, url: string, request: Request) => send(test, method, url, { token: admin.token, ...request })
  const wanted = { name: 'Panel', realm: 'https://panel.example', scopes: ['self.read'] }
  const prove = async (by: Panel, changes = {}) => {
    const client_assertion = await clientAssertion(test, by, changes)
    return post(test, '/oauth/token', { grant_type: 'client_credentials', client_assertion_type: assertionType, client_assertion })
  }

  const elsewhere = await ask('POST', '/v1/clients', { body: { ...wanted, keysUrl: 'https://elsewhere.example/jwks.json' } })
  t.match(elsewhere, { status: 422, body: { errors: [{ pointer: '#/keysUrl', code: 'not_allowed' }] } })
  const made = await ask('POST', '/v1/clients', { body: { ...wanted, keysUrl: place.url } })
  t.match(made, { status: 201, body: { client: { keys: [], keysUrl: place.url, hasSecret: false } } }, made.text)
  t.equal(place.asked, 0, 'registering asks nobody')
  const shop: Panel = { id: made.body.client.id, realm: wanted.realm, pair, secret: '' }

  await t.test('proves itself, and asserts its users, by what is there', async (t) => {
    t.equal((await prove(shop)).status, 200)
    t.match(await prove(shop, { by: { ...(await keyPair()), kid: pair.kid } }), { status: 401, body: { error: 'invalid_client' } })
    const subject = await tie(test, shop, await person(test, 'Olga Owner'))
    t.equal((await askForUser(test, shop, subject)).status, 200)
    const rival = await panel(test, { realm: shop.realm })
    t.match(await askForUser(test, rival, subject, { by: pair }), { status: 400, body: { error: 'invalid_grant' } }, 'and nobody else does')
    t.equal(place.asked, 1)
  })

  await t.test('keeps no more than it may, and always a way to prove itself', async (t) => {
    const path = `/v1/clients/${shop.id}`
    const change = (body: object) => ask('PATCH', path, { body, headers: { 'if-match': '*' } })
    t.match(await change({ keysUrl: 'https://elsewhere.example/' }), { status: 422, body: { errors: [{ code: 'not_allowed' }] } })
    t.match(await change({ keysUrl: null }), { status: 422, body: { errors: [{ code: 'required' }] } })
    t.match(await change({ keysUrl: null, keys: [pair.jwk] }), { status: 200, body: { keysUrl: null, keys: [{ kid: pair.kid }] } })
    t.match(await change({ keys: [], keysUrl: place.url }), { status: 200, body: { keysUrl: place.url, keys: [] } })
  })

  await t.test('C5: while its keys cannot be read only itself is told to wait; to others it is no client', async (t) => {
    const other = await openTestApp(t, { CLIENT_KEY_URLS: place.url })
    const publishing = await panel(other)
    const publishes = { keys: [], keysUrl: place.url }
    await other.context.db.update(clients).set(publishes).where(eq(clients.id, publishing.id))
    const tried = async (by: Panel, changes = {}) => {
      const client_assertion = await clientAssertion(other, by, changes)
      return post(other, '/oauth/token', { grant_type: 'client_credentials', client_assertion_type: assertionType, client_assertion })
    }
    const absent = { ...publishing, id: uuid() }
    place.answer = (reply) => reply.writeHead(503).end()
    t.strictSame(comparable(await tried(publishing)), comparable(await tried(absent)), 'nor is it told before they were ever read')
    let later = 11_000
    const { now } = performance
    t.intercept(performance, 'now', { value: () => now.call(performance) + later, writable: true })
    place.publish(publishing.pair.jwk)
    t.equal((await tried(publishing)).status, 200)
    later += 300_001
    place.answer = (reply) => reply.writeHead(503).end()
    const busy = await tried(publishing)
    t.match(busy, { status: 503, headers: { 'retry-after': '10' }, body: { error: 'temporarily_unavailable' } })
    const stranger = await keyPair()
    const unknown = await tried(absent)
    t.match(unknown, { status: 401, body: { error: 'invalid_client' } })
    for (const changes of [
      { by: stranger },
      { by: { ...stranger, kid: publishing.pair.kid } },
      { claims: { aud: 'https://elsewhere.example' } },
      { claims: { sub: absent.id } },
    ])
      t.strictSame(comparable(await tried(publishing, changes)), comparable(unknown))

    const registered = await keyPair()
    const keys = [{ ...registered.jwk, alg: 'EdDSA', use: 'sig' }]
    await other.context.db.update(clients).set({ keys }).where(eq(clients.id, publishing.id))
    const unnamed = { header: { kid: undefined } }
    for (const changes of [{}, unnamed])
      t.equal((await tried(publishing, { by: registered, ...changes })).status, 200, 'a registered key needs none of the published')
    t.strictSame(comparable(await tried(publishing, { by: registered, claims: { sub: absent.id }, ...unnamed })), comparable(unknown))
    t.strictSame(comparable(await tried(publishing, { by: registered, header: { kid: 'unknown' } })), comparable(unknown))
    t.equal((await tried(publishing)).status, 503)
  })

  await t.test('it is nobody once the address is not allowed', async (t) => {
    const publishes = { keys: [], keysUrl: place.url }
    const tried = async (app: typeof test, by: Panel) => {
      const client_assertion = await clientAssertion(app, by)
      return post(app, '/oauth/token', { grant_type: 'client_credentials', client_assertion_type: assertionType, client_assertion })
    }
    const strict = await openTestApp(t)
    const former = await panel(strict)
    await strict.context.db.update(clients).set(publishes).where(eq(clients.id, former.id))
    t.match(await tried(strict, former), { status: 401, body: { error: 'invalid_client' } })
  })

  await db.update(clients).set({ status: 'disabled' }).where(eq(clients.id, shop.id))
  t.match(await prove(shop), { status: 401, body: { error: 'invalid_client' } }, 'disabled it is nobody, whatever it publishes')
})
