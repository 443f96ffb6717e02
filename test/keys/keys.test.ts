import { eq, isNotNull } from 'drizzle-orm'
import { decodeProtectedHeader, importPKCS8, SignJWT } from 'jose'
import t, { type Test } from 'tap'
import { v7 as uuid } from 'uuid'
import { deriveKey, open } from '../../src/database/secrets.ts'
import { journalEvents, sessions, signingKeys } from '../../src/database/tables.ts'
import { openKeys } from '../../src/http/keys.ts'
import { issuer, openTestApp, type Sent, send, type TestApp } from '../fixtures/app.ts'
import { type Person, person, staff, tokenFor } from '../fixtures/cast.ts'
import { anotherApp, clientToken, panel, post, proof } from '../oauth/stage.ts'
import { listen } from '../races/arena.ts'

const kidOf = (token: string): unknown => decodeProtectedHeader(token).kid
const rotate = (test: TestApp, { token }: Person, key?: string) =>
  send(test, 'POST', '/v1/keys/rotate', { token, ...(key === undefined ? {} : { key }) })
const remove = (test: TestApp, { token }: { token: string }, id: unknown) => send(test, 'DELETE', `/v1/keys/${id}`, { token })
const ask = async (test: TestApp, token: string): Promise<number> => (await send(test, 'GET', '/v1/me', { token })).status
const renewed = async (test: TestApp, who: Person): Promise<Person> => ({ ...who, token: await tokenFor(test, who.id, who.session) })
const published = async (test: TestApp): Promise<unknown[]> =>
  (await send(test, 'GET', '/.well-known/jwks.json')).body.keys.map(({ kid }: { kid: string }) => kid)

type Stage = { test: TestApp; other: TestApp; admin: Person; first: unknown }

/** Two processes on one database, and an admin. */
async function stage(t: Test, settings: Record<string, string> = {}): Promise<Stage> {
  const test = await openTestApp(t, settings)
  const admin = await staff(test, 'Ada Admin', 'admin')
  return { test, other: await anotherApp(t, test), admin, first: kidOf(admin.token) }
}

/** Claims of a token that would be right, signed with one key under the name and algorithm of another. */
async function forged({ test, admin }: Stage, signedBy: unknown, alg: string, kid: unknown): Promise<string> {
  const [row] = await test.context.db
    .select()
    .from(signingKeys)
    .where(eq(signingKeys.kid, String(signedBy)))
  const sealKey = deriveKey(Buffer.from(String(test.config.secretKey), 'base64'), 'signing keys')
  const key = await importPKCS8(open(sealKey, (row as { sealedPrivateKey: Buffer }).sealedPrivateKey).toString(), alg)
  const claims = JSON.parse(Buffer.from(admin.token.split('.')[1] as string, 'base64url').toString())
  return new SignJWT(claims).setProtectedHeader({ alg, typ: 'at+jwt', kid: String(kid) }).sign(key)
}

t.test('a new key signs at once in every process, and the one before it still verifies', async (t) => {
  const { test, other, admin, first } = await stage(t)
  const made = await rotate(test, admin)
  t.match(made, { status: 201, headers: { location: '/v1/keys' }, body: { algorithm: 'EdDSA', signs: true, removedAt: null } })
  const second = made.body.id
  t.not(second, first)
  for (const each of [test, other]) {
    const { token } = await renewed(each, admin)
    t.equal(kidOf(token), second, 'signed with the new one')
    t.equal(await ask(test, token), 200)
    t.equal(await ask(other, token), 200)
    t.equal(await ask(each, admin.token), 200, 'a token of the former is still taken')
    t.strictSame(await published(each), [second, first], 'both are published')
  }
  const { body } = await send(other, 'GET', '/v1/keys', admin)
  t.match(body, {
    items: [
      { id: second, signs: true, removedAt: null },
      { id: first, signs: false, removedAt: null },
    ],
  })
  const page = await send(test, 'GET', '/v1/keys?limit=1', admin)
  const rest = await send(test, 'GET', `/v1/keys?limit=1&cursor=${page.body.nextCursor ?? page.body.next}`, admin)
  t.strictSame([...page.body.items, ...rest.body.items], body.items, 'page by page the same')
  const [event] = await test.context.db.select().from(journalEvents).where(eq(journalEvents.kind, 'key.rotated'))
  t.match(event, { audience: 'staff', actorUserId: admin.id, capacity: 'staff', resourceType: 'key', resourceId: second })
})

t.test('a removed key is refused at once in every process', async (t) => {
  const { test, other, admin, first } = await stage(t)
  const db = test.context.db
  const olga = await person(test, 'Olga')
  const client = await panel(test)
  const owned = await clientToken(test, client)
  const introspect = async () => (await post(other, '/oauth/introspect', { token: owned, ...(await proof(test, client)) })).body
  await rotate(test, admin)
  const now = await renewed(test, admin)
  t.equal(await ask(other, olga.token), 200)
  t.match(await introspect(), { active: true })

  const removed = await remove(test, now, first)
  t.equal(removed.status, 204, removed.text)
  const count = await db.$count(journalEvents)
  for (const each of [test, other]) {
    t.equal(await ask(each, olga.token), 401)
    t.match(await rotate(each, admin), { status: 401, body: { code: 'unauthenticated' } }, 'acts are refused as well')
    t.notOk((await published(each)).includes(first))
  }
  t.strictSame(await introspect(), { active: false })
  t.equal(await db.$count(sessions, isNotNull(sessions.endedAt)), 0, 'their sessions stay: only what the key signed is worth nothing')
  t.equal(await ask(other, (await renewed(other, olga)).token), 200, 'and the next token is good')
  const late = await anotherApp(t, test)
  t.equal(await ask(late, olga.token), 401, 'also in a process that starts now')

  await t.test('removing it again changes nothing', async (t) => {
    t.equal((await remove(other, now, first)).status, 204)
    t.equal(await db.$count(journalEvents), count)
    const [row] = await db
      .select()
      .from(signingKeys)
      .where(eq(signingKeys.kid, String(first)))
    t.ok(row?.removedAt)
    t.equal(row?.sealedPrivateKey.length, 0, 'its private half is gone')
    const [event] = await db.select().from(journalEvents).where(eq(journalEvents.kind, 'key.removed'))
    t.match(event, { audience: 'staff', actorUserId: admin.id, resourceType: 'key', resourceId: first })
    const { body } = await send(test, 'GET', '/v1/keys', now)
    t.match(body.items[1], { id: first, signs: false, removedAt: row?.removedAt?.toISOString() })
  })

  await t.test('what is no key is not found', async (t) => {
    for (const id of [uuid(), 'nonsense', '..%2F..%2Fetc'])
      t.match(await remove(test, now, id), { status: 404, body: { code: 'not_found' } })
  })
})

t.test('the last key cannot be removed, also not by two at once', async (t) => {
  const { test, other, admin, first } = await stage(t)
  const db = test.context.db
  const live = async () => (await db.select().from(signingKeys)).filter(({ removedAt }) => removedAt === null).length
  const before = await db.$count(journalEvents)
  t.match(await remove(test, admin, first), { status: 409, body: { code: 'conflict', detail: /POST \/v1\/keys\/rotate/ } })
  t.equal(await live(), 1)
  t.equal(await db.$count(journalEvents), before, 'and nothing was written')
  const { body: second } = await rotate(test, admin)
  const third = await staff(test, 'Carl', 'admin')
  const both = await Promise.all([remove(test, third, first), remove(other, third, second.id)])
  t.equal(both.filter(({ status }: Sent) => status === 204).length, 1)
  t.equal(await live(), 1)
})

t.test('the one before signs again when the newest is removed', async (t) => {
  const { test, other, admin, first } = await stage(t)
  const { body: second } = await rotate(test, admin)
  await renewed(other, admin)
  t.equal((await remove(test, admin, second.id)).status, 204)
  t.equal(kidOf((await renewed(other, admin)).token), first)
})

t.test('altering keys needs a fresh sign-in, and is done once for each Idempotency-Key', async (t) => {
  const { test, admin, first } = await stage(t)
  const again = await rotate(test, admin, 'once')
  t.match(await rotate(test, admin, 'once'), { status: 201, body: again.body })
  t.equal(await test.context.db.$count(signingKeys), 2)
  test.clock.advance(601_000)
  for (const reply of [await rotate(test, admin), await remove(test, admin, first)])
    t.match(reply, { status: 401, body: { code: 'step_up_required' } })
  t.equal((await send(test, 'GET', '/v1/keys', admin)).status, 200, 'reading does not')
  t.equal(await test.context.db.$count(signingKeys), 2)
})

t.test('a new key is the newest, whatever the clock said when the last one was made', async (t) => {
  const { test, admin } = await stage(t)
  const { db, clock } = test.context
  await db.transaction((tx) => test.keys.rotate(tx, 'EdDSA', clock.now() + 86_400_000))
  const { body } = await rotate(test, admin)
  t.equal(kidOf((await renewed(test, admin)).token), body.id)
})

t.test('new keys have the configured algorithm, and each is taken for its own alone', async (t) => {
  const here = await stage(t, { SIGNING_ALGORITHM: 'ES256' })
  const { test, other, admin, first } = here
  t.match(decodeProtectedHeader(admin.token), { alg: 'ES256' })
  t.match((await send(test, 'GET', '/.well-known/jwks.json')).body, { keys: [{ kty: 'EC', crv: 'P-256', alg: 'ES256', use: 'sig' }] })
  t.equal(await ask(other, admin.token), 200)
  const edwards = await test.context.db.transaction((tx) => test.keys.rotate(tx, 'EdDSA', test.clock.now()))
  t.equal(await ask(other, (await renewed(test, admin)).token), 200, 'both kinds side by side')
  t.equal((await rotate(test, admin)).body.algorithm, 'ES256')
  const { kid } = edwards
  for (const each of [test, other]) {
    t.equal(await ask(each, await forged(here, first, 'ES256', first)), 200, 'the forge makes good ones')
    t.equal(await ask(each, await forged(here, first, 'ES256', kid)), 401, 'one key under the name of another')
    t.equal(await ask(each, await forged(here, kid, 'EdDSA', first)), 401)
  }
})

t.test('invented keys cost at most one look a second, and turn no good token away', async (t) => {
  const here = await stage(t)
  const { test, other, admin, first } = here
  const flood = async () => Promise.all(Array.from({ length: 40 }, async () => ask(other, await forged(here, first, 'EdDSA', uuid()))))
  const good = await test.context.db.transaction(async (tx) => test.keys.rotate(tx, 'EdDSA', test.clock.now()))
  const { token } = await renewed(test, admin)
  t.equal(kidOf(token), good.kid)
  const prepared = await Promise.all(Array.from({ length: 40 }, () => forged(here, first, 'EdDSA', uuid())))
  const wire = listen(test.opened)
  const begun = performance.now()
  const statuses = await Promise.all(prepared.map((each) => ask(other, each)))
  t.ok(statuses.every((status) => status === 401))
  t.equal(wire.sent, 1, 'forty of them share one look')
  await t.test('a key made right after it', async (t) => {
    const newer = await test.context.db.transaction((tx) => test.keys.rotate(tx, 'EdDSA', test.clock.now()))
    const fresh = (await renewed(test, admin)).token
    t.equal(kidOf(fresh), newer.kid)
    const [status] = await Promise.all([ask(other, fresh), flood()])
    t.equal(status, 200)
    t.ok(performance.now() - begun >= 1_000, 'with a second between two looks')
  })
  const sent = wire.sent
  t.equal(await ask(other, await forged(here, first, 'EdDSA', 'no-uuid')), 401)
  t.equal(wire.sent - sent, 1, 'what cannot be one of ours is not looked for: only the forge has read')
  t.equal(await ask(other, token), 200)
})

t.test('while keys cannot be looked up nothing is said about an unknown one', async (t) => {
  const here = await stage(t)
  const token = await forged(here, here.first, 'EdDSA', uuid())
  const wire = listen(here.test.opened)
  wire.rewrite = (text) => (text.includes('signing_keys') ? `do $$ begin raise exception sqlstate '57P01'; end $$` : text)
  t.match(await send(here.other, 'GET', '/v1/me', { token }), { status: 503, body: { code: 'unavailable' } })
  wire.rewrite = undefined
  t.equal(await ask(here.other, token), 401)
})

t.test('a key that this secret cannot open stops the start', async (t) => {
  const { test } = await stage(t)
  await t.rejects(openKeys(test.context.db, Buffer.alloc(32, 1), issuer, test.clock.now()), { message: /SECRET_KEY is not the one/ })
})
