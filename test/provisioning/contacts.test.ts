/** The people a client brings along: new to us, in force at once, and with every cascade when they go. */
import { eq } from 'drizzle-orm'
import t from 'tap'
import { addresses, contacts, grants, subjects, users } from '../../src/database/tables.ts'
import { postNotice } from '../../src/outbox/post.ts'
import { send } from '../fixtures/app.ts'
import { grant, person } from '../fixtures/cast.ts'
import { eventsOf, letters, refusedOf } from '../fixtures/ledger.ts'
import { mailbox } from '../fixtures/mail.ts'
import { claimsIn, panelToken } from '../oauth/stage.ts'
import { setStage, shapeOf } from './stage.ts'

const owner = { subject: 'user-1', name: 'Olga Owner', role: 'owner' }

t.setTimeout(240_000)

t.test('the user is a new one, known by issuer and subject alone, and verified by what his panel asserts', async (t) => {
  const { test, shop, put } = await setStage(t)
  const { db } = test.context
  const known = await person(test, 'Anna')
  const { body: a } = await put('accounts/1', { name: 'Alpha' })
  await put('accounts/1/domains/d', { name: 'alpha.example' })
  const made = await put('accounts/1/contacts/u', { ...owner, address: known.address })
  t.not(made.body.user, known.id, 'an address identifies nobody')
  const [anna] = await db.select().from(contacts).where(eq(contacts.id, made.body.id))
  t.equal(anna?.invitedAddress, known.address)
  t.strictSame((await db.select().from(addresses).where(eq(addresses.userId, made.body.user))).length, 0)
  t.match(await put('accounts/1/contacts/u', { ...owner, address: 'new@people.example' }), { status: 200, body: { changed: true } })
  t.match(await put('accounts/1/contacts/u', { ...owner, address: 'new@people.example' }), { body: { changed: false } })
  t.match(await put('accounts/1/contacts/u', { ...owner, name: 'Another' }), { body: { changed: false } }, 'the name is his own')

  const token = await panelToken(test, shop, owner.subject)
  t.equal(claimsIn(token)['sub'], made.body.user)
  t.match(await send(test, 'GET', '/v1/me', { token }), { status: 200, body: { id: made.body.user, addresses: [] } })
  const notice = {
    kind: 'contact_ended',
    accountId: made.body.account?.id ?? a.id,
    subjectId: made.body.id,
    recipientUserId: made.body.user,
  } as const
  await postNotice(test.jobs, db, notice)
  t.match(await mailbox(test), [{ to: 'new@people.example' }], 'what the panel gave is for notices')
  const body = { account: a.number, domain: 'alpha.example', topic: 'other', subject: 'It broke', message: 'Since noon.' }
  t.match(await send(test, 'POST', '/v1/tickets', { token, key: true, body }), { status: 201, body: { channel: 'panel' } })
  const dev = await person(test, 'Dev')
  const [d] = (await send(test, 'GET', `/v1/accounts/${a.number}/domains`, { token })).body.items
  await grant(test, a, made.body.id, dev, [d])
  t.equal((await send(test, 'POST', '/v1/tickets', { token: dev.token, key: true, body })).status, 201, 'and so is a grantor')
  await db.delete(subjects).where(eq(subjects.userId, made.body.user))
  t.match(await send(test, 'POST', '/v1/tickets', { token, key: true, body }), { status: 403, body: { reason: 'unverified_principal' } })
  t.equal((await send(test, 'POST', '/v1/tickets', { token: dev.token, key: true, body })).status, 403)
})

t.test('the same user serves two accounts, and is made once', async (t) => {
  const { test, put } = await setStage(t)
  for (const account of ['1', '2']) await put(`accounts/${account}`, { name: account })
  const both = await Promise.all(['1', '2'].map((one) => put(`accounts/${one}/contacts/u`, owner)))
  t.strictSame([...new Set(both.map(({ body }) => body.user))].length, 1)
  t.equal((await test.context.db.select().from(users)).length, 1)
})

t.test('where there is an owner, whom the client adds waits for an owner’s yes', async (t) => {
  const stage = await setStage(t)
  const { test, shop, put, remove } = stage
  const { body: a } = await put('accounts/1', { name: 'Alpha' })
  await put('accounts/1/domains/d', { name: 'alpha.example' })
  const { body: first } = await put('accounts/1/contacts/u-1', owner)
  const second = await put('accounts/1/contacts/u-2', { subject: 'user-2', name: 'Max', role: 'manager' })
  t.match(second, { status: 201, body: { confirmed: false } })
  const told = (await letters(test)).filter(({ kind }) => kind === 'contact_added_by_staff')
  t.match(told, [{ recipient: first.user, subject: second.body.id }])
  const grantPath = `/v1/accounts/${a.number}/grants`
  const body = { grantee: { address: 'dev@agency.example' }, domains: ['alpha.example'], actions: ['ticket.read'] }
  const [olga, max] = await Promise.all(['user-1', 'user-2'].map((subject) => panelToken(test, shop, subject)))
  t.equal((await send(test, 'POST', grantPath, { token: max, key: true, body })).body.reason, 'action_not_in_role')
  t.equal((await send(test, 'GET', grantPath, { token: max })).status, 200, 'it is in force for the rest')

  await test.context.db.update(contacts).set({ confirmedAt: new Date() }).where(eq(contacts.id, second.body.id))
  t.match(
    await put('accounts/1/contacts/u-2', { subject: 'user-2', name: 'Max', role: 'technical', domains: ['d'] }),
    { status: 200, body: { role: 'technical', confirmed: true, changed: true } },
    'less needs no yes',
  )
  t.match(
    await put('accounts/1/contacts/u-2', { subject: 'user-2', name: 'Max', role: 'technical' }),
    { body: { confirmed: false } },
    'more does',
  )
  t.match(await put('accounts/1/contacts/u-2', { subject: 'user-2', name: 'Max', role: 'owner' }), { body: { role: 'owner' } })
  t.equal((await remove('accounts/1/contacts/u-1')).status, 204)
  const { contacts: rows } = await shapeOf(stage, a.id)
  t.strictSame(rows, ['owner ended confirmed added', 'owner active confirmed added'], 'when nobody is left to say yes, he stands')
  t.equal((await send(test, 'GET', grantPath, { token: olga })).status, 404)
})

t.test('the last owner stays, but can be replaced', async (t) => {
  const stage = await setStage(t)
  const { test, put, remove } = stage
  const { body: a } = await put('accounts/1', { name: 'Alpha' })
  await put('accounts/1/contacts/u', { ...owner, role: 'technical' })
  t.equal((await shapeOf(stage, a.id)).state, 'new')
  t.match(await put('accounts/1/contacts/u', owner), { status: 200, body: { confirmed: true } })
  t.equal((await shapeOf(stage, a.id)).state, 'open', 'the first owner opens the account')
  t.equal((await refusedOf(t, test, () => remove('accounts/1/contacts/u'))).status, 409)
  t.equal((await refusedOf(t, test, () => put('accounts/1/contacts/u', { ...owner, role: 'billing' }))).status, 409)
  t.match(await put('accounts/1/contacts/u', { ...owner, subject: 'user-9' }), { status: 200, body: { confirmed: true, changed: true } })
  t.strictSame((await shapeOf(stage, a.id)).contacts, ['owner ended confirmed added', 'owner active confirmed added'])
})

t.test('an owner who leaves while another stands changes nothing for that one', async (t) => {
  const stage = await setStage(t)
  const { test, put, remove } = stage
  const { body: a } = await put('accounts/1', { name: 'Alpha' })
  await put('accounts/1/contacts/u-1', owner)
  const { body: second } = await put('accounts/1/contacts/u-2', { ...owner, subject: 'user-2' })
  t.equal((await remove('accounts/1/contacts/u-2')).status, 204)
  const kinds = (await eventsOf(test, a.id)).filter(({ resourceId }) => resourceId === second.id).map(({ kind }) => kind)
  t.strictSame(kinds, ['contact.added', 'contact.ended'])
})

t.test('what ends takes with it what stood on it, and ends once', async (t) => {
  const stage = await setStage(t)
  const { test, put, remove } = stage
  const { db } = test.context
  const { body: a } = await put('accounts/1', { name: 'Alpha' })
  const { body: d1 } = await put('accounts/1/domains/d-1', { name: 'one.example' })
  const { body: d2 } = await put('accounts/1/domains/d-2', { name: 'two.example' })
  await put('accounts/1/contacts/u', owner)
  const { body: max } = await put('accounts/1/contacts/m', { subject: 'm', name: 'Max', role: 'manager' })
  await db.update(contacts).set({ confirmedAt: new Date() }).where(eq(contacts.id, max.id))
  const dev = await person(test, 'Dev')
  const byDomain = await grant(test, a, max.id, dev, [d1])
  const byGrantor = await grant(test, a, max.id, dev, [d2])
  const causes = async (id: string) => (await db.select().from(grants).where(eq(grants.id, id)))[0]?.suspensionCauses
  for (const _ of [1, 2]) t.equal((await remove('accounts/1/domains/d-1')).status, 204)
  t.strictSame(await causes(byDomain), ['no_domain'])
  t.strictSame(await causes(byGrantor), [])
  for (const _ of [1, 2]) t.equal((await remove('accounts/1/contacts/m')).status, 204)
  t.strictSame(await causes(byGrantor), ['grantor_lost_authority'])
  const kinds = (await eventsOf(test, a.id)).map(({ kind }) => kind).filter((kind) => /(contact|domain)\.(ended|released)/.test(kind))
  t.strictSame(kinds, ['domain.released', 'contact.ended'])
  t.match(await put('accounts/1/contacts/m', { subject: 'm', name: 'Max', role: 'manager' }), { status: 201 }, 'and may come back as new')
  const back = await put('accounts/1/domains/d-1', { name: 'one.example' })
  t.equal(back.status, 201)
  t.not(back.body.id, d1.id)
  t.match(await put('accounts/1/domains/d-1', { name: 'three.example' }), { status: 200, body: { changed: true } })
  t.strictSame((await shapeOf(stage, a.id)).domains, ['one.example released', 'two.example', 'one.example released', 'three.example'])
})

t.test('a limit is to domains of the account, as the realm calls them', async (t) => {
  const { test, put, remove } = await setStage(t)
  await put('accounts/1', { name: 'Alpha' })
  await put('accounts/2', { name: 'Beta' })
  await put('accounts/1/domains/d-1', { name: 'one.example' })
  await put('accounts/1/domains/d-2', { name: 'two.example' })
  await put('accounts/2/domains/beta', { name: 'beta.example' })
  const tom = { subject: 't', name: 'Tom', role: 'technical' }
  const limited = (domains: string[]) => put('accounts/1/contacts/t', { ...tom, domains })
  t.equal((await limited(['d-1', 'd-1'])).status, 201)
  t.equal((await limited(['d-1'])).body.changed, false)
  t.equal((await limited(['d-2', 'd-1'])).body.changed, true)
  await remove('accounts/1/domains/d-2')
  t.equal((await limited(['d-1'])).body.changed, false, 'what was released is not in it any more')
  const unknown = await refusedOf(t, test, () => limited(['d-1', 'beta', 'd-2']))
  t.match(unknown.body.errors, [
    { pointer: '#/domains/1', code: 'unknown_domain' },
    { pointer: '#/domains/2', code: 'unknown_domain' },
  ])
  await remove('accounts/1/domains/d-1')
  t.match(await put('accounts/1/contacts/t', tom), { body: { changed: true } }, 'of a limit nothing was left')
  t.match(await refusedOf(t, test, () => put('accounts/1/contacts/o', { ...owner, domains: ['d-1'] })), {
    status: 422,
    body: { errors: [{ pointer: '#/domains', code: 'limited_owner' }] },
  })
})
