import { eq } from 'drizzle-orm'
import t, { type Test } from 'tap'
import { v7 as uuid } from 'uuid'
import { accounts, addresses, contacts, domains, grantDomains, grants, journalEvents, users } from '../../src/database/tables.ts'
import { mailToken } from '../../src/outbox/tokens.ts'
import { openTestApp, type Sent, send, type TestApp } from '../fixtures/app.ts'
import { account, contact, domain, person, staff } from '../fixtures/cast.ts'
import { mailbox, tokenMailedTo } from '../fixtures/mail.ts'
import { alike, password } from '../fixtures/passwords.ts'

const accept = (test: TestApp, body: object, token?: string): Promise<Sent> => send(test, 'POST', '/v1/invitations/accept', { token, body })
const show = (test: TestApp, token: string): Promise<Sent> => send(test, 'POST', '/v1/invitations/show', { body: { token } })

t.test('accepting permission to act for an account', async (t) => {
  const test = await openTestApp(t)
  const { db } = test.context
  const owner = await person(test, 'Olga Owner')
  const dan = await person(test, 'Dan Developer')
  const alpha = await account(test, 'Alpha Ltd')
  const site = await domain(test, alpha, 'alpha.example')
  const ownerContact = await contact(test, alpha, owner, 'owner')
  const offer = async (rest: object = {}, address = dan.address, by = owner) => {
    const body = { grantee: { address }, domains: ['alpha.example'], actions: ['ticket.create', 'ticket.read'], ...rest }
    const reply = await send(test, 'POST', `/v1/accounts/${alpha.id}/grants`, { token: by.token, key: true, body })
    if (reply.status !== 201) throw new Error(reply.text)
    return { grant: reply.body, token: await tokenMailedTo(test, address) }
  }
  const rowOf = async (id: string) => (await db.select().from(grants).where(eq(grants.id, id)))[0]
  const staysInvited = async (t: Pick<Test, 'match'>, id: string, reply: Sent, detail: RegExp) => {
    t.match(reply, { status: 409, body: { code: 'conflict', detail } })
    t.match(await rowOf(id), { status: 'invited', granteeUserId: null, approvedAt: null, version: 1 }, 'and nothing was written')
  }

  await t.test('gives exactly what was shown, from now', async (t) => {
    const terms = { topics: ['website'], reach: 'domain', maxUses: 3, purpose: 'Relaunch' }
    const { grant, token } = await offer(terms)
    const shown = await show(test, token)
    t.match(shown, {
      status: 200,
      body: { kind: 'grant', address: dan.address, invitedBy: 'Olga Owner', next: 'sign_in', contact: null, staff: null },
    })
    const { notBefore, expiresAt } = grant
    t.strictSame(shown.body.grant, { domains: ['alpha.example'], actions: grant.actions, ...terms, notBefore, expiresAt })
    const reply = await accept(test, { token }, dan.token)
    t.equal(reply.status, 200, reply.text)
    t.match(reply.body, {
      kind: 'grant',
      user: { id: dan.id, name: 'Dan Developer' },
      account: { id: alpha.id },
      contact: null,
      staff: null,
    })
    const row = await rowOf(grant.id)
    t.match(row, {
      status: 'active',
      granteeUserId: dan.id,
      approvedAt: Date,
      version: 2,
      actions: grant.actions,
      ...terms,
      grantorContactId: ownerContact,
    })
    t.strictSame(row?.notBefore, row?.approvedAt)
    t.equal(row?.expiresAt.toISOString(), expiresAt)
    t.strictSame(reply.body.grant, { id: grant.id, notBefore: row?.notBefore.toISOString(), expiresAt })
    const [event] = await db.select().from(journalEvents).where(eq(journalEvents.resourceId, grant.id)).orderBy(journalEvents.id).offset(1)
    t.match(event, { kind: 'grant.accepted', accountId: alpha.id, actorUserId: dan.id, audience: 'account' })
    const mails = await mailbox(test)
    t.match(mails, [{ to: owner.address, subject: `A permission was accepted for account ${alpha.number}` }])
    t.equal((await accept(test, { token }, dan.token)).status, 403, 'once')
    const ticket = { account: alpha.number, domain: 'alpha.example', topic: 'other', subject: 'It broke', message: 'Since noon.' }
    t.equal(
      (await send(test, 'POST', '/v1/tickets', { token: dan.token, key: true, body: ticket })).status,
      403,
      'other topics are not his',
    )
  })

  await t.test('or from the later instant the terms name', async (t) => {
    const later = new Date(Math.floor(test.clock.now() / 1000) * 1000 + 86_400_000).toISOString()
    const { grant, token } = await offer({ notBefore: later })
    t.match(await accept(test, { token }, dan.token), { status: 200, body: { grant: { notBefore: later } } })
    t.equal((await rowOf(grant.id))?.notBefore.toISOString(), later)
  })

  await t.test('as a new user too', async (t) => {
    const { grant, token } = await offer({}, 'new@agency.example')
    const reply = await accept(test, { token, name: 'New Developer', password })
    t.match(reply, { status: 201, body: { kind: 'grant', grant: { id: grant.id } } })
    t.match(await rowOf(grant.id), { status: 'active', granteeUserId: reply.body.user.id })
  })

  await t.test('not what was withdrawn, or is over', async (t) => {
    const unknown = await accept(test, { token: 'A'.repeat(43) }, dan.token)
    t.equal(unknown.status, 403)
    const withdrawn = await offer()
    await send(test, 'POST', `/v1/accounts/${alpha.id}/grants/${withdrawn.grant.id}/revoke`, { token: owner.token })
    t.strictSame(alike(await accept(test, { token: withdrawn.token }, dan.token)), alike(unknown))
    const short = await offer({ expiresAt: new Date(test.clock.now() + 60_000).toISOString() })
    test.clock.advance(60_000)
    t.strictSame(alike(await accept(test, { token: short.token }, dan.token)), alike(unknown))
  })

  await t.test('not while the account is not open', async (t) => {
    const { grant, token } = await offer()
    await db.update(accounts).set({ state: 'restricted' }).where(eq(accounts.id, alpha.id))
    await staysInvited(t, grant.id, await accept(test, { token }, dan.token), /not open/)
    await db.update(accounts).set({ state: 'open' }).where(eq(accounts.id, alpha.id))
    t.equal((await accept(test, { token }, dan.token)).status, 200, 'and the offer still stands afterwards')
  })

  await t.test('not what its grantor could not give any more: it is neither shown, nor delivered, nor accepted', async (t) => {
    const unknown = [alike(await show(test, 'A'.repeat(43))), alike(await accept(test, { token: 'A'.repeat(43) }, dan.token))]
    const manager = await person(test, 'Mia Manager')
    const managerContact = await contact(test, alpha, manager, 'manager')
    const { grant, token } = await offer({}, dan.address, manager)
    const set = {
      user: (status: 'active' | 'suspended') => db.update(users).set({ status }).where(eq(users.id, manager.id)),
      role: (role: 'manager' | 'billing') => db.update(contacts).set({ role }).where(eq(contacts.id, managerContact)),
      proven: (provenAt: Date | null) => db.update(addresses).set({ provenAt }).where(eq(addresses.userId, manager.id)),
      released: (releasedAt: Date | null) => db.update(domains).set({ releasedAt }).where(eq(domains.id, site.id)),
    }
    const at = new Date(test.clock.now() + 60_000)
    for (const [what, lose, regain] of [
      ['his user is suspended', () => set.user('suspended'), () => set.user('active')],
      ['he has proven no address', () => set.proven(null), () => set.proven(at)],
      ['he holds less', () => set.role('billing'), () => set.role('manager')],
      ['the domain was released', () => set.released(at), () => set.released(null)],
    ] as const) {
      const address = `${uuid()}@agency.example`
      const terms = { domains: ['alpha.example'], actions: ['ticket.read'], grantee: { address } }
      await send(test, 'POST', `/v1/accounts/${alpha.id}/grants`, { token: manager.token, key: true, body: terms })
      await lose()
      t.notOk(
        (await mailbox(test)).some(({ to }) => to === address),
        `${what}: its letter is withheld`,
      )
      const answers = [alike(await show(test, token)), alike(await accept(test, { token }, dan.token))]
      t.strictSame(answers, unknown, `${what}: and it is as if there was none`)
      t.match(await rowOf(grant.id), { status: 'invited', granteeUserId: null, approvedAt: null, version: 1 }, 'and nothing was written')
      if (what === 'the domain was released') continue
      await regain()
      t.equal((await show(test, token)).status, 200, 'it stands again')
    }
  })

  await t.test('not what one gave himself', async (t) => {
    const other = await domain(test, alpha, 'alpha-two.example')
    const at = new Date(test.clock.now())
    const address = 'olga.two@people.example'
    await db.insert(addresses).values({ id: uuid(), userId: owner.id, address, createdAt: at, provenAt: at })
    const row = { id: uuid(), accountId: alpha.id, status: 'invited', granteeAddress: address, grantorContactId: ownerContact } as const
    const period = { notBefore: at, expiresAt: new Date(at.getTime() + 86_400_000), createdAt: at }
    await db.insert(grants).values({ ...row, ...period, actions: ['ticket.read'], createdBy: owner.id })
    await db.insert(grantDomains).values({ accountId: alpha.id, grantId: row.id, domainId: other.id })
    const token = { purpose: 'grant_invitation', address, accountId: alpha.id, grantId: row.id, invitedBy: owner.id } as const
    await mailToken(test.jobs, db, token, test.clock.now(), 86_400_000)
    const secret = await tokenMailedTo(test, address)
    await staysInvited(t, row.id, await accept(test, { token: secret }, owner.token), /himself/)
  })

  await t.test('staff never become developers', async (t) => {
    await domain(test, alpha, 'alpha-three.example')
    const agent = await staff(test, 'Agent', 'support')
    const { grant, token } = await offer({ domains: ['alpha-three.example'] }, agent.address)
    await staysInvited(t, grant.id, await accept(test, { token }, agent.token), /Staff/)
  })
})
