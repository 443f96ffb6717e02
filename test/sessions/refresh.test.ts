import { eq, sql } from 'drizzle-orm'
import { decodeJwt } from 'jose'
import t, { type Test } from 'tap'
import { journalEvents, refreshTokens, sessions, throttles, users } from '../../src/database/tables.ts'
import { graceMs } from '../../src/identity/refresh-tokens.ts'
import { openTestApp, type Sent, send, type TestApp } from '../fixtures/app.ts'
import { account, contact, person } from '../fixtures/cast.ts'
import { eventsOf } from '../fixtures/ledger.ts'
import { mailbox } from '../fixtures/mail.ts'
import { givePassword, password, signIn } from '../fixtures/passwords.ts'
import { countRows } from '../fixtures/rows.ts'
import { askToNarrow, panel, post, proof } from '../oauth/stage.ts'

type Tokens = { accessToken: string; refreshToken: string; session: { id: string } }

const refresh = (test: TestApp, token: string, rest: Record<string, string> = {}): Promise<Sent> =>
  post(test, '/oauth/token', { grant_type: 'refresh_token', refresh_token: token, ...rest })
const authTime = (token: string): unknown => decodeJwt(token)['auth_time']
const isOver = async (test: TestApp, token: string) => (await send(test, 'GET', '/v1/me', { token })).status === 401

/** Demands the one refusal, and that nothing but what is expected was written. */
async function refused(t: Test, sent: Sent, what: string): Promise<void> {
  t.match(sent, { status: 400, body: { error: 'invalid_grant' } }, what)
  t.strictSame(Object.keys(sent.body).sort(), ['error', 'error_description'])
}

t.test('refresh tokens', async (t) => {
  const test = await openTestApp(t)
  const { db } = test.context
  const anna = await person(test, 'Anna')
  await givePassword(test, anna)
  const begin = async (): Promise<Tokens> => (await signIn(test, anna.address)).body
  const rowOf = async (id: string) => (await db.select().from(sessions).where(eq(sessions.id, id)))[0]
  t.beforeEach(() => db.delete(throttles))

  await t.test('renew the access token, once each, and are no fresh sign-in', async (t) => {
    const { accessToken, refreshToken, session } = await begin()
    t.match(refreshToken, /^mdt_rt_[\w-]{43}$/)
    test.clock.advance(700_000)
    t.ok(await isOver(test, accessToken), 'the access token has expired')
    const first = await refresh(test, refreshToken)
    t.match(first, { status: 200, headers: { 'cache-control': 'no-store' }, body: { token_type: 'Bearer', expires_in: 600 } })
    t.match(first.body.refresh_token, /^mdt_rt_[\w-]{43}$/)
    t.not(first.body.refresh_token, refreshToken)
    const { access_token: renewed } = first.body
    t.match(decodeJwt(renewed), { sub: anna.id, sid: session.id, client_id: 'mandate', amr: ['pwd'] })
    t.equal(authTime(renewed), authTime(accessToken))
    t.notOk(await isOver(test, renewed))
    const act = await send(test, 'POST', '/v1/me/second-factors/totp', { token: renewed, body: {} })
    t.match(act, { status: 401, body: { code: 'step_up_required' } })
    const second = await refresh(test, first.body.refresh_token)
    t.equal(second.status, 200, second.text)
    t.equal((await rowOf(session.id))?.endedAt, null)
    const list = await send(test, 'GET', '/v1/sessions', { token: second.body.access_token })
    const listed = list.body.items.find(({ id }: { id: string }) => id === session.id)
    t.ok(Date.parse(listed.lastRenewedAt) - Date.parse(listed.createdAt) > 600_000)
  })

  await t.test('do not share in a step-up that came later', async (t) => {
    const { accessToken, refreshToken } = await begin()
    test.clock.advance(300_000)
    const stepped = await send(test, 'POST', '/v1/sessions/step-up', { token: accessToken, body: { password } })
    t.equal(stepped.status, 200, stepped.text)
    t.notOk(stepped.body.refreshToken)
    t.ok(Number(authTime(stepped.body.accessToken)) > Number(authTime(accessToken)))
    t.equal(authTime((await refresh(test, refreshToken)).body.access_token), authTime(accessToken), 'RFC 9068, section 2.2.1')
  })

  await t.test('end with the session and never outlive it', async (t) => {
    const ended = await begin()
    await send(test, 'DELETE', '/v1/sessions/current', { token: ended.accessToken })
    await refused(t, await refresh(test, ended.refreshToken), 'ended')
    const late = await begin()
    const until = test.clock.now() + 30_000
    await db
      .update(sessions)
      .set({ expiresAt: new Date(until) })
      .where(eq(sessions.id, late.session.id))
    const last = await refresh(test, late.refreshToken)
    t.ok(last.body.expires_in <= 30)
    t.equal(decodeJwt(last.body.access_token).exp, Math.floor(until / 1000))
    test.clock.advance(30_000)
    await refused(t, await refresh(test, last.body.refresh_token), 'over')
  })

  await t.test('are of no use to a suspended user, until he is restored', async (t) => {
    const { refreshToken } = await begin()
    const set = (status: 'active' | 'suspended') => db.update(users).set({ status }).where(eq(users.id, anna.id))
    await set('suspended')
    const before = await countRows(db)
    await refused(t, await refresh(test, refreshToken), 'suspended')
    t.strictSame(await countRows(db), before, 'and nothing was written')
    await set('active')
    t.equal((await refresh(test, refreshToken)).status, 200)
  })

  await t.test('are refused when unknown, of another kind, or sent with other things', async (t) => {
    const { accessToken, refreshToken } = await begin()
    const other = await panel(test)
    const proven = await proof(test, other)
    const before = await countRows(db, ['used_assertions'])
    for (const token of ['nonsense', accessToken, `mdt_rt_${'A'.repeat(43)}`])
      await refused(t, await refresh(test, token), token.slice(0, 9))
    await refused(t, await refresh(test, refreshToken, proven), 'by a client it was not issued to')
    t.match(await refresh(test, refreshToken, { client_id: other.id }), { status: 401, body: { error: 'invalid_client' } })
    t.match(await post(test, '/oauth/token', { grant_type: 'refresh_token' }), { status: 400, body: { error: 'invalid_request' } })
    t.match(await refresh(test, refreshToken, { scope: 'all' }), { body: { error: 'invalid_scope' } })
    t.match(await refresh(test, refreshToken, { authorization_details: '[]' }), { body: { error: 'invalid_authorization_details' } })
    t.strictSame(await countRows(db, ['used_assertions']), before, 'and nothing was written')
    t.equal((await send(test, 'GET', '/v1/me', { token: refreshToken })).status, 401, 'they open nothing themselves')
    t.equal((await refresh(test, refreshToken, { client_id: 'mandate' })).status, 200)
  })

  await t.test('used twice within seconds give the same successor', async (t) => {
    const { refreshToken, session } = await begin()
    const sent = await Promise.all(Array.from({ length: 20 }, () => refresh(test, refreshToken)))
    t.strictSame([...new Set(sent.map(({ status }) => status))], [200])
    const successors = new Set(sent.map(({ body }) => body.refresh_token))
    t.equal(successors.size, 1)
    t.equal(await db.$count(refreshTokens, eq(refreshTokens.sessionId, session.id)), 2, 'one successor was made')
    t.equal((await rowOf(session.id))?.endedAt, null)
    test.clock.advance(graceMs - 2_000)
    t.strictSame((await refresh(test, refreshToken)).body.refresh_token, [...successors][0])
    t.equal((await refresh(test, [...successors][0] as string)).status, 200)
    await mailbox(test)
    t.equal((await rowOf(session.id))?.endedAt, null)
  })

  await t.test('used again later end the session, with everything on it, and the person is told', async (t) => {
    const a = await account(test, 'Alpha Ltd')
    await contact(test, a, anna, 'owner')
    const { accessToken, refreshToken, session } = await begin()
    const elsewhere = await begin()
    const cut = await askToNarrow(test, accessToken, { account: a.id })
    t.equal(cut.status, 200, cut.text)
    const { refresh_token: successor } = (await refresh(test, refreshToken)).body
    await mailbox(test)
    test.clock.advance(graceMs + 1_000)
    await refused(t, await refresh(test, refreshToken), 'used before')
    t.ok((await rowOf(session.id))?.endedAt)
    await refused(t, await refresh(test, successor), 'the successor is dead')
    t.ok(await isOver(test, accessToken))
    t.ok(await isOver(test, cut.body.access_token), 'and what was cut from it')
    t.notOk(await isOver(test, elsewhere.accessToken), 'other sessions go on')
    const about = await db.select().from(journalEvents).where(eq(journalEvents.resourceId, session.id)).orderBy(journalEvents.id)
    t.match(about.at(-1), { kind: 'session.ended', reason: 'refresh_token_reused', actorUserId: anna.id, sessionId: session.id })
    t.strictSame(about.at(-1)?.verifiedAt, about[0]?.at, 'a token proves nobody anew: he was verified when he signed in')
    t.match(await mailbox(test), [{ to: anna.address, subject: 'A session was ended', text: /used twice/ }])
    const before = (await eventsOf(test, about[0]?.accountId as string)).length
    await refused(t, await refresh(test, refreshToken), 'and again')
    t.equal((await eventsOf(test, about[0]?.accountId as string)).length, before, 'it ends once')
    t.strictSame(await mailbox(test), [])
  })

  await t.test('of which two are used at once after that, end it once', async (t) => {
    const { refreshToken, session } = await begin()
    await refresh(test, refreshToken)
    test.clock.advance(graceMs + 1_000)
    for (const sent of await Promise.all([refresh(test, refreshToken), refresh(test, refreshToken)])) await refused(t, sent, 'used before')
    const ends = await db.select().from(journalEvents).where(eq(journalEvents.resourceId, session.id))
    t.equal(ends.filter(({ kind }) => kind === 'session.ended').length, 1)
  })

  await t.test('get no longer grace from a clock that was put back', async (t) => {
    const { refreshToken, session } = await begin()
    test.clock.advance(graceMs * 3)
    const token = (await refresh(test, refreshToken)).body.refresh_token
    test.clock.advance(-graceMs * 2)
    await refused(t, await refresh(test, refreshToken), 'used before')
    t.ok((await rowOf(session.id))?.endedAt)
    await refused(t, await refresh(test, token), 'the successor is dead')
    test.clock.advance(graceMs)
  })

  await t.test('can be handed back, which ends the session, but by no client they are not of', async (t) => {
    const { accessToken, refreshToken } = await begin()
    const other = await panel(test)
    t.equal((await post(test, '/oauth/revoke', { token: refreshToken, ...(await proof(test, other)) })).status, 200)
    t.notOk(await isOver(test, accessToken))
    t.equal((await post(test, '/oauth/revoke', { token: refreshToken, token_type_hint: 'refresh_token' })).status, 200)
    t.ok(await isOver(test, accessToken))
    await refused(t, await refresh(test, refreshToken), 'handed back')
  })

  await t.test('of which nothing that is stored can be used', async (t) => {
    const { refreshToken } = await begin()
    const successor = (await refresh(test, refreshToken)).body.refresh_token
    const { rows } = await db.execute<{ row: string }>(sql`select t::text as row from refresh_tokens t`)
    const stored = rows.map(({ row }) => row).join('\n')
    for (const secret of [refreshToken, successor]) {
      t.notOk(stored.includes(secret))
      t.notOk(stored.includes(Buffer.from(secret).toString('hex')))
    }
  })
})
