import { eq } from 'drizzle-orm'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { journalEvents, journalValues, users } from '../../src/database/tables.ts'
import { openTestApp, send } from '../fixtures/app.ts'
import { person, staff, tokenFor } from '../fixtures/cast.ts'
import { alike } from '../fixtures/passwords.ts'

t.test('the directory of users', async (t) => {
  const test = await openTestApp(t)
  const admin = await staff(test, 'Ada Admin', 'admin')
  const support = await staff(test, 'Sue Support', 'support')
  const anna = await person(test, 'Anna')
  const una = await person(test, 'Una Unproven', { proven: false })

  await t.test('staff read a user', async (t) => {
    const reply = await send(test, 'GET', `/v1/users/${anna.id}`, { token: support.token })
    t.equal(reply.status, 200, reply.text)
    const { createdAt, addresses: owned } = reply.body
    const expected = {
      id: anna.id,
      name: 'Anna',
      status: 'active',
      addresses: owned,
      staffRole: null,
      suspendedAt: null,
      suspendedReason: null,
      compromisedSince: null,
    }
    t.strictSame(reply.body, { ...expected, createdAt, version: 1 })
    t.match(owned, [{ address: anna.address, provenAt: /T/ }])
    t.equal(reply.headers['etag'], '"v1"')
    const same = await send(test, 'GET', `/v1/users/${anna.id}`, { token: support.token, headers: { 'if-none-match': '"v1"' } })
    t.match(same, { status: 304, text: '' })
    t.match((await send(test, 'GET', `/v1/users/${admin.id}`, { token: support.token })).body, { staffRole: 'admin' })
    t.match((await send(test, 'GET', `/v1/users/${una.id}`, { token: support.token })).body, { addresses: [{ provenAt: null }] })
  })

  await t.test('and find one by an address he has proven', async (t) => {
    const find = (address: string) => send(test, 'GET', `/v1/users?address=${encodeURIComponent(address)}`, { token: support.token })
    t.match(await find(anna.address.toUpperCase()), { status: 200, body: { items: [{ id: anna.id }], nextCursor: null } })
    t.strictSame((await find(una.address)).body, { items: [], nextCursor: null }, 'one that was only stated identifies nobody')
    t.strictSame((await find('nobody@people.example')).body, { items: [], nextCursor: null })
    t.match(await find('nonsense'), { status: 422, body: { errors: [{ parameter: 'address', in: 'query', code: 'format' }] } })
    t.equal((await send(test, 'GET', '/v1/users', { token: support.token })).status, 422)
  })

  await t.test('nobody else sees whether a user is there', async (t) => {
    const theirs = await send(test, 'GET', `/v1/users/${una.id}`, { token: anna.token })
    t.equal(theirs.status, 404)
    t.strictSame(alike(await send(test, 'GET', `/v1/users/${uuid()}`, { token: anna.token })), alike(theirs))
    t.equal((await send(test, 'GET', '/v1/users?address=x@people.example', { token: anna.token })).status, 403)
    t.equal((await send(test, 'GET', `/v1/users/${uuid()}`, { token: support.token })).status, 404)
  })
})

t.test('suspending a user', async (t) => {
  const test = await openTestApp(t)
  const { db } = test.context
  const admin = await staff(test, 'Ada Admin', 'admin')
  const support = await staff(test, 'Sue Support', 'support')
  const anna = await person(test, 'Anna')
  const suspend = (id: string, token: string, reason = 'Stolen laptop', key?: string) =>
    send(test, 'POST', `/v1/users/${id}/suspend`, { token, body: { reason }, ...(key === undefined ? {} : { key }) })
  const restore = (id: string, token = admin.token) => send(test, 'POST', `/v1/users/${id}/restore`, { token })
  const events = (kind: string) => db.select().from(journalEvents).where(eq(journalEvents.kind, kind))
  const meets = async (token: string) => (await send(test, 'GET', '/v1/me', { token })).status
  const revision = async () => (await db.select().from(users).where(eq(users.id, anna.id)))[0]?.authorityRevision as number

  await t.test('denies him everything from then on, and is told once', async (t) => {
    const before = await revision()
    const reply = await suspend(anna.id, admin.token)
    t.match(reply, { status: 200, headers: { etag: '"v2"' }, body: { status: 'suspended', suspendedReason: 'Stolen laptop', version: 2 } })
    t.ok(reply.body.suspendedAt)
    t.equal(await meets(anna.token), 401)
    t.ok((await revision()) > before, 'what is under way falls')
    t.strictSame((await suspend(anna.id, admin.token, 'Another reason')).body, reply.body, 'repeating it changes nothing')
    const [event, ...others] = await events('user.suspended')
    t.match(event, { actorUserId: admin.id, capacity: 'staff', viaId: admin.staffMember, resourceId: anna.id, audience: 'staff' })
    t.strictSame(others, [])
    const [value] = await db
      .select()
      .from(journalValues)
      .where(eq(journalValues.eventId, event?.id as string))
    t.strictSame(value?.value, { reason: 'Stolen laptop' })
  })

  await t.test('staff see since when he was in other hands, in a new version', async (t) => {
    const since = new Date(test.clock.now() - 86_400_000).toISOString()
    const body = { reason: 'Phished', compromisedSince: since }
    const stated = await send(test, 'POST', `/v1/users/${anna.id}/suspend`, { token: admin.token, body })
    t.match(stated, { status: 200, headers: { etag: '"v3"' }, body: { compromisedSince: since, version: 3 } })
    t.equal((await send(test, 'GET', `/v1/users/${anna.id}`, { token: support.token })).body.compromisedSince, since)
    t.strictSame((await send(test, 'POST', `/v1/users/${anna.id}/suspend`, { token: admin.token, body })).body, stated.body)
  })

  await t.test('and restoring him gives it all back, sessions too', async (t) => {
    t.match(await restore(anna.id), { status: 200, body: { status: 'active', suspendedAt: null, suspendedReason: null, version: 4 } })
    t.equal(await meets(anna.token), 200)
    t.match(await restore(anna.id), { status: 200, body: { version: 4 } })
    t.equal((await events('user.restored')).length, 1)
  })

  await t.test('is for admins with a fresh sign-in', async (t) => {
    t.match(await suspend(anna.id, support.token), { status: 403, body: { code: 'not_authorised' } })
    t.equal((await suspend(anna.id, anna.token)).status, 404)
    const stale = await tokenFor(test, admin.id, admin.session, 700)
    t.match(await suspend(anna.id, stale), { status: 401, body: { code: 'step_up_required' } })
    t.equal((await suspend(uuid(), admin.token)).status, 404)
    t.equal(await meets(anna.token), 200, 'and nothing was written')
  })

  await t.test('the last admin stays', async (t) => {
    const refused = await suspend(admin.id, admin.token)
    t.match(refused, { status: 409, body: { code: 'conflict' } })
    t.equal(await meets(admin.token), 200)
    const second = await staff(test, 'Second Admin', 'admin')
    t.equal((await suspend(second.id, admin.token)).status, 200)
    t.equal((await suspend(admin.id, admin.token)).status, 409, 'a suspended one does not count')
    await restore(second.id)
    t.equal((await suspend(admin.id, admin.token)).status, 200)
  })

  await t.test('two admins cannot suspend each other at once', async (t) => {
    const first = await staff(test, 'First', 'admin')
    const second = await staff(test, 'Other', 'admin')
    await db.update(users).set({ status: 'suspended' }).where(eq(users.name, 'Second Admin'))
    const outcomes = await Promise.all([suspend(second.id, first.token), suspend(first.id, second.token)])
    t.strictSame(outcomes.map(({ status }) => status).sort(), [200, 401])
  })

  await t.test('repeats the stored answer for the same key', async (t) => {
    const last = await staff(test, 'Last', 'admin')
    const first = await suspend(anna.id, last.token, 'Once', 'key-1')
    await restore(anna.id, last.token)
    const again = await suspend(anna.id, last.token, 'Once', 'key-1')
    t.equal(again.headers['idempotency-replayed'], 'true')
    t.strictSame(again.body, first.body)
    t.equal(await meets(anna.token), 200)
  })

  await t.test('wants a reason', async (t) => {
    const last = await staff(test, 'Latest', 'admin')
    t.equal((await suspend(anna.id, last.token, '')).status, 422)
    t.equal((await send(test, 'POST', `/v1/users/${anna.id}/suspend`, { token: last.token })).status, 422)
  })
})
