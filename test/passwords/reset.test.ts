import { and, eq, isNull } from 'drizzle-orm'
import t from 'tap'
import { addresses, journalEvents, sessions, singleUseTokens, throttles, users } from '../../src/database/tables.ts'
import { countAttempt } from '../../src/database/throttle.ts'
import { resetBuckets } from '../../src/identity/limits.ts'
import { Authenticator } from '../factors/authenticator.ts'
import { codeOf, factorsPath, guarded, wrongCodeOf } from '../factors/stage.ts'
import { issuer, openTestApp, type Sent, send } from '../fixtures/app.ts'
import { account, contact, person, staff } from '../fixtures/cast.ts'
import { refusedOf } from '../fixtures/ledger.ts'
import { mailbox, tokenIn, tokenMailedTo } from '../fixtures/mail.ts'
import { alike, givePassword, password, signIn } from '../fixtures/passwords.ts'
import { personalToken } from '../oauth/stage.ts'
import { listen } from '../races/arena.ts'

const newPassword = 'another horse battery staple'

t.test('resetting a password', async (t) => {
  const test = await openTestApp(t)
  const { db } = test.context
  const wire = listen(test.opened)
  const ask = (address: string): Promise<Sent> => send(test, 'POST', '/v1/password-resets', { body: { address } })
  const complete = (token: string, rest: object = {}): Promise<Sent> =>
    send(test, 'POST', '/v1/password-resets/complete', { body: { token, newPassword, ...rest } })
  const mailed = async (address: string): Promise<string> => {
    t.equal((await ask(address.toUpperCase())).status, 202)
    return tokenMailedTo(test, address)
  }
  const signedUp = async (name: string) => {
    const made = await person(test, name)
    await givePassword(test, made)
    return made
  }
  t.beforeEach(() => db.delete(throttles))

  await t.test('goes by mail, once, and ends every session and token', async (t) => {
    const anna = await signedUp('Anna')
    const a = await account(test, 'Alpha Ltd')
    await contact(test, a, anna, 'owner')
    const tool = await personalToken(test, anna.token, { account: a.id })
    const [first, second] = [await mailed(anna.address), await mailed(anna.address)]
    const done = await complete(second)
    t.match(done, { status: 204, text: '' }, done.text)
    t.equal(await db.$count(sessions, and(eq(sessions.userId, anna.id), isNull(sessions.endedAt))), 0)
    t.equal((await send(test, 'GET', '/v1/tickets', { token: tool.secret })).status, 401)
    t.equal((await signIn(test, anna.address)).status, 401)
    t.equal((await signIn(test, anna.address, newPassword)).status, 201)
    t.match(await mailbox(test), [{ to: anna.address, subject: 'Your password was reset', text: /have ended/ }])
    const events = await db.select().from(journalEvents).where(eq(journalEvents.kind, 'password.reset'))
    t.match(events, [
      { actorUserId: anna.id, capacity: 'self', verification: 'email:proven', verificationLevel: 'mailbox', resourceId: anna.id },
    ])
    const ofReset = await db
      .select()
      .from(journalEvents)
      .where(eq(journalEvents.requestId, String(events[0]?.requestId)))
    t.ok(ofReset.length > 1, 'sessions ended')
    for (const { kind, at, verification, verifiedAt } of ofReset) {
      t.strictSame(
        { verification, verifiedAt },
        { verification: 'email:proven', verifiedAt: at },
        `${kind}: he has proven the address just now`,
      )
    }
    const used = await complete(second)
    t.match(used, { status: 403, body: { code: 'not_authorised' } })
    t.strictSame(alike(await complete(first)), alike(used), 'another one that was under way')
    t.strictSame(alike(await complete('A'.repeat(43))), alike(used), 'an unknown one')
    const late = await mailed(anna.address)
    test.clock.advance(test.config.proofMinutes * 60_000)
    t.strictSame(alike(await complete(late)), alike(used), 'an expired one')
  })

  await t.test('is asked for alike, whoever has the address', async (t) => {
    const anna = await signedUp('Anna')
    const sam = await signedUp('Sam Suspended')
    const una = await person(test, 'Una Unproven', { proven: false })
    await db.update(users).set({ status: 'suspended' }).where(eq(users.id, sam.id))
    await ask('warm.up@people.example')
    await mailbox(test)
    const seen: object[] = []
    for (const address of [anna.address, 'nobody@people.example', sam.address, una.address]) {
      const [rows, sent] = [await db.$count(singleUseTokens), wire.sent]
      const reply = await ask(address)
      seen.push({ ...alike(reply), statements: wire.sent - sent, rows: (await db.$count(singleUseTokens)) - rows })
    }
    t.match(seen[0], { status: 202 })
    for (const other of seen) t.strictSame(other, seen[0], 'status, headers, body, statements and rows')
    t.match(await mailbox(test), [{ to: anna.address, subject: 'Reset your password' }], 'and only one of them gets a letter')
  })

  await t.test('must wait after a few, alike for all', async (t) => {
    const anna = await signedUp('Anna')
    const tries = async (address: string) => {
      for (let free = 0; free < 3; free++) t.equal((await ask(address)).status, 202)
      return ask(address)
    }
    const known = await tries(anna.address)
    t.match(known, { status: 429, body: { code: 'quota_exceeded' } })
    t.strictSame(alike(await tries('nobody@people.example')), alike(known))
    const buckets = (index: number) => resetBuckets(`user${index}@people.example`, '127.0.0.1')
    for (let more = 6; more < 30; more++) await countAttempt(db, test.clock.offset(), buckets(more))
    t.equal((await ask('another@people.example')).status, 429, 'and from one network')
    t.match(await ask('nonsense'), { status: 422, body: { errors: [{ pointer: '#/address', code: 'format' }] } })
    await mailbox(test)
  })

  await t.test('refuses a new password that will not do, and the token stays good', async (t) => {
    const anna = await signedUp('Anna')
    const token = await mailed(anna.address)
    for (const wrong of ['too short', anna.address]) {
      const sent = await refusedOf(t, test, () => complete(token, { newPassword: wrong }))
      t.match(sent, { status: 422, body: { errors: [{ pointer: '#/newPassword' }] } })
    }
    t.equal((await complete(token)).status, 204)
    await mailbox(test)
  })

  await t.test('demands the second factor: a mailbox alone does not get in', async (t) => {
    const gina = await guarded(test, 'Gina')
    await mailbox(test)
    const token = await mailed(gina.address)
    const code = () => codeOf(gina.secret, test.clock.now())
    const without = await refusedOf(t, test, () => complete(token))
    t.match(without, { status: 401, body: { code: 'second_factor_required', accepts: ['totp', 'recovery_code'] } })
    const wrong = await refusedOf(t, test, () => complete(token, { code: wrongCodeOf(gina.secret, test.clock.now()) }))
    t.match(wrong, { status: 401, body: { code: 'second_factor_required', detail: /wrong/ } })
    for (let free = 1; free < 10; free++) t.equal((await complete(token, { code: 'nonsense' })).status, 401)
    t.equal((await complete(token, { code: code() })).status, 429, 'nor does one who guesses')
    await db.delete(throttles)
    t.equal((await complete(token, { code: code() })).status, 204)
    test.clock.advance(30_000)
    await db.delete(throttles)
    t.equal((await signIn(test, gina.address, newPassword)).status, 401, 'which is still asked for at sign-in')
    await mailbox(test)
    const again = await mailed(gina.address)
    t.equal((await complete(again, { code: gina.recoveryCodes[0] })).status, 204, 'a recovery code serves')
    const mails = await mailbox(test)
    t.strictSame(mails.map(({ subject }) => subject).sort(), ['A recovery code was used', 'Your password was reset'])
    const [used] = await db.select().from(journalEvents).where(eq(journalEvents.kind, 'factor.recovery_code_used'))
    t.match(used, { actorUserId: gina.id, verification: 'email:proven' }, 'beside the mailbox, not the password')
  })

  await t.test('takes no passkey as a code, and says so', async (t) => {
    const paul = await signedUp('Paul Passkey')
    const options = await send(test, 'POST', `${factorsPath}/passkeys/options`, { token: paul.token })
    const device = new Authenticator(issuer).create(options.body)
    const added = await send(test, 'POST', `${factorsPath}/passkeys`, { token: paul.token, body: device })
    await mailbox(test)
    const token = await mailed(paul.address)
    t.match(await complete(token), { status: 401, body: { code: 'second_factor_required', accepts: ['recovery_code'] } })
    t.match(await complete(token, { code: '123456' }), { status: 401, body: { accepts: ['recovery_code'] } })
    t.equal((await complete(token, { code: added.body.recoveryCodes[0] })).status, 204)
    await mailbox(test)
  })

  await t.test('is for staff too', async (t) => {
    const sue = await staff(test, 'Sue Support', 'support')
    const token = await mailed(sue.address)
    t.equal((await complete(token)).status, 204)
    t.equal((await signIn(test, sue.address, newPassword)).status, 201)
    await mailbox(test)
  })

  await t.test('is over when the address or the user is', async (t) => {
    const [anna, sam] = [await signedUp('Anna'), await signedUp('Sam')]
    const [lost, suspended] = [await mailed(anna.address), await mailed(sam.address)]
    await db.update(addresses).set({ provenAt: null, removedAt: new Date() }).where(eq(addresses.userId, anna.id))
    await db.update(users).set({ status: 'suspended' }).where(eq(users.id, sam.id))
    for (const token of [lost, suspended]) {
      const refused = await refusedOf(t, test, () => complete(token))
      t.match(refused, { status: 403, body: { code: 'not_authorised' } })
    }
  })

  await t.test('serves once, of two at a time', async (t) => {
    const anna = await signedUp('Anna')
    const token = await mailed(anna.address)
    const both = await Promise.all(['one', 'two'].map((word) => complete(token, { newPassword: `${word} of a pair of passwords` })))
    t.strictSame(both.map(({ status }) => status).sort(), [204, 403])
    await mailbox(test)
  })

  await t.test('voids the letter before when it is sent anew', async (t) => {
    const anna = await signedUp('Anna')
    await ask(anna.address)
    const { rows } = await db.execute<{ id: string }>("select id from pgboss.job where name = 'mail' and state = 'created'")
    t.equal(rows.length, 1)
    const [mail] = await mailbox(test)
    await db.execute(`update pgboss.job set state = 'created', completed_on = null where id = '${rows[0]?.id}'`)
    const [repeated] = await mailbox(test)
    t.equal((await complete(tokenIn(mail))).status, 403)
    t.equal((await complete(tokenIn(repeated))).status, 204)
    t.equal((await signIn(test, anna.address, password)).status, 401)
  })
})
