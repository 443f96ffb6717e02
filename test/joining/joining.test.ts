import { and, eq, isNull } from 'drizzle-orm'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import type { Context } from '../../src/authority/context.ts'
import {
  accounts,
  addresses,
  contacts,
  grants,
  recoveryCodes,
  secondFactors,
  sessions,
  subjects,
  throttles,
  tickets,
  users,
} from '../../src/database/tables.ts'
import { joinUsers } from '../../src/joining/join.ts'
import { Authenticator } from '../factors/authenticator.ts'
import { codeOf, factorsPath, guarded } from '../factors/stage.ts'
import { issuer, openTestApp, type Sent, send } from '../fixtures/app.ts'
import { account, contact, domain, grant, type Person, person, request, staff, tokenFor } from '../fixtures/cast.ts'
import { eventsOf, refusedOf } from '../fixtures/ledger.ts'
import { mailbox, tokenMailedTo } from '../fixtures/mail.ts'
import { alike, givePassword, password, signIn } from '../fixtures/passwords.ts'
import { askForUser, askToNarrow, panel, panelToken, personalToken, tie } from '../oauth/stage.ts'

t.test('joining two users', async (t) => {
  const test = await openTestApp(t)
  const { db } = test.context
  const join = ({ token }: { token: string }, accessToken: string, key?: string): Promise<Sent> =>
    send(test, 'POST', '/v1/me/joining', { token, body: { accessToken }, ...(key === undefined ? {} : { key }) })
  const pair = async () => [await person(test, 'Anna'), await person(test, 'Anna Twice')] as const
  const contactRow = async (id: string) => (await db.select().from(contacts).where(eq(contacts.id, id)))[0] as typeof contacts.$inferSelect
  const grantRow = async (id: string) => (await db.select().from(grants).where(eq(grants.id, id)))[0] as typeof grants.$inferSelect
  const userRow = async (id: string) => (await db.select().from(users).where(eq(users.id, id)))[0] as typeof users.$inferSelect
  const revisionOf = async (id: string) => (await db.select().from(accounts).where(eq(accounts.id, id)))[0]?.authorityRevision as number
  const kinds = async (accountId: string) => (await eventsOf(test, accountId)).map(({ kind }) => kind)
  t.beforeEach(() => db.delete(throttles))

  await t.test('what the other is and holds becomes the caller’s, and the other is nobody any more', async (t) => {
    const anna = await person(test, 'Anna')
    const twice = await guarded(test, 'Anna Twice')
    await givePassword(test, anna)
    const owner = await person(test, 'Olga')
    const [a, b] = [await account(test, 'Alpha Ltd'), await account(test, 'Beta Ltd')]
    const d = await domain(test, a, `${uuid()}.example`)
    const hers = await contact(test, b, anna, 'billing')
    const his = await contact(test, b, twice, 'technical')
    const given = await grant(test, a, await contact(test, a, owner, 'owner'), twice, [d])
    const over = await grant(test, a, await contact(test, a, await person(test, 'Max'), 'manager'), twice, [d], {
      status: 'revoked',
      endedAt: new Date(test.clock.now()),
    })
    const shop = await panel(test)
    const subject = await tie(test, shop, twice)
    await db.insert(addresses).values([
      { id: uuid(), userId: anna.id, address: twice.address, createdAt: new Date() },
      { id: uuid(), userId: twice.id, address: 'stated@people.example', createdAt: new Date() },
      { id: uuid(), userId: anna.id, address: 'stated@people.example', createdAt: new Date() },
    ])
    await send(test, 'POST', '/v1/password-resets', { body: { address: twice.address } })
    const reset = await tokenMailedTo(test, twice.address)
    const body = { account: a.id, domain: d.name, topic: 'other', subject: 'It broke', message: 'Since noon.' }
    const ticket = await send(test, 'POST', '/v1/tickets', { token: twice.token, key: true, body })
    const tool = await personalToken(test, twice.token, { account: b.id, actions: ['self.read'] })
    const inPanel = await panelToken(test, shop, subject)
    await mailbox(test)
    const before = [(await userRow(anna.id)).authorityRevision, (await userRow(twice.id)).authorityRevision]
    const accountsBefore = [await revisionOf(a.id), await revisionOf(b.id)]

    const joined = await join(anna, twice.token, 'join')
    t.equal(joined.status, 200, joined.text)
    t.strictSame(joined.body, {
      user: { id: anna.id, name: 'Anna' },
      joined: { id: twice.id, name: 'Anna Twice' },
      contacts: 1,
      endedContacts: 0,
      grants: 1,
    })
    t.match(await join(anna, twice.token, 'join'), { status: 200, headers: { 'idempotency-replayed': 'true' }, body: joined.body })
    t.equal((await userRow(anna.id)).authorityRevision, (before[0] as number) + 1)
    t.equal((await userRow(twice.id)).authorityRevision, (before[1] as number) + 1)
    t.strictSame(
      [await revisionOf(a.id), await revisionOf(b.id)],
      accountsBefore.map((revision) => revision + 1),
    )

    t.match(await contactRow(his), { userId: anna.id, status: 'active', version: 2 })
    t.match(await contactRow(hers), { userId: anna.id, version: 1 })
    t.match(await grantRow(given), { granteeUserId: anna.id, status: 'active', version: 2 })
    t.match(await grantRow(over), { granteeUserId: twice.id, version: 1 }, 'what has ended names who it was')
    t.strictSame((await kinds(b.id)).slice(-1), ['contact.moved'])
    t.strictSame((await kinds(a.id)).slice(-1), ['grant.moved'])
    const read = await send(test, 'GET', `/v1/tickets/${ticket.body.id}`, { token: anna.token })
    t.equal(read.status, 200, read.text)
    const [row] = await db.select().from(tickets).where(eq(tickets.id, ticket.body.id))
    t.match(row, { actorUserId: twice.id, requesterUserId: twice.id }, 'history is not rewritten')
    t.match(await db.select().from(subjects).where(eq(subjects.subject, subject)), [{ userId: anna.id }])
    t.equal((await askForUser(test, shop, subject)).status, 200, 'the panel knows him still, as the other')

    const list = await send(test, 'GET', '/v1/me/addresses', { token: anna.token })
    const texts = list.body.items.map(({ address }: { address: string }) => address)
    t.strictSame(texts.sort(), [anna.address, twice.address, 'stated@people.example'].sort())
    t.equal((await signIn(test, twice.address)).status, 201, 'with the password of the one who is left')
    const told = await mailbox(test)
    t.strictSame(told.map(({ to }) => to).sort(), [anna.address, twice.address].sort())
    for (const { subject: line } of told) t.equal(line, 'Two users were joined')

    for (const token of [twice.token, tool.secret, inPanel]) t.equal((await send(test, 'GET', '/v1/me', { token })).status, 401)
    t.equal(await db.$count(sessions, and(eq(sessions.userId, twice.id), isNull(sessions.endedAt))), 0)
    t.match(await userRow(twice.id), { status: 'suspended', suspendedReason: 'joined', passwordHash: null })
    t.match(await db.select().from(secondFactors).where(eq(secondFactors.userId, twice.id)), [{ removedAt: Date, sealedSecret: null }])
    t.equal(await db.$count(recoveryCodes, eq(recoveryCodes.userId, twice.id)), 0)
    const late = await send(test, 'POST', '/v1/password-resets/complete', { body: { token: reset, newPassword: 'quite another password' } })
    t.equal(late.status, 403, 'what was under way is over')
    const events = await eventsOf(test, '00000000-0000-0000-0000-000000000000')
    t.match(
      events.find(({ kind }) => kind === 'user.joined'),
      { actor: anna.id, resourceType: 'user', resourceId: twice.id },
    )
  })

  await t.test('what the other only asked for is not told: it would say that his request code was right', async (t) => {
    const [anna, twice] = await pair()
    const owner = await person(test, 'Olga')
    const a = await account(test, 'Alpha Ltd')
    const d = await domain(test, a, `${uuid()}.example`)
    await contact(test, a, owner, 'owner')
    const asked = await request(test, a, twice, [d], { createdBy: twice.id })
    t.match(await join(anna, twice.token), { status: 200, body: { grants: 0 } })
    t.equal((await grantRow(asked)).granteeUserId, anna.id)
    t.strictSame((await send(test, 'GET', '/v1/me/grants', { token: anna.token })).body.items, [])
    t.equal((await send(test, 'GET', `/v1/me/grants/${asked}`, { token: anna.token })).status, 404)
    await mailbox(test)
    t.equal((await send(test, 'POST', `/v1/accounts/${a.id}/grants/${asked}/decline`, { token: owner.token })).status, 200)
    t.strictSame(await mailbox(test), [])
  })

  await t.test('of two contacts in one role on one account the wider one stays, and what the other stood for falls', async (t) => {
    const [anna, twice] = await pair()
    const developer = await person(test, 'Dan')
    const a = await account(test, 'Alpha Ltd')
    const [one, two] = [await domain(test, a, `${uuid()}.example`), await domain(test, a, `${uuid()}.example`)]
    await contact(test, a, await person(test, 'Olga'), 'owner')
    const limited = await contact(test, a, anna, 'manager', [one])
    const wide = await contact(test, a, twice, 'manager')
    const [mine, theirs] = [await contact(test, a, anna, 'billing'), await contact(test, a, twice, 'billing')]
    const [narrow, other] = [await contact(test, a, anna, 'technical', [one]), await contact(test, a, twice, 'technical', [two])]
    const b = await account(test, 'Beta Ltd')
    const [waiting, confirmed] = [await contact(test, b, anna, 'owner'), await contact(test, b, twice, 'owner')]
    await db.update(contacts).set({ confirmedAt: null, addedByStaff: true }).where(eq(contacts.id, waiting))
    const byLimited = await grant(test, a, limited, developer, [one])
    const byWide = await grant(test, a, wide, developer, [one])
    const joined = await join(anna, twice.token)
    t.match(joined, { status: 200, body: { contacts: 2, endedContacts: 4, grants: 0 } }, joined.text)
    const stay: [string, string][] = [
      [wide, limited],
      [mine, theirs],
      [narrow, other],
      [confirmed, waiting],
    ]
    for (const [kept, ended] of stay) {
      t.match(await contactRow(kept), { userId: anna.id, status: 'active' })
      t.match(await contactRow(ended), { status: 'ended', endedAt: Date })
    }
    t.match(await grantRow(byWide), { status: 'active' })
    t.match(await grantRow(byLimited), { status: 'suspended', suspensionCauses: ['grantor_lost_authority'] })
    const told = (await kinds(a.id)).filter((kind) => kind !== 'access.refused')
    t.strictSame(told.sort(), ['contact.ended', 'contact.ended', 'contact.ended', 'contact.moved', 'grant.suspended'])
    await mailbox(test)
  })

  await t.test('only a token of a fresh, personal sign-in as somebody else serves, whatever is wrong with it', async (t) => {
    const [anna, twice] = await pair()
    const a = await account(test, 'Alpha Ltd')
    for (const who of [anna, twice]) await contact(test, a, who, 'owner')
    const shop = await panel(test, { mayStepUp: true })
    const subject = await tie(test, shop, twice)
    const cut = await askToNarrow(test, twice.token, { account: a.id })
    const wrong: Record<string, string> = {
      'none at all': 'nonsense',
      'too long': 'x'.repeat(8_192),
      'his own': anna.token,
      stale: await tokenFor(test, twice.id, twice.session, 700),
      'a panel’s': await panelToken(test, shop, subject),
      narrowed: cut.body.access_token,
      'a personal access token': (await personalToken(test, twice.token, { account: a.id })).secret,
      'of a session that has ended': await ended(),
      'with another signature': `${twice.token.slice(0, -6)}AAAAAA`,
      'of a session that is another’s': await tokenFor(test, twice.id, anna.session),
    }
    async function ended(): Promise<string> {
      const gone = await person(test, 'Gone')
      await send(test, 'DELETE', '/v1/sessions/current', { token: gone.token })
      return gone.token
    }
    const first = await join(anna, 'nonsense')
    t.match(first, { status: 422, body: { errors: [{ pointer: '#/accessToken', code: 'wrong' }] } })
    for (const [what, token] of Object.entries(wrong)) {
      t.strictSame(alike(await refusedOf(t, test, () => join(anna, token))), alike(first), what)
    }
    const stale = { token: await tokenFor(test, anna.id, anna.session, 700) }
    t.match(await refusedOf(t, test, () => join(stale, twice.token)), { status: 401, body: { code: 'step_up_required' } })
    t.match(await refusedOf(t, test, () => join({ token: wrong['a panel’s'] as string }, anna.token)), { status: 403 })
  })

  await t.test('both must have shown the second factors they have', async (t) => {
    const [anna, twice] = await pair()
    const addPasskey = async ({ token }: Person) => {
      const options = await send(test, 'POST', `${factorsPath}/passkeys/options`, { token })
      const body = new Authenticator(issuer).create(options.body)
      t.equal((await send(test, 'POST', `${factorsPath}/passkeys`, { token, body })).status, 201)
    }
    await addPasskey(twice)
    t.match(await refusedOf(t, test, () => join(anna, twice.token)), { status: 401, body: { code: 'second_factor_required' } })
    await addPasskey(anna)
    const another = await person(test, 'Another')
    t.match(await refusedOf(t, test, () => join(anna, another.token)), { status: 401, body: { code: 'second_factor_required' } })
    const gina = await guarded(test, 'Gina')
    const code = codeOf(gina.secret, test.clock.now())
    const session = await send(test, 'POST', '/v1/sessions', { body: { address: gina.address, password, code } })
    t.equal((await join({ token: session.body.accessToken }, (await person(test, 'Third')).token)).status, 200)
    await mailbox(test)
  })

  await t.test('never staff', async (t) => {
    const [anna, sue] = [await person(test, 'Anna'), await staff(test, 'Sue', 'support')]
    const [into, from] = [await refusedOf(t, test, () => join(sue, anna.token)), await refusedOf(t, test, () => join(anna, sue.token))]
    t.match(into, { status: 409, body: { code: 'conflict', detail: /[Ss]taff/ } })
    t.strictSame(alike(from), alike(into))
  })

  await t.test('never where one stands for a permission of the other, until it has ended', async (t) => {
    const a = await account(test, 'Alpha Ltd')
    const d = await domain(test, a, `${uuid()}.example`)
    const [anna, twice] = await pair()
    const given = await grant(test, a, await contact(test, a, anna, 'owner'), twice, [d])
    for (const act of [() => join(anna, twice.token), () => join(twice, anna.token)]) {
      t.match(await refusedOf(t, test, act), { status: 409, body: { code: 'conflict', detail: /permission/ } })
    }
    await send(test, 'POST', `/v1/accounts/${a.id}/grants/${given}/revoke`, { token: anna.token, body: {} })
    t.equal((await join(anna, twice.token)).status, 200)
    await mailbox(test)
  })

  await t.test('each into the other at once joins them once', async (t) => {
    const [anna, twice] = await pair()
    const both = await Promise.all([join(anna, twice.token), join(twice, anna.token)])
    const statuses = both.map(({ status }) => status).sort()
    t.equal(statuses[0], 200)
    t.ok([401, 422].includes(statuses[1] as number), String(statuses[1]))
    await mailbox(test)
  })

  await t.test('an account that comes between is not forgotten', async (t) => {
    const feature = { context: test.context, keys: test.keys } as Parameters<typeof joinUsers>[0]
    const [anna, twice] = await pair()
    const attempt = (times: number) => {
      let left = times
      const transaction: Context['db']['transaction'] = async (work, options) => {
        if (left-- > 0) await contact(test, await account(test, 'Sudden Ltd'), twice, 'technical')
        return db.transaction(work, options)
      }
      const between = new Proxy(db, { get: (target, name) => (name === 'transaction' ? transaction : Reflect.get(target, name)) })
      const caller = {
        userId: anna.id,
        clientId: null,
        ceiling: null,
        sessionId: anna.session,
        requestId: uuid(),
        authenticatedAt: test.clock.now(),
      }
      const ask = { action: 'self.manage', named: {}, about: selfManage, stepUp: true } as const
      const standing = { caller, ask, repeatable: null } as unknown as Parameters<typeof joinUsers>[1]
      return joinUsers({ ...feature, context: { ...test.context, db: between } }, standing, twice.token)
    }
    const selfManage = () => ({
      action: 'self.manage' as const,
      account: null,
      domains: [],
      topic: null,
      contactsOnly: false,
      ticket: null,
      targets: [],
    })
    const before = (await userRow(anna.id)).authorityRevision
    await t.rejects(attempt(3), { code: 'unavailable', headers: { 'retry-after': '1' } })
    t.equal((await userRow(anna.id)).authorityRevision, before, 'and nothing was written')
    const joined = await attempt(2)
    t.match(joined, { status: 200, body: { contacts: 5 } })
    t.equal(await db.$count(contacts, eq(contacts.userId, anna.id)), 5)
    await mailbox(test)
    await t.rejects(attempt(0), { code: 'validation_error' })
  })
})
