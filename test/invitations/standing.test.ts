/** An invitation is never worth more than who gave it: it falls with what he loses, when shown, accepted and delivered. */
import { eq, sql } from 'drizzle-orm'
import pg from 'pg'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { accounts, clients, contacts, singleUseTokens, users } from '../../src/database/tables.ts'
import { openTestApp, type Sent, send } from '../fixtures/app.ts'
import { type Account, account, contact, type Domain, domain, grant, type Person, person, staff } from '../fixtures/cast.ts'
import { eventsOf, refusedOf } from '../fixtures/ledger.ts'
import { mailbox, tokenMailedTo } from '../fixtures/mail.ts'
import { alike, password } from '../fixtures/passwords.ts'
import { clientToken, panel } from '../oauth/stage.ts'
import { noSessions } from '../races/server.ts'

const newcomer = { name: 'Nina New', password }
const nonsense = 'A'.repeat(43)

type Place = { a: Account; owner: Person; by: Person; inviter: string; at: (rest: string) => string; address: string; d: Domain }
type Invited = { id: string; address: string; secret: string }

t.setTimeout(120_000)

t.test('an invitation and who gave it', async (t) => {
  const test = await openTestApp(t)
  const { db } = test.context
  const admin = await staff(test, 'Ada Admin', 'admin')
  const another = await staff(test, 'Anton Admin', 'admin')
  const accept = (token: string, as?: string): Promise<Sent> =>
    send(test, 'POST', '/v1/invitations/accept', { token: as, body: { token, ...(as === undefined ? newcomer : {}) } })
  const show = (token: string): Promise<Sent> => send(test, 'POST', '/v1/invitations/show', { body: { token } })
  const rowOf = async (id: string) => (await db.select().from(contacts).where(eq(contacts.id, id)))[0] as typeof contacts.$inferSelect
  const unknown = { shown: alike(await show(nonsense)), accepted: alike(await accept(nonsense)) }

  /** An account with an owner, and somebody in a role who invites. */
  async function place(role: 'owner' | 'manager' = 'manager'): Promise<Place> {
    const a = await account(test, 'Alpha Ltd')
    const d = await domain(test, a, `${uuid()}.example`)
    const owner = await person(test, 'Olga Owner')
    await contact(test, a, owner, 'owner')
    const by = await person(test, 'Mia Manager')
    const inviter = await contact(test, a, by, role)
    return { a, d, owner, by, inviter, at: (rest) => `/v1/accounts/${a.id}/contacts${rest}`, address: `${uuid()}@shop.example` }
  }
  async function invite({ at }: Place, token: string, role = 'technical'): Promise<Omit<Invited, 'secret'>> {
    const address = `${uuid()}@shop.example`
    const reply = await send(test, 'POST', at(''), { token, body: { address, role } })
    t.equal(reply.status, 201, reply.text)
    return { id: reply.body.id, address }
  }
  async function invited(at: Place, token: string, role?: string): Promise<Invited> {
    const made = await invite(at, token, role)
    return { ...made, secret: await tokenMailedTo(test, made.address) }
  }
  async function demandFallen(what: string, { secret }: Invited): Promise<void> {
    t.strictSame(alike(await refusedOf(t, test, () => show(secret))), unknown.shown, `${what}: it is not shown`)
    t.strictSame(alike(await refusedOf(t, test, () => accept(secret))), unknown.accepted, `${what}: nor accepted`)
  }
  const patch = (at: Place, id: string, token: string, body: object) =>
    send(test, 'PATCH', at.at(`/${id}`), { token, ifMatch: 1, body }).then((reply) => t.equal(reply.status, 200, reply.text))

  for (const [what, role, lose] of [
    ['he was removed', 'technical', (at: Place) => send(test, 'DELETE', at.at(`/${at.inviter}`), { token: at.owner.token })],
    ['he lost the role', 'technical', (at: Place) => patch(at, at.inviter, at.owner.token, { role: 'technical' })],
    ['he was limited', 'technical', (at: Place) => patch(at, at.inviter, admin.token, { domains: [at.d.id] })],
    ['he holds less than he gave', 'owner', (at: Place) => patch(at, at.inviter, at.owner.token, { role: 'manager' })],
  ] as const) {
    await t.test(`falls when ${what}: ended, with an event, its token void and its letter withheld`, async (t) => {
      const at = await place(role === 'owner' ? 'owner' : 'manager')
      const one = await invited(at, at.by.token, role)
      const unsent = await invite(at, at.by.token, role)
      const others = await invited(at, at.owner.token, role)
      const left = await invite(at, at.owner.token)
      await lose(at)
      for (const { id } of [one, unsent]) {
        t.match(await rowOf(id), { status: 'ended', endedAt: Date, version: 2, userId: null })
        t.ok((await db.select().from(singleUseTokens).where(eq(singleUseTokens.contactId, id)))[0]?.usedAt)
      }
      const fallen = (await eventsOf(test, at.a.id)).filter(({ resourceId }) => resourceId === one.id).slice(-1)
      t.match(fallen, [{ kind: 'contact.ended', audience: 'account', value: { role, cause: 'inviter_lost_authority' } }])
      await demandFallen(what, one)
      const told = (await mailbox(test)).map(({ to }) => to)
      t.notOk(told.includes(unsent.address))
      t.ok(told.includes(left.address), 'what another gave stands')
      t.match(await accept(others.secret), { status: 201 })
    })
  }

  await t.test('one he could still give stands, though he lost another', async (t) => {
    const at = await place('owner')
    const [less, more] = [await invited(at, at.by.token), await invited(at, at.by.token, 'owner')]
    await patch(at, at.inviter, at.owner.token, { role: 'manager' })
    await demandFallen('more than he holds', more)
    t.match(await accept(less.secret), { status: 201, body: { contact: { role: 'technical' } } })
  })

  await t.test('does not stand while his user is suspended, and no row changes', async (t) => {
    const at = await place()
    const [one, unsent] = [await invited(at, at.by.token), await invite(at, at.by.token)]
    const suspend = await send(test, 'POST', `/v1/users/${at.by.id}/suspend`, { token: admin.token, body: { reason: 'Stolen laptop' } })
    t.equal(suspend.status, 200, suspend.text)
    await demandFallen('suspended', one)
    t.notOk(
      (await mailbox(test)).some(({ to }) => to === unsent.address),
      'its letter is withheld',
    )
    // Another change of the contacts meanwhile ends none of his.
    await patch(at, await contact(test, at.a, await person(test, 'Tom'), 'technical'), at.owner.token, { role: 'billing' })
    t.match(await rowOf(one.id), { status: 'invited', version: 1 })
    await send(test, 'POST', `/v1/users/${at.by.id}/restore`, { token: admin.token })
    t.match(await accept(one.secret), { status: 201 })
  })

  await t.test('nor while he has proven no address, or has become staff', async () => {
    const at = await place()
    const one = await invited(at, at.by.token)
    await db.execute(sql`update addresses set proven_at = null where user_id = ${at.by.id}`)
    await demandFallen('unverified', one)
    await db.execute(sql`update addresses set proven_at = now() where user_id = ${at.by.id}`)
    await db.execute(sql`insert into staff_members (id, user_id, role, given_at) values (${uuid()}, ${at.by.id}, 'support', now())`)
    await demandFallen('staff are never contacts', one)
  })

  await t.test('of staff stands while he may provision, of a realm while a client of it is active', async (t) => {
    const at = await place()
    const byStaff = await invited(at, another.token)
    const agent = await invited(at, another.token)
    await patch(at, at.inviter, at.owner.token, { role: 'technical' })
    t.match(await show(byStaff.secret), { status: 200, body: { invitedBy: 'Anton Admin' } }, 'what contacts lose is nothing to it')
    await db.execute(sql`update staff_members set role = 'support' where user_id = ${another.id}`)
    await demandFallen('support may not provision', byStaff)
    await send(test, 'DELETE', `/v1/staff/${another.id}`, { token: admin.token })
    await demandFallen('no staff any more', agent)

    const shop = await panel(test)
    const body = { name: 'Realm Ltd', owner: { address: `${uuid()}@realm.example` } }
    const made = await send(test, 'POST', '/v1/accounts', { token: await clientToken(test, shop), body })
    t.equal(made.status, 201, made.text)
    t.match(
      await db.select().from(accounts).where(eq(accounts.id, made.body.id)),
      [{ realm: shop.realm }],
      'what a client makes is its realm’s',
    )
    const [row] = await db.select().from(contacts).where(eq(contacts.accountId, made.body.id))
    const secret = await tokenMailedTo(test, body.owner.address)
    await db.update(clients).set({ status: 'disabled', disabledAt: new Date() }).where(eq(clients.id, shop.id))
    await demandFallen('its client is disabled', { id: row?.id as string, address: body.owner.address, secret })
    await db.update(clients).set({ status: 'active', disabledAt: null }).where(eq(clients.id, shop.id))
    t.match(await accept(secret), { status: 201, body: { contact: { role: 'owner', confirmed: true } } })
  })

  await t.test('stands on whoever made it wider, and on nobody who made it narrower', async (t) => {
    const at = await place()
    const [wider, narrower, byStaff] = [
      await invited(at, at.by.token),
      await invited(at, at.owner.token, 'manager'),
      await invited(at, at.by.token),
    ]
    await patch(at, wider.id, at.owner.token, { role: 'owner' })
    await patch(at, narrower.id, at.by.token, { role: 'technical' })
    await patch(at, byStaff.id, admin.token, { role: 'owner' })
    t.match(await show(wider.secret), { body: { invitedBy: 'Olga Owner', contact: { role: 'owner' } } })
    t.equal((await send(test, 'DELETE', at.at(`/${at.inviter}`), { token: at.owner.token })).status, 204)
    t.match(await accept(wider.secret), { status: 201, body: { contact: { role: 'owner', confirmed: true } } })
    t.match(await accept(narrower.secret), { status: 201, body: { contact: { role: 'technical' } } })
    t.match(
      await accept(byStaff.secret),
      { status: 201, body: { contact: { role: 'owner', confirmed: false } } },
      "it waits for an owner's yes",
    )
  })

  await t.test('stands on the one user that two become, as far as he holds it', async (t) => {
    const at = await place()
    const survivor = await person(test, 'Mia Survivor')
    const one = await invited(at, at.by.token)
    const joined = await send(test, 'POST', '/v1/me/joining', { token: survivor.token, body: { accessToken: at.by.token } })
    t.equal(joined.status, 200, joined.text)
    t.match(await show(one.secret), { status: 200, body: { invitedBy: 'Mia Survivor' } })
    t.match(await accept(one.secret), { status: 201 })

    const limited = await place()
    const wide = await person(test, 'Max Wide')
    await contact(test, limited.a, wide, 'manager')
    const lost = await invited(limited, wide.token)
    await db.execute(sql`update contacts set limited = true, confirmed_at = null where id = ${limited.inviter}`)
    await grant(test, limited.a, limited.inviter, await person(test, 'Dan'), [limited.d])
    t.equal((await send(test, 'POST', '/v1/me/joining', { token: limited.by.token, body: { accessToken: wide.token } })).status, 200)
    t.match(await show(lost.secret), { status: 200 }, 'the wider contact stays, and what stands on it')
  })

  await t.test('the inviter stays as he is while it is accepted', { skip: noSessions }, async (t) => {
    const at = await place()
    const one = await invited(at, at.by.token)
    const other = new pg.Client({ connectionString: test.opened.settings['DATABASE_URL'] as string })
    await other.connect()
    t.teardown(() => other.end())
    await other.query('begin')
    await other.query('select from users where id = $1 for no key update', [at.by.id])
    const reply = accept(one.secret)
    const waits = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
    while ((await other.query(waits)).rowCount === 0) await new Promise((resolve) => setImmediate(resolve))
    await other.query(`update users set status = 'suspended' where id = $1`, [at.by.id])
    await other.query('commit')
    t.strictSame(alike(await reply), unknown.accepted)
    t.match(await db.select().from(users).where(eq(users.name, 'Nobody')), [])
    t.match(await rowOf(one.id), { status: 'invited' })
  })
})
