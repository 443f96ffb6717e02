/** Acts that only take away are harmless to repeat, for those at work as well: what alters nothing makes no decision start over. */
import { sql } from 'drizzle-orm'
import t, { type Test } from 'tap'
import { graceMs, issueRefreshToken } from '../../src/identity/refresh-tokens.ts'
import { openTestApp, type Sent, send } from '../fixtures/app.ts'
import { account, contact, grant, type Person, person } from '../fixtures/cast.ts'
import { makeWorld, type Role, type Sample, samples, type Target } from '../fixtures/world.ts'
import { askToNarrow, clientToken, panel, personalToken, post } from '../oauth/stage.ts'

t.setTimeout(120_000)

const test = await openTestApp(t)
const { db } = test.context
const world = await makeWorld(test)
const { a, d1, people, tokens, ownerContact } = world

/** Every revision there is, and how many events but for refusals. */
async function state(): Promise<{ revisions: Record<string, number>; events: number }> {
  const { rows } = await db.execute<{ id: string; revision: number }>(sql`
    select id::text, authority_revision::int as revision from users union all select id::text, authority_revision::int from accounts
    union all select id::text, authority_revision::int from clients order by 1`)
  const { rows: events } = await db.execute<{ count: number }>(
    sql`select count(*)::int as count from journal_events where kind <> 'access.refused'`,
  )
  return { revisions: Object.fromEntries(rows.map(({ id, revision }) => [id, revision])), events: events[0]?.count as number }
}

async function demandOnce(t: Test, act: () => Promise<Sent>): Promise<void> {
  const before = await state()
  const first = await act()
  t.ok(first.status < 300, first.text)
  const after = await state()
  t.strictNotSame(after.revisions, before.revisions, 'what was decided before falls')
  t.ok(after.events > before.events)
  const again = await act()
  t.equal(again.status, first.status, again.text)
  t.strictSame(await state(), after, 'and is left alone by the same act again')
}

const refreshToken = ({ session }: Person) => issueRefreshToken(db, session, test.clock.now())

const developerOf = async (make: (developer: Person) => Promise<unknown>): Promise<Target> => {
  const developer = await person(test, 'Some Developer')
  await make(developer)
  return { user: developer.id }
}
const withGrant = () => developerOf((developer) => grant(test, a, ownerContact, developer, [d1]))
const passing = async (): Promise<Target> => ({ account: (await account(test, 'Passing Ltd')).id })
const suspended = async (): Promise<Target> => {
  const { id } = await person(test, 'Some User')
  await db.execute(sql`update users set status = 'suspended', suspended_at = now(), suspended_reason = 'Phished' where id = ${id}`)
  return { user: id }
}
const employed = async (): Promise<Target> => {
  const { id } = await person(test, 'Some Agent')
  await db.execute(sql`insert into staff_members (id, user_id, role, given_at) values (gen_random_uuid(), ${id}, 'support', now())`)
  return { user: id }
}
const offered = async (): Promise<Target> => {
  const rest = { status: 'invited', approvedAt: null, supersedes: await grant(test, a, ownerContact, people.technical, [d1]) } as const
  return { grant: await grant(test, a, ownerContact, people.technical, [d1], rest) }
}
const withCode = async (): Promise<Target> => {
  await send(test, 'POST', `/v1/accounts/${a.number}/request-code`, { token: tokens.owner })
  return {}
}

const acts: [string, Role, (() => Promise<Target>)?][] = [
  ['POST /v1/accounts/:account/grants/:grant/revoke', 'owner'],
  ['POST /v1/accounts/:account/grants/:grant/suspend', 'owner'],
  ['POST /v1/accounts/:account/grants/:grant/suspend', 'admin'],
  ['POST /v1/accounts/:account/grants/:grant/decline', 'owner'],
  ['POST /v1/accounts/:account/grants/:grant/cancel', 'owner'],
  ['POST /v1/me/grants/:grant/resign', 'technical'],
  ['POST /v1/me/grants/:grant/decline', 'technical', offered],
  ['POST /v1/accounts/:account/grantees/:user/revoke', 'owner', withGrant],
  ['POST /v1/users/:user/grants/revoke', 'admin', withGrant],
  ['DELETE /v1/accounts/:account/request-code', 'owner', withCode],
  ['POST /v1/accounts/:account/restrict', 'admin', passing],
  ['POST /v1/accounts/:account/close', 'admin', passing],
  ['DELETE /v1/accounts/:account/domains/:domain', 'owner'],
  ['DELETE /v1/accounts/:account/domains/claims/:claim', 'owner'],
  ['DELETE /v1/accounts/:account/contacts/:contact', 'owner'],
  ['POST /v1/me/contacts/:contact/resign', 'technical'],
  ['POST /v1/accounts/:account/submissions/:submission/decline', 'owner'],
  ['POST /v1/accounts/:account/submissions/:submission/mute', 'owner'],
  ['DELETE /v1/accounts/:account/mutes/:mute', 'owner'],
  ['POST /v1/users/:user/suspend', 'admin'],
  ['POST /v1/users/:user/restore', 'admin', suspended],
  ['DELETE /v1/staff/:user', 'admin', employed],
  ['POST /v1/clients/:client/disable', 'admin'],
  ['DELETE /v1/sessions/:session', 'owner'],
  ['DELETE /v1/access-tokens/:token', 'owner'],
  ['DELETE /v1/me/addresses/:address', 'owner'],
  ['DELETE /v1/me/second-factors/:factor', 'billing'],
]

for (const [operation, role, make] of acts) {
  t.test(`R4: ${operation} by ${role} raises a revision once`, async (t) => {
    const sample = samples[operation] as Sample
    const target = await (make?.() ?? sample.make(world, role))
    const url = sample.url(world, target)
    const { key: _key, ...request } = sample.request(world, target, role)
    await demandOnce(t, () => send(test, operation.split(' ')[0] as string, url, { token: tokens[role], ...request }))
  })
}

t.test('R4: so does what a realm takes back', async (t) => {
  const token = await clientToken(test, await panel(test))
  const below = (method: string, rest: string, body?: object) =>
    send(test, method, `/v1/provisioning/accounts/4711${rest}`, { token, ...(body && { body }) })
  t.equal((await below('PUT', '', { name: 'Theirs Ltd' })).status, 201)
  t.equal((await below('PUT', '/contacts/u-1', { subject: 'u-1', name: 'Una', role: 'owner' })).status, 201)
  t.equal((await below('PUT', '/contacts/u-2', { subject: 'u-2', name: 'Udo', role: 'technical' })).status, 201)
  t.equal((await below('PUT', '/domains/d-1', { name: 'theirs.example' })).status, 201)
  await demandOnce(t, () => below('DELETE', '/domains/d-1'))
  await demandOnce(t, () => below('DELETE', '/contacts/u-2'))
})

t.test('R4: so does what whoever holds a token ends with it', async (t) => {
  const holder = await person(test, 'Some Holder')
  await contact(test, a, holder, 'technical')
  const { token } = holder
  const { secret } = await personalToken(test, token, { account: a.id, actions: ['self.read'] })
  const cut = await askToNarrow(test, token, { account: a.id, actions: ['self.read'] })
  const own = await clientToken(test, await panel(test))
  const old = await refreshToken(await person(test, 'Another Holder'))
  for (const held of [secret, cut.body.access_token, own, old, token])
    await demandOnce(t, () => post(test, '/oauth/revoke', { token: held }))
})

t.test('R4: and a used refresh token ends its session once', async (t) => {
  const who = await person(test, 'Some Thief')
  const first = await refreshToken(who)
  const use = (refresh_token: string) => post(test, '/oauth/token', { grant_type: 'refresh_token', refresh_token })
  const { revisions } = await state()
  const next = await use(first)
  t.equal(next.status, 200, next.text)
  t.equal((await use(first)).body.refresh_token, next.body.refresh_token)
  t.strictSame((await state()).revisions, revisions, 'renewing takes nothing away')
  test.clock.advance(graceMs + 1)
  t.equal((await use(first)).status, 400)
  const stolen = await state()
  t.strictSame(stolen.revisions, { ...revisions, [who.id]: (revisions[who.id] as number) + 1 })
  for (const token of [first, next.body.refresh_token]) t.equal((await use(token)).status, 400)
  t.strictSame(await state(), stolen)
})

t.test('what leaves a grant as it is leaves the decisions, too', async (t) => {
  const id = await grant(test, a, ownerContact, await person(test, 'Some Developer'), [d1])
  const act = (verb: string, body?: object) =>
    send(test, 'POST', `/v1/accounts/${a.number}/grants/${id}/${verb}`, { token: tokens.owner, ifMatch: 1, ...(body && { body }) })
  const { revisions } = await state()
  for (const sent of [
    await act('confirm'),
    await act('adopt'),
    await act('narrow', { actions: ['ticket.create', 'ticket.read', 'ticket.reply'] }),
  ])
    t.match(sent, { status: 200, body: { version: 1 } }, sent.text)
  t.strictSame((await state()).revisions, revisions)
  t.equal((await act('narrow', { actions: ['ticket.read'] })).status, 200)
  t.strictNotSame((await state()).revisions, revisions)
})
