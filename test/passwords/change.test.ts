import { eq } from 'drizzle-orm'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { accessTokens, journalEvents, sessions, throttles, users } from '../../src/database/tables.ts'
import { Authenticator } from '../factors/authenticator.ts'
import { addApp, codeOf, factorsPath, signInWith } from '../factors/stage.ts'
import { issuer, openTestApp, type Sent, send } from '../fixtures/app.ts'
import { account, contact, person, tokenFor } from '../fixtures/cast.ts'
import { refusedOf } from '../fixtures/ledger.ts'
import { mailbox, tokenMailedTo } from '../fixtures/mail.ts'
import { givePassword, holdHashing, password, signIn, waitingForHash, wrongPassword } from '../fixtures/passwords.ts'
import { askToNarrow, panel, panelToken, personalToken, post, tie } from '../oauth/stage.ts'

const newPassword = 'another horse battery staple'

t.test('changing one’s password', async (t) => {
  const test = await openTestApp(t)
  const { db } = test.context
  const change = (token: string, rest: object = {}): Promise<Sent> =>
    send(test, 'PUT', '/v1/me/password', { token, body: { currentPassword: password, newPassword, ...rest } })
  const isOver = async (token: string) => (await send(test, 'GET', '/v1/me', { token })).status === 401
  const signedUp = async (name: string) => {
    const made = await person(test, name)
    await givePassword(test, made)
    return made
  }
  const begin = async (address: string) => (await signIn(test, address)).body as Record<'accessToken' | 'refreshToken', string>
  t.beforeEach(() => db.delete(throttles))

  await t.test('ends all that others could hold, and goes on here', async (t) => {
    const anna = await signedUp('Anna')
    const a = await account(test, 'Alpha Ltd')
    await contact(test, a, anna, 'owner')
    const shop = await panel(test, { scopes: ['self.read'] })
    const inPanel = await panelToken(test, shop, await tie(test, shop, anna))
    const elsewhere = await begin(anna.address)
    const tool = await personalToken(test, anna.token, { account: a.id, actions: ['self.read'] })
    const cut = await askToNarrow(test, anna.token, { account: a.id, actions: ['self.read'] })
    const asked = await send(test, 'POST', '/v1/password-resets', { body: { address: anna.address } })
    t.equal(asked.status, 202)
    const reset = await tokenMailedTo(test, anna.address)
    await db.insert(sessions).values({
      id: uuid(),
      userId: anna.id,
      kind: 'person',
      method: 'password',
      level: 'one_factor',
      createdAt: new Date(1),
      authenticatedAt: new Date(1),
      expiresAt: new Date(2),
    })
    const tokens = [inPanel, elsewhere.accessToken, tool.secret, cut.body.access_token]
    for (const token of tokens) t.notOk(await isOver(token))
    const before = await db.$count(journalEvents)
    const revision = async () => (await db.select().from(users).where(eq(users.id, anna.id)))[0]?.authorityRevision as number
    const decided = await revision()

    const changed = await change(anna.token)
    t.match(changed, { status: 204, text: '' }, changed.text)
    t.equal(await revision(), decided + 1, 'whatever was decided before is decided again')
    for (const token of tokens) t.ok(await isOver(token))
    t.equal((await post(test, '/oauth/token', { grant_type: 'refresh_token', refresh_token: elsewhere.refreshToken })).status, 400)
    t.notOk(await isOver(anna.token), 'this session goes on')
    t.equal(await db.$count(sessions, eq(sessions.userId, anna.id)), 6)
    t.match(await db.select().from(accessTokens).where(eq(accessTokens.id, tool.id)), [{ revokedAt: Date }])
    const events = await db.select().from(journalEvents).orderBy(journalEvents.id).offset(before)
    t.strictSame(events.map(({ kind }) => kind).sort(), [
      'access_token.revoked',
      'password.changed',
      'session.ended',
      'session.ended',
      'session.ended',
    ])
    t.ok(
      events.every(({ actorUserId, action }) => actorUserId === anna.id && action === 'self.manage'),
      'and nothing is told of what had expired',
    )
    t.match(await mailbox(test), [{ to: anna.address, subject: 'Your password was changed' }])
    t.equal((await signIn(test, anna.address)).status, 401)
    t.equal((await signIn(test, anna.address, newPassword)).status, 201)
    const late = await send(test, 'POST', '/v1/password-resets/complete', { body: { token: reset, newPassword } })
    t.match(late, { status: 403, body: { code: 'not_authorised' } }, 'a reset that was under way is over')
  })

  await t.test('spares what is kept by name', async (t) => {
    const anna = await signedUp('Anna')
    const a = await account(test, 'Alpha Ltd')
    await contact(test, a, anna, 'owner')
    const kept = (await signIn(test, anna.address)).body
    const ended = (await signIn(test, anna.address)).body
    const tool = await personalToken(test, anna.token, { account: a.id, actions: ['self.read'] })
    const lost = await personalToken(test, anna.token, { account: a.id, actions: ['self.read'] })
    const other = await signedUp('Other')
    await contact(test, a, other, 'manager')
    const theirs = await personalToken(test, other.token, { account: a.id })
    const wrong = [
      { keepSessions: [kept.session.id, other.session] },
      { keepSessions: [kept.session.id, uuid()] },
      { keepAccessTokens: [tool.id, theirs.id] },
    ]
    for (const rest of wrong) {
      const sent = await refusedOf(t, test, () => change(anna.token, rest))
      t.match(sent, { status: 422, body: { errors: [{ pointer: `#/${Object.keys(rest)[0]}/1`, code: 'unknown' }] } })
    }
    const changed = await change(anna.token, { keepSessions: [kept.session.id.toUpperCase()], keepAccessTokens: [tool.id] })
    t.equal(changed.status, 204, changed.text)
    for (const token of [kept.accessToken, tool.secret, anna.token]) t.notOk(await isOver(token))
    for (const token of [ended.accessToken, lost.secret]) t.ok(await isOver(token))
  })

  await t.test('takes the present one, a few times wrong at most, and a new one that will do', async (t) => {
    const anna = await signedUp('Anna')
    const refused = async (rest: object, pointer: string, code: string) => {
      const sent = await refusedOf(t, test, () => change(anna.token, rest))
      t.match(sent, { status: 422, body: { errors: [{ pointer, code }] } }, JSON.stringify(rest))
    }
    await refused({ newPassword: 'too short' }, '#/newPassword', 'min_length')
    await refused({ newPassword: 'x'.repeat(1_025) }, '#/newPassword', 'max_length')
    await refused({ newPassword: anna.address.toUpperCase() }, '#/newPassword', 'guessable')
    await mailbox(test)
    for (let free = 0; free < 10; free++) {
      t.match(await change(anna.token, { currentPassword: wrongPassword }), { status: 422, body: { errors: [{ code: 'wrong' }] } })
    }
    t.match(await mailbox(test), [{ to: anna.address, subject: 'Wrong passwords were tried' }])
    await refusedOf(t, test, () => change(anna.token))
    t.match(await change(anna.token), { status: 429, headers: { 'retry-after': String } })
    t.equal((await signIn(test, anna.address)).status, 201, 'and nothing was changed')
    const nora = await person(test, 'Nora Nopassword')
    await db.delete(throttles)
    t.equal((await change(nora.token)).status, 422, 'who has none has no right one')
  })

  await t.test('needs a fresh sign-in, and a second factor where there is one', async (t) => {
    const anna = await signedUp('Anna')
    const stale = await tokenFor(test, anna.id, anna.session, 700)
    t.match(await refusedOf(t, test, () => change(stale)), { status: 401, body: { code: 'step_up_required' } })
    const options = await send(test, 'POST', `${factorsPath}/passkeys/options`, { token: anna.token })
    const device = new Authenticator(issuer).create(options.body)
    t.equal((await send(test, 'POST', `${factorsPath}/passkeys`, { token: anna.token, body: device })).status, 201)
    const alone = await refusedOf(t, test, () => change(anna.token))
    t.match(alone, { status: 401, body: { code: 'second_factor_required' } }, 'the session of its making has not shown it')
    const guarded = await signedUp('Gina Guarded')
    const { secret } = await addApp(test, guarded.token)
    test.clock.advance(30_000)
    const session = await signInWith(test, guarded.address, codeOf(secret, test.clock.now()))
    t.equal((await change(session.body.accessToken)).status, 204)
  })

  await t.test('sees what changes while it is checked', async (t) => {
    const anna = await signedUp('Anna')
    const release = holdHashing()
    const sent = change(anna.token)
    await waitingForHash(1)
    await db.update(users).set({ passwordHash: null }).where(eq(users.id, anna.id))
    release()
    t.match(await sent, { status: 422, body: { errors: [{ pointer: '#/currentPassword', code: 'wrong' }] } })
    t.notOk(await mailbox(test).then((mails) => mails.some(({ to }) => to === anna.address)))
  })
})
