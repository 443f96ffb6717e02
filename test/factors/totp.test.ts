import { eq, like, sql } from 'drizzle-orm'
import { decodeJwt } from 'jose'
import t from 'tap'
import { idempotencyKeys, recoveryCodes, secondFactors, sessions, throttles, users } from '../../src/database/tables.ts'
import { openTestApp, send } from '../fixtures/app.ts'
import { person, tokenFor } from '../fixtures/cast.ts'
import { mailbox } from '../fixtures/mail.ts'
import { givePassword, holdHashing, password, waitingForHash } from '../fixtures/passwords.ts'
import { countRows } from '../fixtures/rows.ts'
import { addApp, codeOf, eventsBy, factorsPath, guarded, nextStep, signInWith, stepUpWith, wrongCodeOf } from './stage.ts'

t.test('an authenticator app', async (t) => {
  const test = await openTestApp(t)
  const { db } = test.context
  t.beforeEach(() => db.delete(throttles))

  await t.test('is prepared, and does not count before its first code was right', async (t) => {
    const anna = await person(test, 'Anna')
    await givePassword(test, anna)
    const prepared = await send(test, 'POST', `${factorsPath}/totp`, { token: anna.token, body: { name: 'Phone' } })
    t.equal(prepared.status, 201, prepared.text)
    const { factor, secret, uri } = prepared.body
    t.match(factor, { kind: 'totp', name: 'Phone', confirmedAt: null, lastUsedAt: null })
    t.match(secret, /^[A-Z2-7]{32}$/)
    t.match(decodeURIComponent(uri), `otpauth://totp/mandate.test:${anna.address}?`)
    t.match(uri, `secret=${secret}`)
    t.equal((await signInWith(test, anna.address)).status, 201, 'the password alone is enough')

    const again = await send(test, 'POST', `${factorsPath}/totp`, { token: anna.token, body: {} })
    t.match(again.body.factor, { name: 'Authenticator app' })
    const list = await send(test, 'GET', factorsPath, { token: anna.token })
    t.strictSame(list.body, { items: [again.body.factor], nextCursor: null }, 'another one takes its place')
    const gone = await send(test, 'POST', `${factorsPath}/${factor.id}/confirm`, {
      token: anna.token,
      body: { code: codeOf(secret, test.clock.now()) },
    })
    t.match(gone, { status: 404, body: { code: 'not_found' } })
    t.strictSame(await eventsBy(test, anna.id), ['factor.prepared', 'session.started', 'factor.prepared'])
  })

  await t.test('confirmed, it comes with recovery codes, ends what the password alone began, and the person is told', async (t) => {
    const anna = await person(test, 'Anna')
    const other = await person(test, 'Other')
    await givePassword(test, anna)
    const elsewhere = (await signInWith(test, anna.address)).body
    const prepared = await send(test, 'POST', `${factorsPath}/totp`, { token: anna.token, body: {} })
    const { secret, factor } = prepared.body
    await mailbox(test)
    const confirm = `${factorsPath}/${factor.id}/confirm`
    const wrong = await send(test, 'POST', confirm, { token: anna.token, body: { code: wrongCodeOf(secret, test.clock.now()) } })
    t.match(wrong, { status: 422, body: { errors: [{ pointer: '#/code', code: 'wrong' }] } })
    const foreign = await send(test, 'POST', confirm, { token: other.token, body: { code: codeOf(secret, test.clock.now()) } })
    t.match(foreign, { status: 404 }, "it is nobody else's")
    t.equal((await send(test, 'POST', `${factorsPath}/nonsense/confirm`, { token: anna.token, body: { code: '123456' } })).status, 404)

    const revision = async () => (await db.select().from(users).where(eq(users.id, anna.id)))[0]?.authorityRevision as number
    const before = await revision()
    const confirmed = await send(test, 'POST', confirm, { token: anna.token, body: { code: codeOf(secret, test.clock.now()) } })
    t.equal(confirmed.status, 200, confirmed.text)
    t.equal(confirmed.body.recoveryCodes.length, 10)
    t.equal(new Set(confirmed.body.recoveryCodes).size, 10)
    for (const code of confirmed.body.recoveryCodes) t.match(code, /^([0-9a-hjkmnp-tv-z]{4}-){3}[0-9a-hjkmnp-tv-z]{4}$/)
    t.ok(confirmed.body.factor.confirmedAt)
    t.ok((await revision()) > before, 'whatever was decided before is decided again')
    t.match(await mailbox(test), [{ to: anna.address, subject: 'A second factor was added' }])
    t.equal((await send(test, 'GET', '/v1/sessions', { token: elsewhere.accessToken })).status, 401, 'the other session has ended')
    const [session] = await db.select().from(sessions).where(eq(sessions.id, anna.session))
    t.match(session, { method: 'password+totp', level: 'two_factors', endedAt: null }, 'this one has shown both')
    t.strictSame((await eventsBy(test, anna.id)).slice(-2), ['factor.added', 'session.ended'])
    const repeated = await send(test, 'POST', confirm, { token: anna.token, body: { code: codeOf(secret, test.clock.now()) } })
    t.match(repeated, { status: 409, body: { code: 'conflict' } })
  })

  await t.test('is asked for at sign-in, after the right password only', async (t) => {
    const anna = await guarded(test, 'Anna')
    const code = () => codeOf(anna.secret, test.clock.now())
    const without = await signInWith(test, anna.address)
    t.match(without, {
      status: 401,
      headers: { 'www-authenticate': 'Bearer' },
      body: { code: 'second_factor_required', accepts: ['totp', 'recovery_code'] },
    })
    const wrongPassword = await send(test, 'POST', '/v1/sessions', {
      body: { address: anna.address, password: 'not it at all', code: code() },
    })
    t.match(wrongPassword, { status: 401, body: { code: 'unauthenticated' } })
    t.notOk(wrongPassword.body.accepts)
    const before = await countRows(db)
    for (const wrong of [wrongCodeOf(anna.secret, test.clock.now()), '12345', 'nonsense', '1234567', ' ']) {
      const reply = await signInWith(test, anna.address, wrong)
      t.match(reply, { status: 401, body: { code: 'second_factor_required', detail: /wrong/ } }, JSON.stringify(wrong))
      await db.delete(throttles)
    }
    t.strictSame(await countRows(db), before, 'and nothing was written')
    const typed = code().replace(/^(...)/, '$1 ')
    const right = await signInWith(test, anna.address, typed)
    t.equal(right.status, 201, 'however it is typed')
    t.strictSame(decodeJwt(right.body.accessToken)['amr'], ['pwd', 'otp', 'mfa'])
    const list = await send(test, 'GET', '/v1/sessions', { token: right.body.accessToken })
    t.equal(list.body.items.find((session: { current: boolean }) => session.current).method, 'password+totp')
  })

  await t.test('gives a code that serves once, here or there', async (t) => {
    const anna = await guarded(test, 'Anna')
    const first = codeOf(anna.secret, test.clock.now())
    t.equal((await signInWith(test, anna.address, first)).status, 201)
    t.match(await signInWith(test, anna.address, first), { status: 401, body: { code: 'second_factor_required' } })
    t.match(await stepUpWith(test, anna.token, first), { status: 422, body: { errors: [{ pointer: '#/code' }] } })
    const former = codeOf(anna.secret, test.clock.now() - 30_000)
    t.match(await signInWith(test, anna.address, former), { status: 401 }, 'nor does one from before it, seen over a shoulder')
    nextStep(test)
    t.equal((await signInWith(test, anna.address, codeOf(anna.secret, test.clock.now()))).status, 201)
  })

  await t.test('lets exactly one of many at once in with the same code', async (t) => {
    const anna = await guarded(test, 'Anna')
    const code = codeOf(anna.secret, test.clock.now())
    const sent = await Promise.all(Array.from({ length: 4 }, () => signInWith(test, anna.address, code)))
    t.strictSame(sent.map(({ status }) => status).sort(), [201, 401, 401, 401])
  })

  await t.test('is asked for at step-up', async (t) => {
    const anna = await guarded(test, 'Anna')
    t.match(await stepUpWith(test, anna.token), { status: 401, body: { code: 'second_factor_required' } })
    const stepped = await stepUpWith(test, anna.token, codeOf(anna.secret, test.clock.now()))
    t.equal(stepped.status, 200, stepped.text)
    t.strictSame(decodeJwt(stepped.body.accessToken)['amr'], ['pwd', 'otp', 'mfa'])
    nextStep(test)
    const body = { password: 'not it at all', code: codeOf(anna.secret, test.clock.now()) }
    const wrong = await send(test, 'POST', '/v1/sessions/step-up', { token: anna.token, body })
    t.match(wrong, { status: 422, body: { errors: [{ pointer: '#/password', code: 'wrong' }] } })
    const release = holdHashing()
    const slow = stepUpWith(test, anna.token, codeOf(anna.secret, test.clock.now()))
    await waitingForHash(1)
    await db.update(users).set({ passwordHash: 'another' }).where(eq(users.id, anna.id))
    release()
    t.match(await slow, { status: 422, body: { errors: [{ pointer: '#/password' }] } }, 'nor a password that was changed meanwhile')
    await givePassword(test, anna)
    const used = await stepUpWith(test, anna.token, codeOf(anna.secret, test.clock.now()))
    t.equal(used.status, 200, 'and none of these used the code up')
    const neither = await send(test, 'POST', '/v1/sessions/step-up', { token: anna.token, body: {} })
    t.match(neither, { status: 422, body: { errors: [{ pointer: '#', code: 'required' }] } })
  })

  await t.test('slows those down who guess, and locks nobody out', async (t) => {
    const anna = await guarded(test, 'Anna')
    const wrong = wrongCodeOf(anna.secret, test.clock.now())
    const wait = like(throttles.bucket, 'second-factor:%')
    t.equal((await signInWith(test, anna.address, wrong)).status, 401)
    t.equal((await db.select().from(throttles).where(wait))[0]?.attempts, 1)
    await db.update(throttles).set({ attempts: 9 }).where(wait)
    await mailbox(test)
    t.equal((await signInWith(test, anna.address, wrong)).status, 401)
    t.match(await mailbox(test), [{ to: anna.address, subject: 'Wrong codes were tried', text: /only the second factor keeps him out/ }])
    await db.update(throttles).set({ attempts: 100 }).where(wait)
    const right = () => signInWith(test, anna.address, codeOf(anna.secret, test.clock.now()))
    const early = await right()
    t.equal(early.status, 429, 'after many wrong ones the right one must wait as well')
    t.equal((await stepUpWith(test, anna.token, codeOf(anna.secret, test.clock.now()))).status, 429, 'wherever it is shown')
    t.equal((await signInWith(test, anna.address)).status, 401, 'but asking which are accepted is no guess')
    test.clock.advance(Number(early.headers['retry-after']) * 1000)
    t.equal((await right()).status, 201)
  })

  await t.test('keeps its key sealed, and a repetition does not show it again', async (t) => {
    const anna = await person(test, 'Anna')
    const request = { token: anna.token, key: 'prepare', body: {} }
    const prepared = await send(test, 'POST', `${factorsPath}/totp`, request)
    const again = await send(test, 'POST', `${factorsPath}/totp`, request)
    t.match(again, { status: 201, headers: { 'idempotency-replayed': 'true' }, body: { secret: null, uri: null } })
    t.strictSame(again.body.factor, prepared.body.factor)
    const { secret, factor } = prepared.body
    const confirm = { token: anna.token, key: 'confirm', body: { code: codeOf(secret, test.clock.now()) } }
    const confirmed = await send(test, 'POST', `${factorsPath}/${factor.id}/confirm`, confirm)
    const repeated = await send(test, 'POST', `${factorsPath}/${factor.id}/confirm`, confirm)
    t.match(repeated, { status: 200, body: { recoveryCodes: null, factor: confirmed.body.factor } })

    const [row] = await db.select().from(secondFactors).where(eq(secondFactors.id, factor.id))
    const [typed] = confirmed.body.recoveryCodes
    const stored = JSON.stringify([
      row?.sealedSecret?.toString('latin1'),
      await db.select().from(idempotencyKeys),
      await db.select().from(recoveryCodes),
      (await db.execute(sql`select * from journal_events`)).rows,
      (await db.execute(sql`select data from pgboss.job`)).rows,
    ])
    for (const canary of [secret, typed, typed.replaceAll('-', '')]) t.notMatch(stored, canary)
  })

  await t.test('may be one of several, up to ten', async (t) => {
    const anna = await guarded(test, 'Anna')
    const second = await addApp(test, anna.token)
    t.equal(second.recoveryCodes, null, 'the codes of the first stay')
    nextStep(test)
    t.equal((await signInWith(test, anna.address, codeOf(second.secret, test.clock.now()))).status, 201)
    t.equal((await signInWith(test, anna.address, codeOf(anna.secret, test.clock.now()))).status, 201)
    const at = new Date(test.clock.now())
    const row = { userId: anna.id, kind: 'passkey', name: 'Key', createdAt: at, confirmedAt: at } as const
    for (let made = 2; made < 10; made++) await db.insert(secondFactors).values({ ...row, id: crypto.randomUUID() })
    const more = await send(test, 'POST', `${factorsPath}/totp`, { token: anna.token, body: {} })
    t.match(more, { status: 409, body: { code: 'conflict' } })
    const read = async (query: string) => (await send(test, 'GET', `${factorsPath}${query}`, { token: anna.token })).body
    const all = await read('')
    t.equal(all.items.length, 10)
    const first = await read('?limit=1')
    const next = await read(`?limit=100&cursor=${first.nextCursor}`)
    t.strictSame([...first.items, ...next.items], all.items, 'pages make up the list')
  })

  await t.test('cannot be added by a sign-in that is not fresh, nor by the password alone where there is one', async (t) => {
    const anna = await guarded(test, 'Anna')
    const before = await countRows(db)
    const old = await tokenFor(test, anna.id, anna.session, 3_600)
    t.match(await send(test, 'POST', `${factorsPath}/totp`, { token: old, body: {} }), { status: 401, body: { code: 'step_up_required' } })
    await db.update(sessions).set({ method: 'password', level: 'one_factor' }).where(eq(sessions.id, anna.session))
    const denied = { status: 401, body: { code: 'second_factor_required', accepts: ['totp', 'recovery_code'] } }
    t.match(await send(test, 'POST', `${factorsPath}/totp`, { token: anna.token, body: {} }), denied)
    t.match(await send(test, 'POST', `${factorsPath}/recovery-codes`, { token: anna.token }), denied)
    t.match(await send(test, 'DELETE', `${factorsPath}/${anna.factor}`, { token: anna.token }), denied)
    t.strictSame(await countRows(db), before, 'and nothing was written')
    const both = await stepUpWith(test, anna.token, codeOf(anna.secret, test.clock.now()))
    t.equal((await send(test, 'DELETE', `${factorsPath}/${anna.factor}`, { token: both.body.accessToken })).status, 204)
  })

  await t.test('removed, it counts no more, and with the last one go the recovery codes', async (t) => {
    const anna = await guarded(test, 'Anna')
    const second = await addApp(test, anna.token)
    await mailbox(test)
    const remove = (id: string) => send(test, 'DELETE', `${factorsPath}/${id}`, { token: anna.token })
    t.equal((await remove(second.factor)).status, 204)
    t.equal((await remove(second.factor)).status, 204, 'once more is the same')
    t.equal((await remove(crypto.randomUUID())).status, 404)
    t.equal((await remove('nonsense')).status, 404)
    nextStep(test)
    t.equal((await signInWith(test, anna.address, codeOf(second.secret, test.clock.now()))).status, 401)
    t.equal(await db.$count(recoveryCodes, eq(recoveryCodes.userId, anna.id)), 10)
    const pending = await send(test, 'POST', `${factorsPath}/totp`, { token: anna.token, body: {} })
    t.equal((await remove(pending.body.factor.id)).status, 204)
    t.equal((await mailbox(test)).length, 1, 'one that never counted is no news')
    t.equal((await remove(anna.factor)).status, 204)
    t.match(await mailbox(test), [{ to: anna.address, subject: 'A second factor was removed' }])
    t.equal(await db.$count(recoveryCodes, eq(recoveryCodes.userId, anna.id)), 0)
    const [row] = await db.select().from(secondFactors).where(eq(secondFactors.id, anna.factor))
    t.equal(row?.sealedSecret, null, 'its key is gone')
    t.equal((await signInWith(test, anna.address)).status, 201)
    t.strictSame((await eventsBy(test, anna.id)).filter((kind) => kind === 'factor.removed').length, 3)
  })

  await t.test('is not asked of those who have none, whatever they send', async (t) => {
    const nick = await person(test, 'Nick')
    await givePassword(test, nick)
    const reply = await send(test, 'POST', '/v1/sessions', { body: { address: nick.address, password, code: '123456' } })
    t.equal(reply.status, 201)
    t.strictSame(decodeJwt(reply.body.accessToken)['amr'], ['pwd'])
  })
})
