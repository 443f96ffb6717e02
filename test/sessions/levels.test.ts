/** How much the verification behind every ticket, message and event is worth, for each way of signing in. */
import { and, desc, eq } from 'drizzle-orm'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { journalEvents, sessions } from '../../src/database/tables.ts'
import { levelOfAmr } from '../../src/identity/methods.ts'
import { levelOfMethod, type VerificationLevel, type VerificationMethod } from '../../src/vocabulary.ts'
import { Authenticator } from '../factors/authenticator.ts'
import { codeOf, guarded, nextStep, signInWith } from '../factors/stage.ts'
import { issuer, openTestApp, send, type TestApp } from '../fixtures/app.ts'
import { account, contact, domain, person, staff } from '../fixtures/cast.ts'
import { refusedOf } from '../fixtures/ledger.ts'
import { tokenMailedTo } from '../fixtures/mail.ts'
import { givePassword, password, signIn } from '../fixtures/passwords.ts'
import { askForUser, askToNarrow, claimsIn, clientToken, panel, personalToken, tie } from '../oauth/stage.ts'

const post = (test: TestApp, url: string, body: object = {}, token?: string) => send(test, 'POST', url, { token, body })

t.setTimeout(120_000)

t.test('every ticket, message and event says how much the verification behind it is worth', async (t) => {
  const test = await openTestApp(t)
  const { db } = test.context
  const a = await account(test, 'Alpha Ltd')
  const d = await domain(test, a, 'alpha.example')
  const olga = await guarded(test, 'Olga Owner')
  await contact(test, a, olga, 'owner')
  const paul = await person(test, 'Paul Plain')
  await contact(test, a, paul, 'owner')
  await givePassword(test, paul)
  const admin = await staff(test, 'Ada Admin', 'admin')

  const eventsOn = (resourceId: string) =>
    db.select().from(journalEvents).where(eq(journalEvents.resourceId, resourceId)).orderBy(desc(journalEvents.id))

  /** What is written with a token carries the method, level and time, in the row, the event and the answer. Returns the time. */
  async function demand(token: string, method: VerificationMethod, level: VerificationLevel): Promise<Date> {
    test.clock.advance(1_000)
    const body = { account: a.id, domain: d.id, topic: 'other', subject: 'It broke', message: 'Since noon.' }
    const opened = await send(test, 'POST', '/v1/tickets', { token, key: true, body })
    t.match(opened, { status: 201, body: { openedBy: { verification: { method, level, at: String } } } }, opened.text)
    const { id } = opened.body
    const said = await send(test, 'POST', `/v1/tickets/${id}/messages`, { token, key: true, body: { body: 'Still.' } })
    t.match(said, { status: 201, body: { author: { verification: { method, level } } } }, said.text)
    const expected = { verification: method, verificationLevel: level }
    const verifiedAt = opened.body.openedBy.verification.at
    for (const event of await eventsOn(id)) {
      t.match(event, { ...expected, verifiedAt: new Date(verifiedAt) }, event.kind)
      t.ok(event.at.getTime() - Date.parse(verifiedAt) >= 1_000, 'it is when he was verified, not when he acted')
    }
    const audit = await send(test, 'GET', `/v1/accounts/${a.id}/audit-events?limit=2`, { token: paul.token })
    t.match(audit.body.items, [
      { ...expected, verifiedAt },
      { ...expected, verifiedAt },
    ])
    const read = await send(test, 'GET', `/v1/tickets/${id}`, { token: paul.token })
    t.match(read.body, { openedBy: { verification: { method, level } } })
    return new Date(verifiedAt)
  }
  async function demandSession(token: string, method: VerificationMethod, level: VerificationLevel): Promise<void> {
    const id = String(claimsIn(token)['sid'])
    const [session] = await db.select().from(sessions).where(eq(sessions.id, id))
    t.match(session, { method, level })
    const begun = and(eq(journalEvents.resourceId, id), eq(journalEvents.kind, 'session.started'))
    const verifiedAt = session?.authenticatedAt as Date
    t.match(await db.select().from(journalEvents).where(begun), [{ verification: method, verificationLevel: level, verifiedAt }])
  }

  await t.test('a password is one factor', async () => {
    const { accessToken } = (await signIn(test, paul.address)).body
    await demandSession(accessToken, 'password', 'one_factor')
    await demand(accessToken, 'password', 'one_factor')
    const listed = await send(test, 'GET', '/v1/sessions', { token: accessToken })
    t.match(
      listed.body.items.filter(({ current }: { current: boolean }) => current),
      [{ method: 'password', level: 'one_factor' }],
    )
  })

  await t.test('with a code of an app, or a recovery code, it is two', async () => {
    for (const code of [codeOf(olga.secret, test.clock.now()), olga.recoveryCodes[0]]) {
      const { accessToken } = (await signInWith(test, olga.address, code)).body
      await demandSession(accessToken, 'password+totp', 'two_factors')
      await demand(accessToken, 'password+totp', 'two_factors')
    }
    nextStep(test)
  })

  await t.test('a passkey is two: the device, and who unlocks it', async () => {
    const device = new Authenticator(issuer)
    const made = await post(test, '/v1/me/second-factors/passkeys/options', {}, olga.token)
    const added = await post(test, '/v1/me/second-factors/passkeys', device.create(made.body), olga.token)
    t.equal(added.status, 201, added.text)
    const options = await post(test, '/v1/sessions/passkey/options')
    const { accessToken } = (await post(test, '/v1/sessions/passkey', device.get(options.body))).body
    await demandSession(accessToken, 'passkey', 'two_factors')
    await demand(accessToken, 'passkey', 'two_factors')
  })

  await t.test('a step-up raises the session, and says so in its event', async (t) => {
    const anna = await person(test, 'Anna')
    await givePassword(test, anna)
    await contact(test, a, anna, 'technical')
    const first = await demand(anna.token, 'password', 'one_factor')
    const raised = await post(test, '/v1/sessions/step-up', { password }, anna.token)
    t.equal(raised.status, 200, raised.text)
    const second = await demand(raised.body.accessToken, 'password', 'one_factor')
    t.ok(second > first, 'later, and the events of before keep theirs')
    const [raising] = await eventsOn(anna.session)
    t.match(raising, { kind: 'session.stepped_up', at: second, verifiedAt: second })
    const stepped = await send(test, 'POST', '/v1/sessions/step-up', {
      token: olga.token,
      body: { password, code: codeOf(olga.secret, test.clock.now()) },
    })
    t.equal(stepped.status, 200, stepped.text)
    const [event] = await eventsOn(olga.session)
    t.match(event, {
      kind: 'session.stepped_up',
      verification: 'password+totp',
      verificationLevel: 'two_factors',
      verifiedAt: event?.at as Date,
    })
  })

  await t.test(
    'a personal access token is one factor, however its owner had signed in; a narrowed token is worth what it was cut from',
    async () => {
      const tool = await personalToken(test, olga.token, { account: a.id, actions: ['ticket.create', 'ticket.read', 'ticket.reply'] })
      await demand(tool.secret, 'token', 'one_factor')
      const cut = await askToNarrow(test, olga.token, { account: a.id, actions: ['ticket.create', 'ticket.read', 'ticket.reply'] })
      await demand(cut.body.access_token, 'password+totp', 'two_factors')
    },
  )

  await t.test('of a panel it is what it says by `amr`, if it is registered for that, and else nothing but its word', async () => {
    const [trusted, other] = [await panel(test, { mayStepUp: true }), await panel(test)]
    for (const [shop, amr, level] of [
      [trusted, ['pwd', 'otp', 'mfa'], 'two_factors'],
      [trusted, ['pwd'], 'one_factor'],
      [trusted, [], 'asserted'],
      [other, ['pwd', 'otp', 'mfa'], 'asserted'],
    ] as const) {
      const token = (await askForUser(test, shop, await tie(test, shop, paul), { claims: { amr } })).body.access_token
      await demandSession(token, 'panel', level)
      await demand(token, 'panel', level)
      const cut = await askToNarrow(test, token, { account: a.id }, { client_id: shop.id, client_secret: shop.secret })
      t.match(
        await db
          .select()
          .from(sessions)
          .where(eq(sessions.id, String(claimsIn(cut.body.access_token)['sid']))),
        [{ method: 'panel', level }],
      )
    }
  })

  await t.test('of a client for itself no person was verified', async () => {
    const shop = await panel(test)
    const token = await clientToken(test, shop)
    await demandSession(token, 'token', 'client')
    const made = await send(test, 'POST', '/v1/accounts', { token, body: { name: 'Made by a client' } })
    const [began] = await eventsOn(String(claimsIn(token)['sid']))
    const verified = { verification: 'token', verificationLevel: 'client', verifiedAt: began?.at as Date }
    t.match(await eventsOn(made.body.id), [{ kind: 'account.created', ...verified }])
  })

  await t.test('who reads mail at an address has shown that and no more', async () => {
    const address = `${uuid()}@shop.example`
    await send(test, 'POST', `/v1/accounts/${a.id}/contacts`, { token: admin.token, body: { address, role: 'technical' } })
    const token = await tokenMailedTo(test, address)
    const accepted = await post(test, '/v1/invitations/accept', { token, name: 'Nina New', password })
    const [event] = await eventsOn(accepted.body.contact.id)
    const verified = { verification: 'email:proven', verificationLevel: 'mailbox', verifiedAt: event?.at as Date }
    t.match(event, { kind: 'contact.accepted', ...verified })
  })

  await t.test('what is refused is recorded with it as well', async () => {
    const { accessToken } = (await signIn(test, paul.address)).body
    const [signedIn] = await db
      .select()
      .from(journalEvents)
      .where(eq(journalEvents.kind, 'session.started'))
      .orderBy(desc(journalEvents.id))
    test.clock.advance(1_000)
    await send(test, 'POST', '/v1/tickets', {
      token: accessToken,
      key: true,
      body: { account: a.id, domain: 'elsewhere.example', topic: 'other', subject: 'It broke', message: 'Since noon.' },
    })
    const [refused] = await db.select().from(journalEvents).where(eq(journalEvents.kind, 'access.refused')).orderBy(desc(journalEvents.id))
    const verifiedAt = signedIn?.at as Date
    t.match(refused, { verification: 'password', verificationLevel: 'one_factor', verifiedAt, actorUserId: paul.id })
  })

  await t.test('no session is worth more than its method, whatever writes it', async (t) => {
    const wrong = [
      ['password', 'person', 'two_factors'],
      ['password+totp', 'person', 'one_factor'],
      ['token', 'person', 'two_factors'],
      ['passkey', 'person', 'client'],
    ] as const
    const at = new Date()
    for (const [method, kind, level] of wrong) {
      const row = { id: uuid(), userId: paul.id, kind, method, level, createdAt: at, authenticatedAt: at, expiresAt: at }
      await t.rejects(db.insert(sessions).values(row), { cause: { constraint: 'sessions_level' } }, `${method} as ${level}`)
    }
  })
})

t.test('whoever has a second factor must have shown it before what needs a fresh sign-in', async (t) => {
  const test = await openTestApp(t)
  const a = await account(test, 'Alpha Ltd')
  const olga = await person(test, 'Olga Owner')
  await contact(test, a, olga, 'owner')
  const invite = (token: string) =>
    send(test, 'POST', `/v1/accounts/${a.id}/contacts`, { token, body: { address: `${uuid()}@shop.example`, role: 'technical' } })
  const shop = await panel(test, { mayStepUp: true })
  const subject = await tie(test, shop, olga)
  const inPanel = async (amr: string[]) => (await askForUser(test, shop, subject, { claims: { amr } })).body.access_token
  t.equal((await invite(olga.token)).status, 201, 'without one the password is enough')
  t.equal((await invite(await inPanel(['pwd']))).status, 201)

  const device = new Authenticator(issuer)
  const made = await post(test, '/v1/me/second-factors/passkeys/options', {}, olga.token)
  t.equal((await post(test, '/v1/me/second-factors/passkeys', device.create(made.body), olga.token)).status, 201)
  for (const token of [olga.token, await inPanel(['pwd']), await inPanel([])]) {
    const refused = await refusedOf(t, test, () => invite(token))
    t.match(refused, {
      status: 401,
      body: { code: 'step_up_required' },
      headers: { 'www-authenticate': /insufficient_user_authentication/ },
    })
  }
  const pat = {
    name: 'Tool',
    account: a.id,
    domains: [],
    actions: ['ticket.read'],
    expiresAt: new Date(test.clock.now() + 86_400_000).toISOString(),
  }
  const tool = await refusedOf(t, test, () => post(test, '/v1/access-tokens', pat, olga.token))
  t.match(tool, { status: 401, body: { code: 'second_factor_required', accepts: ['passkey', 'recovery_code'] } })
  await post(test, `/v1/accounts/${a.id}/contacts`, { address: olga.address, role: 'technical' }, await inPanel(['mfa']))
  const token = await tokenMailedTo(test, olga.address)
  const accepted = await refusedOf(t, test, () => post(test, '/v1/invitations/accept', { token }, olga.token))
  t.match(accepted, { status: 401, body: { code: 'second_factor_required' } })

  const options = await post(test, '/v1/sessions/step-up/passkey/options', {}, olga.token)
  const stepped = await post(test, '/v1/sessions/step-up', { passkey: device.get(options.body) }, olga.token)
  t.equal(stepped.status, 200, stepped.text)
  const { accessToken } = stepped.body
  t.equal((await invite(accessToken)).status, 201)
  t.equal((await post(test, '/v1/access-tokens', pat, accessToken)).status, 201)
  t.equal((await post(test, '/v1/invitations/accept', { token }, accessToken)).status, 200)
})

t.test('the level of an `amr`: two factors are of two kinds, and one of them is something he has', async (t) => {
  for (const [amr, level] of [
    [[], 'asserted'],
    [['user', 'rba', 'geo', 'constructor'], 'asserted'],
    [['pwd'], 'one_factor'],
    [['otp'], 'one_factor'],
    [['fpt'], 'one_factor'],
    [['pwd', 'pin'], 'one_factor'],
    [['pwd', 'fpt'], 'one_factor'],
    [['pwd', 'otp'], 'two_factors'],
    [['hwk', 'face'], 'two_factors'],
    [['mfa'], 'two_factors'],
  ] as const) {
    t.equal(levelOfAmr(amr), level, amr.join(' '))
  }
  t.strictSame([levelOfMethod.support_code, levelOfMethod['email:strong']], ['one_factor', 'mailbox'])
})
