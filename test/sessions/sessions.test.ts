import { eq } from 'drizzle-orm'
import { decodeJwt } from 'jose'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { journalEvents, sessions, throttles, users } from '../../src/database/tables.ts'
import { openTestApp, send, type TestApp } from '../fixtures/app.ts'
import { person, tokenFor } from '../fixtures/cast.ts'
import { mailbox } from '../fixtures/mail.ts'
import { alike, givePassword, holdHashing, password, signIn, waitingForHash, wrongPassword } from '../fixtures/passwords.ts'

const events = ({ context: { db } }: TestApp, kind: string) => db.$count(journalEvents, eq(journalEvents.kind, kind))
const staleSeconds = 700

t.test('sessions', async (t) => {
  const test = await openTestApp(t)
  const { db } = test.context
  const anna = await person(test, 'Anna')
  const bert = await person(test, 'Bert')
  await givePassword(test, anna, bert)
  const begin = async () => (await signIn(test, anna.address)).body as { accessToken: string; session: { id: string } }
  const rowOf = async (id: string) => (await db.select().from(sessions).where(eq(sessions.id, id)))[0]
  const remove = (token: string, id: string) => send(test, 'DELETE', `/v1/sessions/${id}`, { token })
  const isOver = async (token: string) => (await send(test, 'GET', '/v1/me', { token })).status === 401
  t.beforeEach(() => db.delete(throttles))

  await t.test('a person sees his own open ones, newest first, in pages', async (t) => {
    const { accessToken: token, session } = await begin()
    const over = await begin()
    await db
      .update(sessions)
      .set({ expiresAt: new Date(test.clock.now() - 1) })
      .where(eq(sessions.id, over.session.id))
    const ended = await begin()
    await send(test, 'DELETE', '/v1/sessions/current', { token: ended.accessToken })
    const list = await send(test, 'GET', '/v1/sessions', { token })
    t.equal(list.status, 200, list.text)
    t.match(list.body.items, [
      { id: session.id, kind: 'person', method: 'password', level: 'one_factor', current: true, lastRenewedAt: String },
      { id: anna.session, current: false, lastRenewedAt: null },
    ])
    t.equal(list.body.items.length, 2)
    t.strictSame(Object.keys(list.body.items[0]), [
      'id',
      'kind',
      'method',
      'level',
      'createdAt',
      'authenticatedAt',
      'expiresAt',
      'lastRenewedAt',
      'current',
    ])
    const first = await send(test, 'GET', '/v1/sessions?limit=1', { token })
    const second = await send(test, 'GET', `/v1/sessions?limit=1&cursor=${first.body.nextCursor}`, { token })
    t.strictSame([...first.body.items, ...second.body.items], list.body.items)
    t.equal(second.body.nextCursor, null)
    t.notMatch((await send(test, 'GET', '/v1/sessions', { token: bert.token })).text, session.id)
  })

  await t.test('signing out ends the session at once, without a fresh sign-in, and only this one', async (t) => {
    const { session } = await begin()
    const other = await begin()
    const token = await tokenFor(test, anna.id, session.id, staleSeconds)
    const reply = await send(test, 'DELETE', '/v1/sessions/current', { token })
    t.match(reply, { status: 204, text: '' })
    t.ok((await rowOf(session.id))?.endedAt)
    t.ok(await isOver(token))
    t.notOk(await isOver(other.accessToken))
    const [event] = await db
      .select()
      .from(journalEvents)
      .where(eq(journalEvents.resourceId, session.id))
      .orderBy(journalEvents.id)
      .offset(1)
    t.match(event, { kind: 'session.ended', actorUserId: anna.id, capacity: 'self', action: 'self.manage', decision: 'permit' })
    t.equal((await remove(other.accessToken, other.session.id)).status, 204, 'by its id too')
    t.ok(await isOver(other.accessToken))
  })

  await t.test('ending another one of his own needs a fresh sign-in, and repeating it changes nothing', async (t) => {
    const { session } = await begin()
    const other = await begin()
    const stale = await tokenFor(test, anna.id, session.id, staleSeconds)
    t.match(await remove(stale, other.session.id), { status: 401, body: { code: 'step_up_required' } })
    t.notOk(await isOver(other.accessToken))
    const fresh = await tokenFor(test, anna.id, session.id)
    const before = await events(test, 'session.ended')
    t.equal((await remove(fresh, other.session.id)).status, 204)
    t.ok(await isOver(other.accessToken))
    t.equal((await remove(fresh, other.session.id)).status, 204)
    t.equal(await events(test, 'session.ended'), before + 1)
  })

  await t.test("another's, an unknown one and nonsense are one answer", async (t) => {
    const { accessToken: token } = await begin()
    const before = await events(test, 'session.ended')
    const theirs = await remove(token, bert.session)
    t.match(theirs, { status: 404, body: { code: 'not_found' } })
    t.strictSame(alike(await remove(token, uuid())), alike(theirs))
    t.strictSame(alike(await remove(token, 'nonsense')), alike(theirs))
    t.equal(await events(test, 'session.ended'), before)
    t.notOk(await isOver(bert.token))
  })

  await t.test('confirming the password makes the sign-in fresh', async (t) => {
    const { session } = await begin()
    const long = new Date(test.clock.now() - staleSeconds * 1000)
    await db.update(sessions).set({ authenticatedAt: long }).where(eq(sessions.id, session.id))
    const stale = await tokenFor(test, anna.id, session.id)
    const other = await begin()
    t.equal((await remove(stale, other.session.id)).status, 401)
    const reply = await send(test, 'POST', '/v1/sessions/step-up', { token: stale, body: { password } })
    t.equal(reply.status, 200, reply.text)
    t.match(reply.body, { tokenType: 'Bearer', session: { id: session.id }, user: { id: anna.id, name: 'Anna' } })
    t.ok(((await rowOf(session.id))?.authenticatedAt.getTime() ?? 0) > test.clock.now() - 5_000)
    t.ok(Number(decodeJwt(reply.body.accessToken)['auth_time']) > test.clock.now() / 1000 - 5)
    t.equal((await remove(reply.body.accessToken, other.session.id)).status, 204)
    t.equal(await events(test, 'session.stepped_up'), 1)
  })

  await t.test('a wrong password does not, and must wait after too many', async (t) => {
    const { accessToken: token, session } = await begin()
    const before = (await rowOf(session.id))?.authenticatedAt
    const confirm = (secret: string) => send(test, 'POST', '/v1/sessions/step-up', { token, body: { password: secret } })
    for (let free = 0; free < 10; free++) {
      t.match(await confirm(wrongPassword), { status: 422, body: { errors: [{ pointer: '#/password', code: 'wrong' }] } })
    }
    t.match(await mailbox(test), [{ to: anna.address, subject: 'Wrong passwords were tried' }])
    t.match(await confirm(password), { status: 429, headers: { 'retry-after': '1' } })
    t.strictSame((await rowOf(session.id))?.authenticatedAt, before, 'and nothing was written')
    t.equal(await events(test, 'session.stepped_up'), 1)
  })

  await t.test('who has no password has no right one', async (t) => {
    const nora = await person(test, 'Nora Nopassword')
    t.equal((await send(test, 'POST', '/v1/sessions/step-up', { token: nora.token, body: { password } })).status, 422)
  })

  await t.test('a password that changes while it is checked is wrong', async (t) => {
    const release = holdHashing()
    const reply = send(test, 'POST', '/v1/sessions/step-up', { token: bert.token, body: { password } })
    await waitingForHash(1)
    await db.update(users).set({ passwordHash: null }).where(eq(users.id, bert.id))
    release()
    t.match(await reply, { status: 422, body: { errors: [{ code: 'wrong' }] } })
  })
})
