import { and, eq } from 'drizzle-orm'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { accounts, addresses, contacts, journalEvents, singleUseTokens, staffMembers, users } from '../../src/database/tables.ts'
import { mailToken } from '../../src/outbox/tokens.ts'
import { openTestApp, type Sent, send, type TestApp } from '../fixtures/app.ts'
import { type Account, account, contact, domain, type Person, person, staff, tokenFor } from '../fixtures/cast.ts'
import { tokenMailedTo } from '../fixtures/mail.ts'
import { alike, holdHashing, password, signIn, waitingForHash } from '../fixtures/passwords.ts'

const newcomer = { name: 'Nina New', password }
const accept = (test: TestApp, body: object, token?: string): Promise<Sent> => send(test, 'POST', '/v1/invitations/accept', { token, body })
const show = (test: TestApp, token: string): Promise<Sent> => send(test, 'POST', '/v1/invitations/show', { body: { token } })

/** Invites through the API and returns the mailed secret. */
async function invited(test: TestApp, by: Person, to: Account, address: string, role = 'technical', domains?: string[]): Promise<string> {
  const body = { address, role, ...(domains === undefined ? {} : { domains }) }
  const reply = await send(test, 'POST', `/v1/accounts/${to.id}/contacts`, { token: by.token, body })
  if (reply.status !== 201) throw new Error(reply.text)
  return tokenMailedTo(test, address.toLowerCase())
}

t.test('accepting an invitation as a contact', async (t) => {
  const test = await openTestApp(t)
  const { db } = test.context
  const admin = await staff(test, 'Ada Admin', 'admin')
  const owner = await person(test, 'Olga Owner')
  const alpha = await account(test, 'Alpha Ltd')
  await domain(test, alpha, 'alpha.example')
  await domain(test, alpha, 'xn--bcher-kva.example')
  await contact(test, alpha, owner, 'owner')
  const written = async () => [
    await db.$count(users),
    await db.$count(journalEvents),
    await db.$count(contacts, eq(contacts.status, 'active')),
  ]

  await t.test('its terms are shown to whoever has the mailed secret', async (t) => {
    const token = await invited(test, owner, alpha, 'shown@shop.example', 'technical', ['bücher.example'])
    const shown = await show(test, token)
    t.equal(shown.status, 200, shown.text)
    t.strictSame(
      { ...shown.body, expiresAt: '' },
      {
        kind: 'contact',
        address: 'shown@shop.example',
        name: null,
        invitedBy: 'Olga Owner',
        expiresAt: '',
        next: 'sign_up',
        account: { id: alpha.id, number: alpha.number, name: 'Alpha Ltd' },
        contact: { role: 'technical', domains: ['bücher.example'] },
        grant: null,
        staff: null,
      },
    )
    const unknown = await show(test, 'A'.repeat(43))
    t.match(unknown, { status: 403, body: { code: 'not_authorised' } })
    t.equal((await show(test, '')).status, 422)
  })

  await t.test('makes a new user whose address it proves, and who is signed in nowhere', async (t) => {
    const token = await invited(test, owner, alpha, 'Nina@Shop.example')
    const reply = await accept(test, { token, ...newcomer })
    t.equal(reply.status, 201, reply.text)
    const { user, contact: made } = reply.body
    const named = { id: alpha.id, number: alpha.number, name: 'Alpha Ltd' }
    const expected = { kind: 'contact', user: { id: user.id, name: 'Nina New' }, account: named, grant: null, staff: null }
    t.strictSame(reply.body, { ...expected, contact: { id: made.id, role: 'technical', confirmed: true } })
    t.equal(reply.headers['location'], '/v1/me/authority')
    const [row] = await db.select().from(contacts).where(eq(contacts.id, made.id))
    t.match(row, { status: 'active', userId: user.id, acceptedAt: Date, confirmedAt: Date, version: 2 })
    t.match(await db.select().from(addresses).where(eq(addresses.userId, user.id)), [{ address: 'nina@shop.example', provenAt: Date }])
    const events = await db.select().from(journalEvents).where(eq(journalEvents.actorUserId, user.id)).orderBy(journalEvents.id)
    t.strictSame(
      events.map(({ kind }) => kind),
      ['user.created', 'address.proven', 'contact.accepted'],
    )
    t.ok(events.every(({ verification }) => verification === 'email:proven'))
    t.match(events[2], { accountId: alpha.id, audience: 'account', resourceId: made.id, capacity: 'self' })
    const session = await signIn(test, 'nina@shop.example')
    t.match(await send(test, 'GET', `/v1/accounts/${alpha.id}/contacts`, { token: session.body.accessToken }), { status: 200 })
    const again = await accept(test, { token, ...newcomer })
    t.match(again, { status: 403, body: { code: 'not_authorised' } }, 'once')
    t.strictSame(alike(await accept(test, { token: 'A'.repeat(43), ...newcomer })), alike(again))
    t.strictSame(alike(await show(test, token)), alike(again))
  })

  await t.test('a new user says his name and a good password', async (t) => {
    const token = await invited(test, owner, alpha, 'needs@shop.example')
    const before = await written()
    const fields = async (body: object) =>
      (await accept(test, { token, ...body })).body.errors.map(({ pointer }: { pointer: string }) => pointer)
    t.strictSame(await fields({}), ['#/name', '#/password'])
    t.strictSame(await fields({ name: 'Nina' }), ['#/password'])
    t.strictSame(await fields({ password }), ['#/name'])
    t.strictSame(await fields({ name: 'Nina', password: 'needs@shop.example' }), ['#/password'])
    t.strictSame(await written(), before, 'and nothing was written')
  })

  await t.test('the name the one who invites gave will do', async (t) => {
    const token = await invited(test, owner, alpha, 'called@shop.example')
    await db.update(singleUseTokens).set({ name: 'Carla Called' }).where(eq(singleUseTokens.address, 'called@shop.example'))
    t.match((await show(test, token)).body, { name: 'Carla Called', invitedBy: 'Olga Owner' })
    await db.update(singleUseTokens).set({ invitedBy: null }).where(eq(singleUseTokens.address, 'called@shop.example'))
    t.equal((await show(test, token)).body.invitedBy, null, 'it may be no person who invites')
    t.match(await accept(test, { token, password }), { status: 201, body: { user: { name: 'Carla Called' } } })
  })

  await t.test('whose address has a user signs in and repeats', async (t) => {
    const paul = await person(test, 'Paul')
    const token = await invited(test, owner, alpha, paul.address)
    t.equal((await show(test, token)).body.next, 'sign_in')
    const before = await written()
    const refused = await accept(test, { token, ...newcomer })
    t.match(refused, { status: 401, headers: { 'www-authenticate': 'Bearer' }, body: { code: 'unauthenticated', detail: /sign in/ } })
    const stale = await tokenFor(test, paul.id, paul.session, 700)
    t.match(await accept(test, { token }, stale), { status: 401, body: { code: 'step_up_required' } })
    t.equal((await accept(test, { token }, 'nonsense')).status, 401)
    t.strictSame(await written(), before, 'and nothing was written')
    const reply = await accept(test, { token }, paul.token)
    t.match(reply, { status: 200, body: { user: { id: paul.id, name: 'Paul' }, contact: { role: 'technical', confirmed: true } } })
    const [event] = await db
      .select()
      .from(journalEvents)
      .where(eq(journalEvents.resourceId, reply.body.contact.id))
      .orderBy(journalEvents.id)
      .offset(1)
    t.match(event, { kind: 'contact.accepted', actorUserId: paul.id, sessionId: paul.session, action: 'self.manage', decision: 'permit' })
    const twice = await invited(test, owner, alpha, paul.address)
    t.match(await accept(test, { token: twice }, paul.token), { status: 409, body: { code: 'conflict', detail: /already/ } })
    t.match(await accept(test, { token: await invited(test, owner, alpha, paul.address, 'billing') }, paul.token), { status: 200 })
  })

  await t.test('another user cannot take it, whether the address has a user or not', async (t) => {
    const paula = await person(test, 'Paula')
    const other = await person(test, 'Other')
    const una = await person(test, 'Una Unproven', { proven: false })
    for (const address of [paula.address, 'unknown@shop.example', una.address]) {
      const token = await invited(test, owner, alpha, address)
      const before = await written()
      for (const who of [other, una]) {
        t.match(await accept(test, { token }, who.token), { status: 403, body: { code: 'not_authorised', next: [{ rel: 'sign-in' }] } })
      }
      t.strictSame(await written(), before, 'and nothing was written')
    }
  })

  await t.test('staff never become contacts', async (t) => {
    const agent = await staff(test, 'Agent', 'support')
    const token = await invited(test, owner, alpha, agent.address)
    const before = await written()
    t.match(await accept(test, { token }, agent.token), { status: 409, body: { code: 'conflict' } })
    t.strictSame(await written(), before)
  })

  await t.test('the first owner opens a new account', async (t) => {
    const made = await account(test, 'Fresh Ltd', 'new')
    const technical = await invited(test, admin, made, 'tech@fresh.example')
    t.equal((await accept(test, { token: technical, ...newcomer })).status, 201)
    const state = async () => (await db.select().from(accounts).where(eq(accounts.id, made.id)))[0]
    t.match(await state(), { state: 'new' }, 'nobody else does')
    const first = await invited(test, admin, made, 'owner@fresh.example', 'owner')
    const reply = await accept(test, { token: first, ...newcomer })
    t.match(reply, { status: 201, body: { contact: { role: 'owner', confirmed: true } } })
    const opened = await state()
    t.match(opened, { state: 'open', version: 2 })
    const [event] = await db
      .select()
      .from(journalEvents)
      .where(and(eq(journalEvents.accountId, made.id), eq(journalEvents.kind, 'account.opened')))
    t.match(event, { actorUserId: reply.body.user.id, resourceId: made.id, changed: ['state'] })
    const second = await invited(test, admin, made, 'second@fresh.example', 'owner')
    t.match(
      await accept(test, { token: second, ...newcomer }),
      { status: 201, body: { contact: { confirmed: false } } },
      'who staff adds beside an owner waits for his yes',
    )
    t.strictSame(await state(), { ...opened, authorityRevision: (await state())?.authorityRevision })
  })

  await t.test('what was withdrawn, is over, or belongs to a closed account is gone', async (t) => {
    const unknown = await accept(test, { token: 'A'.repeat(43), ...newcomer })
    const withdrawn = await invited(test, owner, alpha, 'withdrawn@shop.example')
    const [row] = await db.select().from(contacts).where(eq(contacts.invitedAddress, 'withdrawn@shop.example'))
    await send(test, 'DELETE', `/v1/accounts/${alpha.id}/contacts/${row?.id}`, { token: owner.token })
    t.strictSame(alike(await accept(test, { token: withdrawn, ...newcomer })), alike(unknown))
    const closed = await account(test, 'Closing Ltd')
    await contact(test, closed, owner, 'owner')
    const late = await invited(test, owner, closed, 'late@shop.example')
    await db.update(accounts).set({ state: 'closed' }).where(eq(accounts.id, closed.id))
    t.strictSame(alike(await accept(test, { token: late, ...newcomer })), alike(unknown))
    const proof = await mailToken(test.jobs, db, { purpose: 'address_proof', address: 'proof@shop.example' }, test.clock.now(), 60_000)
    t.ok(proof)
    t.strictSame(alike(await accept(test, { token: await tokenMailedTo(test, 'proof@shop.example'), ...newcomer })), alike(unknown))
    const token = await invited(test, owner, alpha, 'expired@shop.example')
    test.clock.advance(14 * 86_400_000)
    t.strictSame(alike(await accept(test, { token, ...newcomer })), alike(unknown))
    test.clock.advance(-14 * 86_400_000)
  })

  await t.test('what changes while a password is made counts', async (t) => {
    const meanwhile = async (address: string, change: () => Promise<unknown>, role = 'technical') => {
      const token = await invited(test, owner, alpha, address, role)
      const release = holdHashing()
      const reply = accept(test, { token, ...newcomer })
      await waitingForHash(1)
      await change()
      release()
      return reply
    }
    const end = () =>
      db.update(contacts).set({ status: 'ended', endedAt: new Date() }).where(eq(contacts.invitedAddress, 'ended@shop.example'))
    const users0 = await db.$count(users)
    t.equal((await meanwhile('ended@shop.example', end)).status, 403)
    const prove = () =>
      db
        .insert(addresses)
        .values({ id: uuid(), userId: owner.id, address: 'taken@shop.example', createdAt: new Date(), provenAt: new Date() })
    t.match(await meanwhile('taken@shop.example', prove), { status: 401, body: { code: 'unauthenticated' } })
    t.equal(await db.$count(users), users0, 'and nobody was made')
    const broken = () => db.delete(singleUseTokens).where(eq(singleUseTokens.address, 'gone@shop.example'))
    t.equal((await meanwhile('gone@shop.example', broken)).status, 403)
  })

  await t.test('an invitation to staff whose address is taken meanwhile says so', async (t) => {
    await send(test, 'POST', '/v1/staff', { token: admin.token, body: { address: 'agent@provider.example', role: 'support' } })
    const token = await tokenMailedTo(test, 'agent@provider.example')
    const release = holdHashing()
    const reply = accept(test, { token, ...newcomer })
    await waitingForHash(1)
    const proven = { id: uuid(), userId: owner.id, address: 'agent@provider.example', createdAt: new Date(), provenAt: new Date() }
    await db.insert(addresses).values(proven)
    release()
    t.match(await reply, { status: 409, body: { code: 'conflict' } })
    t.equal(await db.$count(staffMembers, eq(staffMembers.userId, owner.id)), 0)
  })

  await t.test('two at once are one', async (t) => {
    const token = await invited(test, owner, alpha, 'both@shop.example')
    const release = holdHashing()
    const both = [accept(test, { token, ...newcomer }), accept(test, { token, ...newcomer })]
    await waitingForHash(2)
    release()
    t.strictSame((await Promise.all(both)).map(({ status }) => status).sort(), [201, 403])
  })
})
