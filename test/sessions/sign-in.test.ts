import { eq, sql } from 'drizzle-orm'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import pg from 'pg'
import t from 'tap'
import { addresses, journalEvents, sessions, throttles, users } from '../../src/database/tables.ts'
import { countAttempt } from '../../src/database/throttle.ts'
import { signInBuckets } from '../../src/identity/limits.ts'
import { places } from '../../src/identity/passwords.ts'
import { issuer, openTestApp, send, type TestApp } from '../fixtures/app.ts'
import { person } from '../fixtures/cast.ts'
import { mailbox } from '../fixtures/mail.ts'
import { alike, givePassword, holdHashing, password, signIn, waitingForHash, wrongPassword } from '../fixtures/passwords.ts'
import { listen } from '../races/arena.ts'
import { noSessions } from '../races/server.ts'

const written = async ({ context: { db } }: TestApp) => [await db.$count(sessions), await db.$count(journalEvents)]

t.test('signing in', async (t) => {
  const test = await openTestApp(t)
  const { db } = test.context
  const anna = await person(test, 'Anna')
  const sam = await person(test, 'Sam Suspended')
  const una = await person(test, 'Una Unproven', { proven: false })
  const nora = await person(test, 'Nora Nopassword')
  await givePassword(test, anna, sam, una)
  await db.update(users).set({ status: 'suspended' }).where(eq(users.id, sam.id))
  t.beforeEach(() => db.delete(throttles))

  await t.test('a proven address and its password begin a session', async (t) => {
    const reply = await signIn(test, anna.address)
    t.equal(reply.status, 201, reply.text)
    const { accessToken, refreshToken, session } = reply.body
    t.strictSame(reply.body, {
      accessToken,
      tokenType: 'Bearer',
      expiresIn: 600,
      refreshToken,
      session: { id: session.id, expiresAt: session.expiresAt },
      user: { id: anna.id, name: 'Anna' },
    })
    t.equal(reply.headers['location'], `/v1/sessions/${session.id}`)
    t.equal(reply.headers['cache-control'], 'no-store')
    t.match(decodeProtectedHeader(accessToken), { typ: 'at+jwt', alg: 'EdDSA' })
    const claims = decodeJwt(accessToken)
    t.match(claims, { iss: issuer, aud: issuer, sub: anna.id, sid: session.id, client_id: 'mandate', amr: ['pwd'] })
    t.equal(Number(claims.exp) - Number(claims.iat), 600)
    t.ok(Number(claims.iat) - Number(claims['auth_time']) <= 1)
    const [row] = await db.select().from(sessions).where(eq(sessions.id, session.id))
    t.match(row, { userId: anna.id, kind: 'person', method: 'password', level: 'one_factor', endedAt: null })
    t.equal(row?.expiresAt.getTime(), (row?.createdAt.getTime() ?? 0) + 12 * 3_600_000)
    t.equal(row?.expiresAt.toISOString(), session.expiresAt)
    const [event] = await db.select().from(journalEvents).where(eq(journalEvents.resourceId, session.id))
    t.match(event, {
      kind: 'session.started',
      audience: 'staff',
      actorUserId: anna.id,
      sessionId: session.id,
      verification: 'password',
      verificationLevel: 'one_factor',
    })
    t.match(await send(test, 'GET', '/v1/me', { token: accessToken }), { status: 200, body: { id: anna.id } })
  })

  await t.test('in whatever case the address is written', async (t) => {
    t.equal((await signIn(test, anna.address.toUpperCase())).status, 201)
  })

  await t.test('a token ends no later than its session', async (t) => {
    const { body } = await signIn(test, anna.address)
    const end = new Date(test.clock.now() + 30_000)
    await db.update(sessions).set({ expiresAt: end }).where(eq(sessions.id, body.session.id))
    const again = await send(test, 'POST', '/v1/sessions/step-up', { token: body.accessToken, body: { password } })
    t.equal(again.status, 200, again.text)
    t.ok(again.body.expiresIn <= 30)
    t.equal(decodeJwt(again.body.accessToken).exp, Math.floor(end.getTime() / 1000))
  })

  await t.test('unknown, wrong, suspended, unproven and without a password are one answer, byte for byte', async (t) => {
    const before = await written(test)
    const wrong = await signIn(test, anna.address, wrongPassword)
    t.match(wrong, { status: 401, headers: { 'www-authenticate': 'Bearer' }, body: { code: 'unauthenticated' } })
    for (const address of ['nobody@people.example', sam.address, una.address, nora.address]) {
      t.strictSame(alike(await signIn(test, address)), alike(wrong), address)
    }
    t.strictSame(await written(test), before, 'and nothing was written')
  })

  await t.test('many wrong ones must wait, alike for an address that exists and one that does not', async (t) => {
    const tries = async (address: string) => {
      for (let free = 0; free < 10; free++) t.equal((await signIn(test, address, wrongPassword)).status, 401)
      return signIn(test, address)
    }
    const known = await tries(anna.address)
    t.match(known, { status: 429, headers: { 'retry-after': '1' }, body: { code: 'quota_exceeded' } })
    t.strictSame(alike(await tries('nobody@people.example')), alike(known))
    test.clock.advance(1_000)
    t.equal((await signIn(test, anna.address)).status, 201, 'and then the right one is let in')
  })

  await t.test('the last guess that need not wait is told to the person, once, by the same statements as to nobody', async (t) => {
    const wire = listen(test.opened)
    await mailbox(test)
    const seen: object[] = []
    for (const address of [anna.address, 'nobody@people.example', sam.address]) {
      for (let guess = 1; guess < 10; guess++) await signIn(test, address, wrongPassword)
      t.equal((await mailbox(test)).length, 0, 'nine are not told')
      const sent = wire.sent
      const tenth = await signIn(test, address, wrongPassword)
      seen.push({ ...alike(tenth), statements: wire.sent - sent })
      const letters = await mailbox(test)
      if (address === anna.address) t.match(letters, [{ to: anna.address, subject: 'Wrong passwords were tried', text: /must wait/ }])
      else if (address !== sam.address) t.strictSame(letters, [])
      test.clock.advance(1_000)
      t.equal((await signIn(test, address, wrongPassword)).status, 401)
      t.equal((await mailbox(test)).length, 0, 'nor are later ones')
      await db.delete(throttles)
    }
    t.match(seen[0], { status: 401 })
    for (const other of seen) t.strictSame(other, seen[0])
  })

  await t.test('one network cannot try many addresses', async (t) => {
    const from = (remoteAddress: string, address: string) =>
      test.app.inject({ method: 'POST', url: '/v1/sessions', remoteAddress, payload: { address, password: wrongPassword } })
    t.equal((await from('192.0.2.7', 'one@people.example')).statusCode, 401)
    // Forty-nine more, without the work of hashing.
    for (let more = 1; more < 50; more++)
      await countAttempt(db, test.clock.offset(), signInBuckets(`user${more}@people.example`, '192.0.2.7'))
    t.equal((await from('192.0.2.7', 'another@people.example')).statusCode, 429)
    t.equal((await from('192.0.2.8', 'another@people.example')).statusCode, 401)
  })

  await t.test('right passwords never add up to a wait', async (t) => {
    for (let times = 0; times < 12; times++) t.equal((await signIn(test, anna.address)).status, 201)
  })

  await t.test('what is no address is said, whoever asks', async (t) => {
    const reply = await signIn(test, 'not an address')
    t.match(reply, { status: 422, body: { errors: [{ pointer: '#/address', code: 'format' }] } })
    t.equal(await db.$count(throttles), 0)
    for (const body of [{ address: anna.address }, { address: anna.address, password, remember: true }, { address: 1, password }]) {
      t.equal((await send(test, 'POST', '/v1/sessions', { body })).status, 422)
    }
  })

  await t.test('under too many at once the answer is 503, it counts as no attempt, and nobody hashes more', async (t) => {
    const release = holdHashing()
    const waiting = Array.from({ length: 32 }, (_, index) => signIn(test, index === 0 ? anna.address : `queue${index % 8}@people.example`))
    await waitingForHash(32)
    const refused = await signIn(test, anna.address)
    t.match(refused, { status: 503, headers: { 'retry-after': '2' }, body: { code: 'unavailable' } })
    release()
    const statuses = (await Promise.all(waiting)).map(({ status }) => status)
    t.equal(statuses[0], 201)
  })

  await t.test('a sign-in keeps its place until its session is written', { skip: noSessions }, async (t) => {
    const other = new pg.Client({ connectionString: test.opened.settings['DATABASE_URL'] as string })
    await other.connect()
    t.teardown(() => other.end())
    const release = holdHashing(places - 1)
    await other.query('begin')
    await other.query('select from users where id = $1 for update', [anna.id])
    const first = signIn(test, anna.address)
    const waits = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
    while ((await other.query(waits)).rowCount === 0) await new Promise((resolve) => setImmediate(resolve))
    const second = signIn(test, 'queue1@people.example')
    await waitingForHash(1)
    await other.query('commit')
    t.strictSame([(await first).status, (await second).status], [201, 401])
    release()
  })

  await t.test('what changes while the password is checked counts', async (t) => {
    // As whatever takes an address away does (src/authority/locks.ts).
    const raised = { authorityRevision: sql`${users.authorityRevision} + 1` }
    const before = await written(test)
    const release = holdHashing()
    const reply = signIn(test, anna.address)
    await waitingForHash(1)
    await db.update(users).set({ status: 'suspended' }).where(eq(users.id, anna.id))
    release()
    t.match(await reply, { status: 401, body: { code: 'unauthenticated' } })
    t.strictSame(await written(test), before, 'and nothing was written')
    await db.update(users).set({ status: 'active' }).where(eq(users.id, anna.id))
    const releaseAgain = holdHashing()
    const other = signIn(test, anna.address)
    await waitingForHash(1)
    await db.delete(addresses).where(eq(addresses.userId, anna.id))
    await db.update(users).set(raised).where(eq(users.id, anna.id))
    releaseAgain()
    t.match(await other, { status: 401 })
  })
})

t.test('a stronger setting makes the hash anew at the next sign-in, a weaker one never', async (t) => {
  const test = await openTestApp(t, { PASSWORD_HASH_PASSES: '3' })
  const { db } = test.context
  const anna = await person(test, 'Anna')
  const stored = async () => (await db.select({ hash: users.passwordHash }).from(users).where(eq(users.id, anna.id)))[0]?.hash as string
  await givePassword({ ...test, context: { ...test.context, config: { ...test.config, passwordHashPasses: 2 } } }, anna)
  t.match(await stored(), /t=2/)
  t.equal((await signIn(test, anna.address, wrongPassword)).status, 401)
  t.match(await stored(), /t=2/)
  t.equal((await signIn(test, anna.address)).status, 201)
  const renewed = await stored()
  t.match(renewed, /t=3/)
  t.equal((await signIn(test, anna.address)).status, 201)
  t.equal(await stored(), renewed)
})
