/** A panel's user: whom the panel may speak for, and whom not. */
import { eq } from 'drizzle-orm'
import t, { type Test } from 'tap'
import { v7 as uuid } from 'uuid'
import { clients, sessions, users } from '../../src/database/tables.ts'
import { openTestApp, send } from '../fixtures/app.ts'
import { account, contact, domain, person, staff } from '../fixtures/cast.ts'
import { eventsOf } from '../fixtures/ledger.ts'
import { countRows } from '../fixtures/rows.ts'
import {
  anotherApp,
  askForUser,
  askToNarrow,
  claimsIn,
  clientAssertion,
  forgeries,
  jwtBearer,
  panel,
  panelToken,
  post,
  proof,
  tie,
  userAssertion,
} from './stage.ts'

const provider = '00000000-0000-0000-0000-000000000000'

t.test('the user of a panel', async (t) => {
  const test = await openTestApp(t)
  const other = await anotherApp(t, test)
  const { db } = test.context
  const shop = await panel(test)
  const olga = await person(test, 'Olga Owner')
  const subject = await tie(test, shop, olga, 'customer-4711')
  const a = await account(test, 'Alpha Ltd')
  const d = await domain(test, a, 'alpha.example')
  await contact(test, a, olga, 'owner')

  /** Refused in the same words as ever, and nothing was written but the use of the client's own proof. */
  const isRefused = async (
    t: Test,
    ask: () => Promise<{ status: number; body: { error: string; error_description: string } }>,
    what: string,
  ) => {
    const before = await countRows(db, ['used_assertions'])
    const sent = await ask()
    t.match([sent.status, sent.body.error], [400, 'invalid_grant'], what)
    t.strictSame(await countRows(db, ['used_assertions']), before, `${what}: and nothing was written`)
    return sent.body.error_description
  }

  await t.test('is let in by what the panel signs, and does what he may, as himself, through the panel', async (t) => {
    const sent = await askForUser(test, shop, subject)
    t.match(sent, { status: 200, body: { token_type: 'Bearer', expires_in: 600 } })
    const token = sent.body.access_token
    t.match(claimsIn(token), { sub: olga.id, client_id: shop.id, auth_time: 0, amr: [] })
    t.equal((await send(test, 'GET', '/v1/me', { token })).body.id, olga.id)
    const body = { account: a.number, domain: d.name, topic: 'other', subject: 'It broke', message: 'Since noon.' }
    t.equal((await send(test, 'POST', '/v1/tickets', { token, key: true, body })).status, 201)
    const [session] = await db
      .select()
      .from(sessions)
      .where(eq(sessions.id, String(claimsIn(token)['sid'])))
    t.match(session, { kind: 'panel', method: 'panel', level: 'asserted', clientId: shop.id, userId: olga.id, parentId: null })
    t.equal(Number(session?.expiresAt) - Number(session?.createdAt), test.config.sessionHours * 3_600_000)
    const started = (await eventsOf(test, provider)).filter(({ resourceId }) => resourceId === session?.id)
    t.match(started, [{ kind: 'session.started', actor: olga.id, capacity: 'self' }])
  })

  await t.test('a signature without a type, or with the plain one, will do', async (t) => {
    for (const typ of [undefined, 'JWT']) t.equal((await askForUser(test, shop, subject, { header: { typ } })).status, 200)
  })

  await t.test('does no more through it than its scopes say, from the moment they say so', async (t) => {
    const token = await panelToken(test, shop, subject)
    const read = () => send(test, 'GET', `/v1/accounts/${a.number}`, { token })
    t.equal((await read()).status, 200)
    await db
      .update(clients)
      .set({ scopes: ['ticket.read'] })
      .where(eq(clients.id, shop.id))
    t.match(await read(), { status: 403, body: { reason: 'client_not_allowed' } })
    await db
      .update(clients)
      .set({ scopes: ['account.read', 'account.update', 'grant.manage', 'self.read', 'ticket.read'] })
      .where(eq(clients.id, shop.id))
    t.equal((await read()).status, 200)
  })

  await t.test('C2: unknown, suspended and staff are one answer', async (t) => {
    const sid = await person(test, 'Sid Suspended')
    await db.update(users).set({ status: 'suspended' }).where(eq(users.id, sid.id))
    const agents = [await staff(test, 'Ada Admin', 'admin'), await staff(test, 'Sue Support', 'support')]
    const subjects = [await tie(test, shop, sid), await tie(test, shop, agents[0] as never), await tie(test, shop, agents[1] as never)]
    const words = new Set<string>()
    for (const subject of [uuid(), olga.id, olga.address, ...subjects]) {
      words.add(await isRefused(t, () => askForUser(test, shop, subject), subject))
    }
    t.equal(words.size, 1)
    await db.update(users).set({ status: 'active' }).where(eq(users.id, sid.id))
    t.equal((await askForUser(test, shop, subjects[0] as string)).status, 200, 'restored, he is let in')
  })

  await t.test('one whose tie or user is lost while he is being let in is not', async (t) => {
    const late = await person(test, 'Lena Late')
    const subject = await tie(test, shop, late)
    const assertion = await userAssertion(test, shop, subject)
    const asked = { grant_type: jwtBearer, assertion, ...(await proof(test, shop)) }
    const lost = losing(test.context.db, () => db.update(users).set({ status: 'suspended' }).where(eq(users.id, late.id)))
    t.match(await post(test, '/oauth/token', asked), { status: 400, body: { error: 'invalid_grant' } })
    t.ok(lost(), 'it happened after he had been found')
  })

  await t.test('C2: a client of one realm asserts nobody of another', async (t) => {
    const rival = await panel(test)
    const mia = await person(test, 'Mia')
    const hers = await tie(test, rival, mia)
    await isRefused(t, () => askForUser(test, shop, hers), 'in its own name')
    await isRefused(t, () => askForUser(test, shop, hers, { claims: { iss: rival.realm } }), 'in the name of the other realm')
    await isRefused(t, () => askForUser(test, rival, subject, { by: shop.pair }), 'with a key of the other client')
    const byRival = { assertion: await userAssertion(test, shop, subject), ...(await proof(test, rival)) }
    await isRefused(t, () => post(test, '/oauth/token', { grant_type: jwtBearer, ...byRival }), 'with an assertion of the other client')
    t.equal((await askForUser(test, rival, hers)).status, 200)
    const branch = await panel(test, { realm: shop.realm })
    t.equal((await askForUser(test, branch, subject)).status, 200, 'another client of the realm may')
  })

  await t.test('hostile assertions are invalid_grant and leave nothing', async (t) => {
    const known = { client_id: shop.id, client_secret: shop.secret }
    const make = (changes: object) => userAssertion(test, shop, subject, changes)
    const now = Math.floor(test.clock.now() / 1000)
    const hostile = [
      ...(await forgeries(test, shop, 120, make)),
      { what: 'a client assertion', jwt: await clientAssertion(test, shop) },
      { what: 'an access token of his', jwt: olga.token },
      { what: 'in the name of the client', jwt: await make({ claims: { iss: shop.id } }) },
      { what: 'auth_time after iat', jwt: await make({ claims: { auth_time: now + 60 } }) },
      { what: 'auth_time as text', jwt: await make({ claims: { auth_time: String(now) } }) },
      { what: 'amr as text', jwt: await make({ claims: { amr: 'pwd' } }) },
      { what: 'amr of numbers', jwt: await make({ claims: { amr: [1] } }) },
      { what: 'amr too long', jwt: await make({ claims: { amr: Array.from({ length: 11 }, () => 'pwd') } }) },
      { what: 'amr with a long word', jwt: await make({ claims: { amr: ['x'.repeat(65)] } }) },
      { what: 'sub too long', jwt: await make({ claims: { sub: 's'.repeat(256) } }) },
    ]
    const before = await countRows(db)
    for (const { what, jwt } of hostile) {
      const sent = await post(test, '/oauth/token', { grant_type: jwtBearer, assertion: jwt, ...known })
      t.match(sent, { status: 400, headers: { 'cache-control': 'no-store' }, body: { error: 'invalid_grant' } }, what)
      t.notMatch(sent.body.error_description, /jose|JWS|JWT.*claim|undefined/, what)
    }
    t.strictSame(await countRows(db), before, 'and nothing was written')
  })

  await t.test('an assertion serves once, whichever process sees it', async (t) => {
    const assertion = await userAssertion(test, shop, subject)
    const ask = (on: typeof test) =>
      post(on, '/oauth/token', { grant_type: jwtBearer, assertion, client_id: shop.id, client_secret: shop.secret })
    t.equal((await ask(test)).status, 200)
    t.match(await isRefused(t, () => ask(test), 'again'), /used before/)
    await isRefused(t, () => ask(other), 'at another process')
    const fresh = await userAssertion(test, shop, subject)
    const race = (on: typeof test) =>
      post(on, '/oauth/token', { grant_type: jwtBearer, assertion: fresh, client_id: shop.id, client_secret: shop.secret })
    const raced = await Promise.all([race(test), race(other), race(test), race(other)])
    t.strictSame(raced.map(({ status }) => status).sort(), [200, 400, 400, 400], 'of four at once one wins')
  })

  await t.test('a fresh sign-in at the panel counts as one only while its client is registered for it', async (t) => {
    const trusted = await panel(test, { mayStepUp: true })
    const subject = await tie(test, trusted, olga)
    const give = async (token: string) => {
      const body = { grantee: { address: 'dev@agency.example' }, domains: [d.name], actions: ['ticket.read'] }
      const sent = await send(test, 'POST', `/v1/accounts/${a.number}/grants`, { token, key: true, body })
      return sent.status === 201 ? 201 : sent.body.code
    }
    const now = Math.floor(test.clock.now() / 1000)
    const fresh = (await askForUser(test, trusted, subject, { claims: { auth_time: now - 10, amr: ['pwd', 'otp'] } })).body.access_token
    t.match(claimsIn(fresh), { auth_time: now - 10, amr: ['pwd', 'otp'] })
    t.equal(await give(fresh), 201)
    const stale = (await askForUser(test, trusted, subject, { claims: { auth_time: now - 601 } })).body.access_token
    t.equal(await give(stale), 'step_up_required', 'he signed in too long ago')
    t.equal(await give(await panelToken(test, shop, 'customer-4711')), 'step_up_required', 'not through the other panel')
    const narrowed = await askToNarrow(test, fresh, { account: a.id, actions: ['grant.manage'] }, await proof(test, trusted))
    t.equal(await give(narrowed.body.access_token), 'step_up_required', 'nor with a token for a tool')
    await db.update(clients).set({ mayStepUp: false }).where(eq(clients.id, trusted.id))
    t.equal(await give(fresh), 'step_up_required', 'from the moment it is not registered for it, no token of it')
  })
})

/** Calls `meanwhile` just before the next transaction begins; tells whether it came to that. */
function losing(db: { transaction: unknown }, meanwhile: () => Promise<unknown>): () => boolean {
  const original = db.transaction as (...given: unknown[]) => Promise<unknown>
  let done = false
  db.transaction = async (...given: unknown[]) => {
    db.transaction = original
    done = true
    await meanwhile()
    return original.apply(db, given)
  }
  return () => done
}
