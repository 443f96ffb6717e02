/**
 * Every act that alters a fact raises the revision that stands for it, over the API: what the guard compares is worth only as much as
 * what is raised. A new act that alters authority belongs here.
 */
import { sql } from 'drizzle-orm'
import { Secret, TOTP } from 'otpauth'
import t, { type Test } from 'tap'
import { openTestApp, type Request, type Sent, send } from '../fixtures/app.ts'
import { account, contact, domain, grant, person, staff } from '../fixtures/cast.ts'
import { tokenMailedTo } from '../fixtures/mail.ts'
import { givePassword, password, signIn } from '../fixtures/passwords.ts'

t.setTimeout(240_000)

const test = await openTestApp(t)
const { db, clock } = test.context
const names = new Map<string, string>()
const named = <T extends { id: string }>(name: string, row: T): T => {
  names.set(row.id, name)
  return row
}

const a = named('the account', await account(test, 'Alpha Ltd'))
const d = await domain(test, a, 'alpha.example')
const owner = named('the owner', await person(test, 'Olga Owner'))
const ownerContact = await contact(test, a, owner, 'owner')
const developer = named('the developer', await person(test, 'Dora Developer'))
const admin = named('the admin', await staff(test, 'Ada Admin', 'admin'))
const support = named('the agent', await staff(test, 'Sue Support', 'support'))
await givePassword(test, owner, developer)
const ofAccount = `/v1/accounts/${a.id}`

/** Whose revisions rose. Who came into being meanwhile is not among them: nobody decided anything about him before. */
async function raisedBy(act: () => Promise<Sent>): Promise<{ reply: Sent; raised: string[] }> {
  const before = await revisions()
  const reply = await act()
  const after = await revisions()
  const raised = [...before].filter(([id, revision]) => Number(after.get(id)) > Number(revision)).map(([id]) => names.get(id) ?? id)
  return { reply, raised: raised.sort() }
}

async function revisions(): Promise<Map<string, string>> {
  const { rows } = await db.execute<{ id: string; revision: string }>(sql`
    select id, authority_revision::text as revision from users union all select id, authority_revision::text from accounts
    union all select id, authority_revision::text from clients`)
  return new Map(rows.map(({ id, revision }) => [id, revision]))
}

/** Does it and demands that exactly these revisions rose. */
async function raises(t: Test, name: string, whose: string[], act: () => Promise<Sent>): Promise<Sent> {
  const { reply, raised } = await raisedBy(act)
  t.ok(reply.status < 300, `${name}: ${reply.status} ${reply.status < 300 ? '' : reply.text}`)
  t.strictSame(raised, whose.sort(), `${name} raises ${whose.join(' and ') || 'nothing'}`)
  return reply
}

const as =
  (who: { token: string }, method: string, url: string, request: Request = {}) =>
  () =>
    send(test, method, url, { token: who.token, ...request })
const accept =
  (token: string, rest: object = {}, who?: { token: string }) =>
  () =>
    send(test, 'POST', '/v1/invitations/accept', { token: who?.token, body: { token, ...rest } })
const newcomer = { name: 'New Person', password: 'a password of some length' }

/** A contact invited by one of the account or by staff, and accepted by a new person. */
async function newContact(t: Test, by: { token: string }, address: string): Promise<string> {
  const body = { address, role: 'technical' }
  const invited = await raises(t, 'inviting a contact', ['the account'], as(by, 'POST', `${ofAccount}/contacts`, { key: true, body }))
  const token = await tokenMailedTo(test, address)
  await raises(t, 'accepting to be a contact', ['the account'], accept(token, newcomer))
  return `${ofAccount}/contacts/${invited.body.id}`
}

t.test('contacts', async (t) => {
  const mine = await newContact(t, owner, 'tina@people.example')
  await raises(t, 'another role', ['the account'], as(owner, 'PATCH', mine, { ifMatch: 2, body: { role: 'billing' } }))
  await raises(t, 'a limit', ['the account'], as(owner, 'PATCH', mine, { ifMatch: 3, body: { domains: [d.id] } }))
  await raises(t, 'removing a contact', ['the account'], as(owner, 'DELETE', mine))
  const theirs = await newContact(t, admin, 'theo@people.example')
  await raises(t, "an owner's yes", ['the account'], as(owner, 'POST', `${theirs}/confirm`))
})

t.test('grants', async (t) => {
  const offer = { grantee: { address: developer.address }, domains: ['alpha.example'], actions: ['ticket.read'] }
  const offered = await raises(t, 'offering a grant', ['the account'], as(owner, 'POST', `${ofAccount}/grants`, { key: true, body: offer }))
  const token = await tokenMailedTo(test, developer.address)
  await raises(t, 'accepting a grant', ['the account'], accept(token, {}, developer))
  await raises(t, 'revoking a grant', ['the account'], as(owner, 'POST', `${ofAccount}/grants/${offered.body.id}/revoke`, { body: {} }))
  const other = await grant(test, a, ownerContact, developer, [d])
  const reason = { reason: 'Asked for by telephone' }
  const act = (verb: string, body: object = {}, ifMatch?: number) =>
    as(owner, 'POST', `${ofAccount}/grants/${other}/${verb}`, { body, ...(ifMatch === undefined ? {} : { ifMatch }) })
  await raises(t, 'suspending a grant', ['the account'], act('suspend'))
  await raises(t, 'resuming a grant', ['the account'], act('resume', {}, 2))
  const theirs = await grant(test, a, await contact(test, a, await person(test, 'Max Manager'), 'manager'), developer, [d])
  await raises(t, 'adopting a grant', ['the account'], as(owner, 'POST', `${ofAccount}/grants/${theirs}/adopt`, { body: {}, ifMatch: 1 }))
  await raises(t, 'staff ending a grant', ['the account'], as(admin, 'POST', `${ofAccount}/grants/${other}/revoke`, { body: reason }))
  const everything = as(owner, 'POST', `${ofAccount}/grantees/${developer.id}/revoke`, { body: {} })
  await raises(t, 'everything of a person', ['the account'], everything)
  await raises(t, 'and nothing of him', [], everything)
})

t.test('domains and accounts', async (t) => {
  const added = await raises(
    t,
    'adding a domain',
    ['the account'],
    as(admin, 'POST', `${ofAccount}/domains`, { body: { name: 'new.example' } }),
  )
  await raises(t, 'releasing a domain', ['the account'], as(admin, 'DELETE', `${ofAccount}/domains/${added.body.id}`))
  const body = { name: 'Young Ltd', owner: { address: 'yara@people.example' } }
  const made = await raises(t, 'making an account', [], as(admin, 'POST', '/v1/accounts', { body }))
  named('the young account', { id: made.body.id })
  const token = await tokenMailedTo(test, 'yara@people.example')
  await raises(t, 'its first owner, who opens it', ['the young account'], accept(token, newcomer))
})

t.test('sessions and second factors', async (t) => {
  const first = await raises(t, 'signing in', ['the owner'], () => signIn(test, owner.address))
  const here = { token: first.body.accessToken as string }
  await raises(t, 'stepping up', ['the owner'], as(here, 'POST', '/v1/sessions/step-up', { body: { password } }))
  await raises(t, 'ending another session', ['the owner'], as(here, 'DELETE', `/v1/sessions/${owner.session}`))
  await raises(t, 'signing out', ['the owner'], as(here, 'DELETE', '/v1/sessions/current'))
  const prepared = await raises(
    t,
    'preparing a factor',
    ['the developer'],
    as(developer, 'POST', '/v1/me/second-factors/totp', { body: { name: 'Phone' } }),
  )
  const code = new TOTP({ secret: Secret.fromBase32(prepared.body.secret) }).generate({ timestamp: clock.now() })
  const confirm = `/v1/me/second-factors/${prepared.body.factor.id}/confirm`
  await raises(t, 'a first factor, which ends sessions', ['the developer'], as(developer, 'POST', confirm, { body: { code } }))
})

t.test('users and staff', async (t) => {
  const body = { reason: 'Compromised', compromisedSince: new Date(clock.now() - 60_000).toISOString() }
  await raises(t, 'suspending a user', ['the developer'], as(admin, 'POST', `/v1/users/${developer.id}/suspend`, { body }))
  await raises(t, 'restoring a user', ['the developer'], as(admin, 'POST', `/v1/users/${developer.id}/restore`))
  const invitation = { address: 'new.agent@provider.example', role: 'support' }
  await raises(t, 'inviting staff', [], as(admin, 'POST', '/v1/staff', { key: true, body: invitation }))
  await raises(t, 'becoming staff', [], accept(await tokenMailedTo(test, invitation.address), newcomer))
  await raises(t, 'ending a staff role', ['the agent'], as(admin, 'DELETE', `/v1/staff/${support.id}`))
})
