import { and, eq, isNull } from 'drizzle-orm'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { journalEvents, sessions, singleUseTokens, staffMembers, users } from '../../src/database/tables.ts'
import { openTestApp, type Sent, send, type TestApp } from '../fixtures/app.ts'
import { person, staff, tokenFor } from '../fixtures/cast.ts'
import { mailbox, tokenIn, tokenMailedTo } from '../fixtures/mail.ts'
import { password } from '../fixtures/passwords.ts'

const invite = (test: TestApp, token: string, address: string, role = 'support', key?: string): Promise<Sent> =>
  send(test, 'POST', '/v1/staff', { token, body: { address, role }, ...(key === undefined ? {} : { key }) })
const accept = (test: TestApp, token: string): Promise<Sent> =>
  send(test, 'POST', '/v1/invitations/accept', { body: { token, name: 'New Agent', password } })
const end = (test: TestApp, token: string, id: string): Promise<Sent> => send(test, 'DELETE', `/v1/staff/${id}`, { token })

t.test('staff', async (t) => {
  const test = await openTestApp(t)
  const { db } = test.context
  const admin = await staff(test, 'Ada Admin', 'admin')
  const support = await staff(test, 'Sue Support', 'support')
  const anna = await person(test, 'Anna')

  await t.test('are listed for staff, who has a role longest first', async (t) => {
    const list = await send(test, 'GET', '/v1/staff', { token: support.token })
    t.match(list, { status: 200, body: { nextCursor: null } })
    t.match(list.body.items, [
      { id: admin.staffMember, user: { id: admin.id, name: 'Ada Admin' }, role: 'admin', status: 'active', givenBy: null },
      { id: support.staffMember, role: 'support' },
    ])
    const first = await send(test, 'GET', '/v1/staff?limit=1', { token: support.token })
    const second = await send(test, 'GET', `/v1/staff?limit=1&cursor=${first.body.nextCursor}`, { token: support.token })
    t.strictSame([...first.body.items, ...second.body.items], list.body.items)
    t.equal((await send(test, 'GET', '/v1/staff', { token: anna.token })).status, 403)
  })

  await t.test('an invitation makes a new user with the role', async (t) => {
    const reply = await invite(test, admin.token, 'New@Provider.example')
    t.equal(reply.status, 202, reply.text)
    const { invitation } = reply.body
    t.match(reply, {
      headers: { location: '/v1/staff' },
      body: { status: 'accepted', invitation: { address: 'new@provider.example', role: 'support' } },
    })
    t.equal(Date.parse(invitation.expiresAt) - test.clock.now() > 13.9 * 86_400_000, true)
    const [event] = await db.select().from(journalEvents).where(eq(journalEvents.resourceId, invitation.id))
    t.match(event, { kind: 'staff.invited', actorUserId: admin.id, capacity: 'staff', audience: 'staff' })
    const token = await tokenMailedTo(test, 'new@provider.example')
    const shown = await send(test, 'POST', '/v1/invitations/show', { body: { token } })
    t.match(shown, {
      status: 200,
      body: { kind: 'staff', staff: { role: 'support' }, invitedBy: 'Ada Admin', account: null, next: 'sign_up' },
    })
    const accepted = await accept(test, token)
    t.match(accepted, { status: 201, body: { kind: 'staff', staff: { role: 'support' }, account: null, contact: null, grant: null } })
    const [row] = await db.select().from(staffMembers).where(eq(staffMembers.userId, accepted.body.user.id))
    t.match(row, { role: 'support', givenBy: admin.id, endedAt: null })
    const list = await send(test, 'GET', '/v1/staff', { token: admin.token })
    t.match(list.body.items.at(-1), { user: accepted.body.user, givenBy: { id: admin.id, name: 'Ada Admin' } })
    t.equal((await accept(test, token)).status, 403, 'once')
  })

  await t.test('who is a user already never becomes staff', async (t) => {
    t.match(await invite(test, admin.token, anna.address), { status: 409, body: { code: 'conflict' } })
    await invite(test, admin.token, 'later@provider.example')
    const [mail] = await mailbox(test)
    const token = tokenIn(mail)
    const later = await person(test, 'Later')
    await db.update(singleUseTokens).set({ address: later.address }).where(eq(singleUseTokens.address, 'later@provider.example'))
    t.match(await send(test, 'POST', '/v1/invitations/show', { body: { token } }), { status: 409, body: { code: 'conflict' } })
    t.match(await accept(test, token), { status: 409 })
    const signedIn = await send(test, 'POST', '/v1/invitations/accept', { token: later.token, body: { token } })
    t.equal(signedIn.status, 409)
    t.equal(await db.$count(staffMembers, eq(staffMembers.userId, later.id)), 0, 'and nothing was written')
  })

  await t.test('an invitation is accepted without a session', async (t) => {
    await invite(test, admin.token, 'other@provider.example')
    const token = await tokenMailedTo(test, 'other@provider.example')
    const reply = await send(test, 'POST', '/v1/invitations/accept', { token: anna.token, body: { token } })
    t.match(reply, { status: 403, body: { code: 'not_authorised', next: [{ rel: 'sign-in' }] } })
    t.equal((await accept(test, token)).status, 201, 'and is still good')
  })

  await t.test('an invitation falls with the admin who gave it', async (t) => {
    const rogue = await staff(test, 'Rogue', 'admin')
    await invite(test, rogue.token, 'mailed@provider.example', 'admin')
    const token = await tokenMailedTo(test, 'mailed@provider.example')
    await invite(test, rogue.token, 'queued@provider.example', 'admin')
    t.equal((await end(test, admin.token, rogue.id)).status, 204)
    t.equal((await accept(test, token)).status, 403)
    t.strictSame(await mailbox(test), [], 'and one that has not left stays')
  })

  await t.test('inviting is for admins with a fresh sign-in', async (t) => {
    const before = await db.$count(singleUseTokens)
    t.equal((await invite(test, support.token, 'x@provider.example')).status, 403)
    t.equal((await invite(test, anna.token, 'x@provider.example')).status, 403)
    const stale = await tokenFor(test, admin.id, admin.session, 700)
    t.match(await invite(test, stale, 'x@provider.example'), { status: 401, body: { code: 'step_up_required' } })
    t.equal((await invite(test, admin.token, 'nonsense')).status, 422)
    t.equal((await invite(test, admin.token, 'x@provider.example', 'owner')).status, 422)
    t.equal(await db.$count(singleUseTokens), before, 'and nothing was written')
  })

  await t.test('a repeated request invites once', async (t) => {
    const first = await invite(test, admin.token, 'keyed@provider.example', 'support', 'invite-1')
    const again = await invite(test, admin.token, 'keyed@provider.example', 'support', 'invite-1')
    t.strictSame(again.body, first.body)
    t.equal((await mailbox(test)).length, 1)
  })

  await t.test('ending a role ends every session, and leaves a user', async (t) => {
    const agent = await staff(test, 'Agent', 'support')
    const open = () => db.$count(sessions, and(eq(sessions.userId, agent.id), isNull(sessions.endedAt)))
    t.equal(await open(), 1)
    const reply = await end(test, admin.token, agent.id)
    t.match(reply, { status: 204, text: '' })
    t.equal(await open(), 0)
    t.equal((await send(test, 'GET', '/v1/me', { token: agent.token })).status, 401)
    const [row] = await db.select().from(staffMembers).where(eq(staffMembers.userId, agent.id))
    t.match(row, { endedBy: admin.id, endedAt: Date })
    t.match((await db.select().from(users).where(eq(users.id, agent.id)))[0], { status: 'active', version: 2 })
    const events = async () =>
      (await db.select().from(journalEvents).where(eq(journalEvents.actorUserId, admin.id)).orderBy(journalEvents.id)).map(
        ({ kind }) => kind,
      )
    const before = await events()
    t.strictSame(before.slice(-2), ['staff.ended', 'session.ended'])
    t.equal((await end(test, admin.token, agent.id)).status, 204, 'repeating it is harmless')
    t.equal((await end(test, admin.token, anna.id)).status, 204, 'as it is for who has none')
    t.strictSame(await events(), before)
    t.equal((await end(test, admin.token, uuid())).status, 404)
    t.equal((await end(test, support.token, admin.id)).status, 403)
    t.equal((await end(test, anna.token, admin.id)).status, 404)
  })

  await t.test('the last admin stays', async (t) => {
    t.match(await end(test, admin.token, admin.id), { status: 409, body: { code: 'conflict' } })
    t.equal((await send(test, 'GET', '/v1/staff', { token: admin.token })).status, 200)
    const second = await staff(test, 'Second', 'admin')
    const both = await Promise.all([end(test, admin.token, admin.id), end(test, second.token, second.id)])
    t.strictSame(both.map(({ status }) => status).sort(), [204, 409], 'also when both go at once')
  })
})
