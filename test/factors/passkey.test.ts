import { eq } from 'drizzle-orm'
import { decodeJwt } from 'jose'
import t from 'tap'
import { passkeyChallenges, secondFactors, sessions, throttles, users } from '../../src/database/tables.ts'
import { issuer, openTestApp, type Sent, send, type TestApp } from '../fixtures/app.ts'
import { type Person, person } from '../fixtures/cast.ts'
import { mailbox } from '../fixtures/mail.ts'
import { alike, givePassword, password } from '../fixtures/passwords.ts'
import { countRows } from '../fixtures/rows.ts'
import { Authenticator, type Says } from './authenticator.ts'
import { eventsBy, factorsPath, guarded, signInWith } from './stage.ts'

const post = (test: TestApp, path: string, body?: unknown, token?: string, key?: string): Promise<Sent> =>
  send(test, 'POST', path, { token, ...(body === undefined ? {} : { body }), ...(key === undefined ? {} : { key }) })

async function register(test: TestApp, { token }: Person, device: Authenticator, says: Says = {}): Promise<Sent> {
  const options = await post(test, `${factorsPath}/passkeys/options`, undefined, token)
  return post(test, `${factorsPath}/passkeys`, device.create(options.body, says), token)
}

async function signInBy(test: TestApp, device: Authenticator, says: Says = {}): Promise<Sent> {
  const options = await post(test, '/v1/sessions/passkey/options')
  return post(test, '/v1/sessions/passkey', device.get(options.body, says))
}

async function stepUpBy(test: TestApp, token: string, device: Authenticator, says: Says = {}): Promise<Sent> {
  const options = await post(test, '/v1/sessions/step-up/passkey/options', undefined, token)
  return post(test, '/v1/sessions/step-up', { passkey: device.get(options.body, says) }, token)
}

t.test('a passkey', async (t) => {
  const test = await openTestApp(t)
  const { db } = test.context
  t.beforeEach(() => db.delete(throttles))

  await t.test('is asked for by name of the service, for a user it verifies', async (t) => {
    const anna = await person(test, 'Anna')
    const { status, body } = await post(test, `${factorsPath}/passkeys/options`, undefined, anna.token)
    t.equal(status, 200)
    t.match(body.publicKey, {
      rp: { name: 'Mandate', id: 'mandate.test' },
      user: { name: anna.address, displayName: 'Anna', id: /^[\w-]{22}$/ },
      timeout: 300_000,
      attestation: 'none',
      excludeCredentials: [],
      authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
    })
    t.equal(Buffer.from(body.publicKey.challenge, 'base64url').length, 32)
    const una = await person(test, 'Una Unproven', { proven: false })
    const unproven = await post(test, `${factorsPath}/passkeys/options`, undefined, una.token)
    t.equal(unproven.body.publicKey.user.name, 'Una Unproven', 'an address that is not proven is not shown')
  })

  await t.test('is added, and comes with recovery codes', async (t) => {
    const anna = await person(test, 'Anna')
    await givePassword(test, anna)
    const elsewhere = (await signInWith(test, anna.address)).body
    const device = new Authenticator(issuer)
    const options = await post(test, `${factorsPath}/passkeys/options`, undefined, anna.token)
    const request = { ...device.create(options.body), name: 'Laptop' }
    const added = await post(test, `${factorsPath}/passkeys`, request, anna.token, 'add')
    t.equal(added.status, 201, added.text)
    t.match(added.body.factor, { kind: 'passkey', name: 'Laptop', confirmedAt: /Z$/ })
    t.equal(added.body.recoveryCodes.length, 10)
    const repeated = await post(test, `${factorsPath}/passkeys`, request, anna.token, 'add')
    t.match(repeated, { status: 201, body: { recoveryCodes: null, factor: added.body.factor } })
    t.match(await mailbox(test), [{ to: anna.address, subject: 'A second factor was added' }])
    t.equal((await send(test, 'GET', '/v1/sessions', { token: elsewhere.accessToken })).status, 401, 'what the password began has ended')
    t.strictSame((await eventsBy(test, anna.id)).slice(-2), ['factor.added', 'session.ended'])

    const used = await post(test, `${factorsPath}/passkeys`, request, anna.token)
    t.match(used, { status: 401, body: { code: 'second_factor_required', accepts: ['passkey', 'recovery_code'] } }, 'and it is needed now')
    const stepped = await stepUpBy(test, anna.token, device)
    t.equal(stepped.status, 200, stepped.text)
    const { accessToken: token } = stepped.body
    t.strictSame(decodeJwt(token)['amr'], ['hwk', 'user'])
    const again = await post(test, `${factorsPath}/passkeys`, request, token)
    t.match(again, { status: 422, body: { errors: [{ pointer: '#/challengeId' }] } }, 'a challenge serves once')
    const next = await post(test, `${factorsPath}/passkeys/options`, undefined, token)
    t.match(next.body.publicKey.excludeCredentials, [{ id: device.credentialId.toString('base64url') }])
    const same = await post(test, `${factorsPath}/passkeys`, device.create(next.body), token)
    t.match(same, { status: 409, body: { code: 'conflict' } })
    const second = await register(test, { ...anna, token }, new Authenticator(issuer))
    t.match(second, { status: 201, body: { factor: { name: 'Passkey' }, recoveryCodes: null } })
  })

  await t.test('is refused when anything about its making is wrong, and nothing is written', async (t) => {
    const anna = await person(test, 'Anna')
    const berta = await person(test, 'Berta')
    const before = await countRows(db, ['passkey_challenges'])
    const wrongs: Record<string, Says> = {
      'another origin': { origin: 'https://evil.example' },
      'another relying party': { rpId: 'evil.example' },
      'another challenge': { challenge: 'AAAA' },
      'a user not verified': { verified: false },
      'an attestation that would be looked up': { format: 'android-key' },
      'an unknown attestation': { format: 'x' },
      'a statement of its own that says nothing': { format: 'packed' },
      'a statement of its own that is not signed by it': { attests: 'wrongly' },
    }
    for (const [what, says] of Object.entries(wrongs)) {
      const reply = await register(test, anna, new Authenticator(issuer), says)
      t.match(reply, { status: 422, body: { errors: [{ pointer: '#/credential', code: 'not_verified' }] } }, what)
    }
    const options = await post(test, `${factorsPath}/passkeys/options`, undefined, anna.token)
    const made = new Authenticator(issuer).create(options.body)
    const junk = { ...made, credential: { ...made.credential, response: { clientDataJSON: 'bnVsbA', attestationObject: 'oA' } } }
    t.match(await post(test, `${factorsPath}/passkeys`, junk, anna.token), { status: 422 }, 'junk')
    t.match(await post(test, `${factorsPath}/passkeys`, made, berta.token), { status: 422 }, "somebody else's challenge")
    test.clock.advance(5 * 60_000 + 1_000)
    t.match(await post(test, `${factorsPath}/passkeys`, made, anna.token), { status: 422 }, 'too late')
    t.strictSame(await countRows(db, ['passkey_challenges']), before, 'and nothing was written')
  })

  await t.test('signs its user in, alone', async (t) => {
    const anna = await person(test, 'Anna')
    const device = new Authenticator(issuer)
    t.equal((await register(test, anna, device, { attests: 'rightly' })).status, 201, 'some attest themselves unasked')
    const options = await post(test, '/v1/sessions/passkey/options')
    t.match(options.body.publicKey, { rpId: 'mandate.test', userVerification: 'required', allowCredentials: [] })
    const assertion = device.get(options.body)
    const reply = await post(test, '/v1/sessions/passkey', assertion)
    t.equal(reply.status, 201, reply.text)
    t.match(reply.body, { tokenType: 'Bearer', user: { id: anna.id, name: 'Anna' } })
    t.equal(reply.headers['location'], `/v1/sessions/${reply.body.session.id}`)
    t.strictSame(decodeJwt(reply.body.accessToken)['amr'], ['hwk', 'user'])
    const [session] = await db.select().from(sessions).where(eq(sessions.id, reply.body.session.id))
    t.match(session, { method: 'passkey', level: 'two_factors', kind: 'person', userId: anna.id })
    const manage = await post(test, `${factorsPath}/totp`, {}, reply.body.accessToken)
    t.equal(manage.status, 201, 'and is proof enough for everything')
    t.equal((await post(test, '/v1/sessions/passkey', assertion)).status, 401, 'once')
    const [row] = await db
      .select()
      .from(secondFactors)
      .where(eq(secondFactors.credentialId, device.credentialId.toString('base64url')))
    t.equal(row?.signCount, device.counter)
    t.ok(row?.lastUsedAt)
  })

  await t.test('that has no counter is taken as well', async (t) => {
    const anna = await person(test, 'Anna')
    const device = new Authenticator(issuer)
    await register(test, anna, device, { counter: 0 })
    for (const _ of [1, 2]) t.equal((await signInBy(test, device, { counter: 0 })).status, 201)
    t.equal((await signInBy(test, device, { counter: 7 })).status, 201)
    t.equal((await signInBy(test, device, { counter: 0 })).status, 401, 'but none that had one before')
  })

  await t.test('lets exactly one of two answers to a challenge in', async (t) => {
    const anna = await person(test, 'Anna')
    const device = new Authenticator(issuer)
    await register(test, anna, device)
    const options = await post(test, '/v1/sessions/passkey/options')
    const answers = [device.get(options.body), device.get(options.body)]
    const sent = await Promise.all(answers.map((answer) => post(test, '/v1/sessions/passkey', answer)))
    t.strictSame(sent.map(({ status }) => status).sort(), [201, 401])
  })

  await t.test('with one counter for two challenges is a copy: exactly one gets in', async (t) => {
    const anna = await person(test, 'Anna')
    const device = new Authenticator(issuer)
    await register(test, anna, device)
    const challenges = [await post(test, '/v1/sessions/passkey/options'), await post(test, '/v1/sessions/passkey/options')]
    const answers = challenges.map(({ body }) => device.get(body, { counter: 50 }))
    const sent = await Promise.all(answers.map((answer) => post(test, '/v1/sessions/passkey', answer)))
    t.strictSame(sent.map(({ status }) => status).sort(), [201, 401])
  })

  await t.test('is refused alike, whatever is wrong with it, and nothing is written', async (t) => {
    const anna = await person(test, 'Anna')
    const sam = await person(test, 'Sam Suspended')
    const device = new Authenticator(issuer)
    const suspended = new Authenticator(issuer)
    await register(test, anna, device)
    await register(test, sam, suspended)
    await db.update(users).set({ status: 'suspended' }).where(eq(users.id, sam.id))
    const removed = new Authenticator(issuer)
    const rita = await person(test, 'Rita')
    const { factor } = (await register(test, rita, removed)).body
    await db
      .update(secondFactors)
      .set({ removedAt: new Date(test.clock.now()) })
      .where(eq(secondFactors.id, factor.id))
    const thief = new Authenticator(issuer)
    const before = await countRows(db, ['passkey_challenges'])

    const replies: Record<string, Sent> = {
      'an unknown one': await signInBy(test, thief),
      'one of a suspended user': await signInBy(test, suspended),
      'one that was removed': await signInBy(test, removed),
      'another origin': await signInBy(test, device, { origin: 'https://evil.example' }),
      'another relying party': await signInBy(test, device, { rpId: 'evil.example' }),
      'another challenge': await signInBy(test, device, { challenge: 'AAAA' }),
      'a user not verified': await signInBy(test, device, { verified: false }),
      'a counter that stands still': await signInBy(test, device, { counter: 1 }),
      'a counter that went back': await signInBy(test, device, { counter: 0 }),
      "another user's name": await signInBy(test, device, { userHandle: Buffer.alloc(16).toString('base64url') }),
      'no name at all': await signInBy(test, device, { userHandle: null }),
      "another key under a known one's id": await signInBy(test, thief, {
        id: device.credentialId.toString('base64url'),
        userHandle: Buffer.from(anna.id.replaceAll('-', ''), 'hex').toString('base64url'),
      }),
    }
    const options = await post(test, '/v1/sessions/passkey/options')
    const late = device.get(options.body, { counter: 90 })
    const unknown = { ...late, challengeId: crypto.randomUUID() }
    replies['an unknown challenge'] = await post(test, '/v1/sessions/passkey', unknown)
    const stepUp = await post(test, '/v1/sessions/step-up/passkey/options', undefined, anna.token)
    replies['a challenge for something else'] = await post(test, '/v1/sessions/passkey', device.get(stepUp.body, { counter: 91 }))
    test.clock.advance(5 * 60_000 + 1_000)
    replies['too late'] = await post(test, '/v1/sessions/passkey', late)
    const first = Object.values(replies)[0] as Sent
    t.match(first, { status: 401, body: { code: 'unauthenticated' }, headers: { 'www-authenticate': 'Bearer' } })
    for (const [what, reply] of Object.entries(replies)) t.strictSame(alike(reply), alike(first), what)
    t.strictSame(await countRows(db, ['passkey_challenges']), before, 'and nothing was written')
    await db.delete(throttles)
    t.equal((await signInBy(test, device, { counter: 99 })).status, 201, 'the same device gets in when nothing is wrong')
  })

  await t.test('slows a network down that guesses', async (t) => {
    const anna = await person(test, 'Anna')
    const device = new Authenticator(issuer)
    await register(test, anna, device)
    t.equal((await signInBy(test, new Authenticator(issuer))).status, 401)
    t.equal((await db.select().from(throttles))[0]?.attempts, 1)
    await db.update(throttles).set({ attempts: 100 })
    t.equal((await signInBy(test, device)).status, 429)
  })

  await t.test('steps its own user up, and no other', async (t) => {
    const anna = await guarded(test, 'Anna')
    const berta = await person(test, 'Berta')
    const device = new Authenticator(issuer)
    const foreign = new Authenticator(issuer)
    t.equal((await register(test, anna, device)).status, 201)
    await register(test, berta, foreign)
    const options = await post(test, '/v1/sessions/step-up/passkey/options', undefined, anna.token)
    t.match(options.body.publicKey.allowCredentials, [{ id: device.credentialId.toString('base64url'), type: 'public-key' }])
    t.equal(options.body.publicKey.allowCredentials.length, 1)
    t.equal((await stepUpBy(test, anna.token, device)).status, 200)
    t.equal((await stepUpBy(test, anna.token, device, { userHandle: null })).status, 200, 'it need not name him')
    const [session] = await db.select().from(sessions).where(eq(sessions.id, anna.session))
    t.equal(session?.method, 'passkey')
    t.equal((await eventsBy(test, anna.id)).at(-1), 'session.stepped_up')
    const wrong = { status: 422, body: { errors: [{ pointer: '#/passkey', code: 'wrong' }] } }
    t.match(await stepUpBy(test, anna.token, foreign), wrong)
    t.match(await stepUpBy(test, anna.token, device, { userHandle: Buffer.alloc(16).toString('base64url') }), wrong)
    const forAnother = await post(test, '/v1/sessions/passkey/options')
    t.match(await post(test, '/v1/sessions/step-up', { passkey: device.get(forAnother.body) }, anna.token), wrong)
    const once = await post(test, '/v1/sessions/step-up/passkey/options', undefined, anna.token)
    const answers = [device.get(once.body), device.get(once.body)]
    const sent = await Promise.all(answers.map((passkey) => post(test, '/v1/sessions/step-up', { passkey }, anna.token)))
    t.strictSame(sent.map(({ status }) => status).sort(), [200, 422], 'once')
    const both = await post(test, '/v1/sessions/step-up', { password, passkey: device.get(once.body) }, anna.token)
    t.match(both, { status: 422, body: { errors: [{ pointer: '#', code: 'required' }] } })
  })

  await t.test('of the wrong shape is a 422, with what a browser may add passed over', async (t) => {
    const options = await post(test, '/v1/sessions/passkey/options')
    const { challengeId, credential } = new Authenticator(issuer).get(options.body)
    const send = (body: unknown) => post(test, '/v1/sessions/passkey', body)
    t.equal((await send({ challengeId, credential: { ...credential, later: 1 } })).status, 401)
    for (const body of [
      undefined,
      {},
      { challengeId, credential, more: 1 },
      { challengeId: 'x', credential },
      { challengeId, credential: { ...credential, id: 'not base64url!' } },
      { challengeId, credential: { ...credential, type: 'password' } },
      { challengeId, credential: { ...credential, response: null } },
    ])
      t.match(await send(body), { status: 422, body: { code: 'validation_error' } }, JSON.stringify(body)?.slice(0, 80))
  })

  await t.test('leaves no challenges behind', async (t) => {
    for (let made = 0; made < 15; made++) await post(test, '/v1/sessions/passkey/options')
    const ids = (await db.select().from(passkeyChallenges)).map(({ id }) => id)
    test.clock.advance(5 * 60_000 + 1_000)
    for (let made = 0; made < Math.ceil(ids.length / 10); made++) await post(test, '/v1/sessions/passkey/options')
    const left = (await db.select().from(passkeyChallenges)).filter(({ id }) => ids.includes(id))
    t.strictSame(left, [])
  })
})
