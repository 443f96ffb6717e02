import { eq } from 'drizzle-orm'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { addresses, throttles, users } from '../../src/database/tables.ts'
import { Authenticator } from '../factors/authenticator.ts'
import { factorsPath } from '../factors/stage.ts'
import { issuer, openTestApp, type Sent, send } from '../fixtures/app.ts'
import { person, tokenFor } from '../fixtures/cast.ts'
import { eventsOf, refusedOf } from '../fixtures/ledger.ts'
import { mailbox, tokenIn, tokenMailedTo } from '../fixtures/mail.ts'
import { alike, givePassword, signIn } from '../fixtures/passwords.ts'

const provider = '00000000-0000-0000-0000-000000000000'

t.test('a person’s addresses', async (t) => {
  const test = await openTestApp(t)
  const { db } = test.context
  const path = '/v1/me/addresses'
  type Who = { token: string }
  const ask = ({ token }: Who, address: string, key?: string): Promise<Sent> =>
    send(test, 'POST', path, { token, body: { address }, ...(key === undefined ? {} : { key }) })
  const prove = (who: Who, token: string): Promise<Sent> => send(test, 'POST', `${path}/proofs`, { token: who.token, body: { token } })
  const remove = ({ token }: Who, id: string): Promise<Sent> => send(test, 'DELETE', `${path}/${id}`, { token })
  const list = async ({ token }: Who, query = '') => (await send(test, 'GET', `${path}${query}`, { token })).body
  const texts = async (who: Who) => (await list(who)).items.map(({ address }: { address: string }) => address)
  const stated = async (userId: string, address: string) => {
    const id = uuid()
    await db.insert(addresses).values({ id, userId, address, createdAt: new Date(test.clock.now()) })
    return id
  }
  const freshToken = async (who: { id: string; session: string }): Promise<string> => {
    await db.execute(`update sessions set authenticated_at = '${new Date(test.clock.now()).toISOString()}' where id = '${who.session}'`)
    return tokenFor(test, who.id, who.session)
  }
  t.beforeEach(() => db.delete(throttles))

  await t.test('one is added by a token that is mailed there, for the one who asked; the old address is told', async (t) => {
    const anna = await person(test, 'Anna')
    await givePassword(test, anna)
    const asked = await ask(anna, 'Anna.New@People.example', 'add')
    t.match(asked, { status: 202, body: { status: 'accepted', detail: /60 minutes/ } }, asked.text)
    t.match(await ask(anna, 'Anna.New@People.example', 'add'), { status: 202, headers: { 'idempotency-replayed': 'true' } })
    t.strictSame(await texts(anna), [anna.address], 'which alone changes nothing')
    const mails = await mailbox(test)
    t.match(mails, [{ to: 'anna.new@people.example', subject: 'Prove your mail address', text: /me\/addresses\/proofs/ }])
    t.equal((await signIn(test, 'anna.new@people.example')).status, 401)
    const before = (await db.select().from(users).where(eq(users.id, anna.id)))[0]?.authorityRevision as number
    const proven = await prove(anna, tokenIn(mails[0]))
    t.match(
      proven,
      { status: 201, headers: { location: path }, body: { address: 'anna.new@people.example', provenAt: String } },
      proven.text,
    )
    t.ok(((await db.select().from(users).where(eq(users.id, anna.id)))[0]?.authorityRevision as number) > before)
    t.strictSame(await texts(anna), [anna.address, 'anna.new@people.example'])
    t.match(await mailbox(test), [{ to: anna.address, subject: 'A mail address was added' }])
    t.equal((await signIn(test, 'anna.new@people.example')).status, 201)
    const events = (await eventsOf(test, provider)).slice(-4)
    t.match(events.slice(0, 2), [
      { kind: 'address.asked', actor: anna.id, value: { address: 'anna.new@people.example' } },
      { kind: 'address.proven', actor: anna.id, resourceId: proven.body.id },
    ])
    const [first, second] = [await list(anna, '?limit=1'), (await list(anna)).nextCursor]
    t.equal(second, null)
    const next = await list(anna, `?limit=1&cursor=${first.nextCursor}`)
    t.strictSame([...first.items, ...next.items], (await list(anna)).items)
  })

  await t.test('the answer is the same for an address somebody else has; he gets a note, and no token', async (t) => {
    const [anna, otto] = [await person(test, 'Anna'), await person(test, 'Otto')]
    const free = await ask(anna, 'free@people.example')
    t.strictSame(alike(await ask(anna, otto.address)), alike(free))
    t.strictSame(alike(await ask(anna, anna.address)), alike(free), 'and for one’s own')
    const [open, note, ...rest] = await mailbox(test)
    t.match(open, { to: 'free@people.example' })
    t.match(note, { to: otto.address, subject: 'Somebody asked for your mail address' })
    t.notMatch(note?.text, /^[\w-]{43}$/m)
    t.strictSame(rest, [])
  })

  await t.test('a token is good for nobody else, once, in time, and only while nobody else was faster', async (t) => {
    const [anna, otto] = [await person(test, 'Anna'), await person(test, 'Otto')]
    await ask(anna, 'both@people.example')
    const hers = await tokenMailedTo(test, 'both@people.example')
    await ask(otto, 'both@people.example')
    const his = await tokenMailedTo(test, 'both@people.example')
    const wrong = await refusedOf(t, test, () => prove(otto, hers))
    t.match(wrong, { status: 422, body: { errors: [{ pointer: '#/token', code: 'wrong' }] } }, 'another’s')
    t.strictSame(alike(await prove(otto, 'A'.repeat(43))), alike(wrong), 'unknown')
    t.equal((await send(test, 'POST', '/v1/users/proofs', { body: { token: hers, password: 'whatever it is' } })).status, 403)
    t.equal((await prove(anna, hers)).status, 201)
    t.strictSame(alike(await prove(anna, hers)), alike(wrong), 'used')
    t.strictSame(alike(await refusedOf(t, test, () => prove(otto, his))), alike(wrong), 'somebody else was faster')
    await ask(otto, 'late@people.example')
    const late = await tokenMailedTo(test, 'late@people.example')
    test.clock.advance(test.config.proofMinutes * 60_000)
    const fresh = { token: await freshToken(otto) }
    t.strictSame(alike(await refusedOf(t, test, () => prove(fresh, late))), alike(wrong), 'expired')
    await mailbox(test)
  })
  await t.test('proven twice at once it is there once', async (t) => {
    const anna = await person(test, 'Anna')
    await ask(anna, 'twice@people.example')
    const token = await tokenMailedTo(test, 'twice@people.example')
    const both = await Promise.all([prove(anna, token), prove(anna, token)])
    t.strictSame(both.map(({ status }) => status).sort(), [201, 422])
    await mailbox(test)
  })

  await t.test('proven, it takes the place of what was only stated', async (t) => {
    const anna = await person(test, 'Anna')
    await stated(anna.id, 'stated@people.example')
    t.strictSame(await texts(anna), [anna.address, 'stated@people.example'])
    await ask(anna, 'stated@people.example')
    t.equal((await prove(anna, await tokenMailedTo(test, 'stated@people.example'))).status, 201)
    t.strictSame(await texts(anna), [anna.address, 'stated@people.example'])
    await mailbox(test)
  })

  await t.test('one is removed, and both it and the one that stays are told', async (t) => {
    const anna = await person(test, 'Anna')
    await givePassword(test, anna)
    await ask(anna, 'second@people.example')
    const { body: second } = await prove(anna, await tokenMailedTo(test, 'second@people.example'))
    await mailbox(test)
    const [{ id: first }] = (await list(anna)).items
    t.match(await remove(anna, first), { status: 204, text: '' })
    const mails = await mailbox(test)
    t.match(mails, [{ to: anna.address }, { to: 'second@people.example' }])
    for (const { subject } of mails) t.equal(subject, 'A mail address was removed')
    t.strictSame(await texts(anna), ['second@people.example'])
    t.strictSame((await send(test, 'GET', '/v1/me', { token: anna.token })).body.addresses.length, 1)
    t.equal((await signIn(test, anna.address)).status, 401)
    const events = await eventsOf(test, provider)
    t.match(events.at(-1), { kind: 'address.removed', actor: anna.id, resourceId: first, value: { address: anna.address } })
    t.equal((await remove(anna, first)).status, 204, 'again, which changes nothing')
    t.equal((await eventsOf(test, provider)).length, events.length)
    const last = await refusedOf(t, test, () => remove(anna, second.id))
    t.match(last, { status: 409, body: { code: 'conflict' } }, 'but never the last one')
    const berta = await person(test, 'Berta')
    await ask(berta, anna.address)
    t.equal((await prove(berta, await tokenMailedTo(test, anna.address))).status, 201, 'who has the mailbox may have it now')
    await mailbox(test)
  })

  await t.test('one that was only stated goes without a letter', async (t) => {
    const anna = await person(test, 'Anna')
    const id = await stated(anna.id, 'only.stated@people.example')
    t.equal((await remove(anna, id)).status, 204)
    t.strictSame(await mailbox(test), [])
    t.strictSame(await texts(anna), [anna.address])
  })

  await t.test('another’s, an unknown one and nonsense are one answer', async (t) => {
    const [anna, otto] = [await person(test, 'Anna'), await person(test, 'Otto')]
    const [{ id }] = (await list(otto)).items
    const theirs = await refusedOf(t, test, () => remove(anna, id))
    t.match(theirs, { status: 404, body: { code: 'not_found' } })
    t.strictSame(alike(await remove(anna, uuid())), alike(theirs))
    t.strictSame(alike(await remove(anna, 'nonsense')), alike(theirs))
  })

  await t.test('every change needs a fresh sign-in, and the second factor where there is one', async (t) => {
    const anna = await person(test, 'Anna')
    const id = await stated(anna.id, 'guarded@people.example')
    await ask(anna, 'more@people.example')
    const token = await tokenMailedTo(test, 'more@people.example')
    const acts = (who: Who) => [() => ask(who, 'x@people.example'), () => prove(who, token), () => remove(who, id)]
    const stale = { token: await tokenFor(test, anna.id, anna.session, 700) }
    for (const act of acts(stale)) t.match(await refusedOf(t, test, act), { status: 401, body: { code: 'step_up_required' } })
    const options = await send(test, 'POST', `${factorsPath}/passkeys/options`, { token: anna.token })
    const device = new Authenticator(issuer).create(options.body)
    t.equal((await send(test, 'POST', `${factorsPath}/passkeys`, { token: anna.token, body: device })).status, 201)
    for (const act of acts(anna)) t.match(await refusedOf(t, test, act), { status: 401, body: { code: 'second_factor_required' } })
    await mailbox(test)
  })

  await t.test('asking often must wait, and what is no address is said', async (t) => {
    const anna = await person(test, 'Anna')
    t.match(await ask(anna, 'nonsense'), { status: 422, body: { errors: [{ pointer: '#/address', code: 'format' }] } })
    for (let free = 0; free < 10; free++) t.equal((await ask(anna, `many${free}@people.example`)).status, 202)
    t.match(await ask(anna, 'many@people.example'), { status: 429, body: { code: 'quota_exceeded' } })
    const target = await Promise.all(['Bo', 'Cy', 'Di', 'Ed'].map((name) => person(test, name)))
    const sent = []
    for (const who of target) sent.push((await ask(who, 'target@people.example')).status)
    t.strictSame(sent, [202, 202, 202, 429], 'nor is one mailbox flooded by many')
  })
})
