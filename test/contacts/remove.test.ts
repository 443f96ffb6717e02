import { eq } from 'drizzle-orm'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { accounts, contacts, grants, singleUseTokens } from '../../src/database/tables.ts'
import { openTestApp, send } from '../fixtures/app.ts'
import { account, contact, domain, grant, person, staff } from '../fixtures/cast.ts'
import { comparable, eventsOf, letters, refusedOf } from '../fixtures/ledger.ts'

t.test('removing a contact', async (t) => {
  const test = await openTestApp(t)
  const { db } = test.context
  const a = await account(test, 'Alpha Ltd')
  const a1 = await domain(test, a, 'alpha.example')
  const owner = await person(test, 'Olga Owner')
  const manager = await person(test, 'Mia Manager')
  const technical = await person(test, 'Tom Technical')
  const developer = await person(test, 'Dan Developer')
  const stranger = await person(test, 'Sam Stranger')
  const support = await staff(test, 'Sue Support', 'support')
  const admin = await staff(test, 'Ada Admin', 'admin')
  const ownerContact = await contact(test, a, owner, 'owner')
  const managerContact = await contact(test, a, manager, 'manager')
  const technicalContact = await contact(test, a, technical, 'technical')
  const given = await grant(test, a, managerContact, developer, [a1])
  const path = `/v1/accounts/${a.number}/contacts`
  const remove = (id: string, token: string) => send(test, 'DELETE', `${path}/${id}`, { token })
  const rowOf = async (id: string) => (await db.select().from(contacts).where(eq(contacts.id, id)))[0]
  const open = (token: string) =>
    send(test, 'POST', '/v1/tickets', {
      token,
      key: true,
      body: { account: a.number, domain: a1.name, topic: 'other', subject: 'It broke', message: 'Since noon.' },
    })

  await t.test('nobody removes one who holds more than he does', async (t) => {
    for (const [id, who] of [
      [ownerContact, manager],
      [managerContact, technical],
      [technicalContact, support],
    ] as const) {
      t.match(await refusedOf(t, test, () => remove(id, who.token)), { status: 403, body: { reason: 'action_not_in_role' } })
    }
    const theirs = await refusedOf(t, test, () => remove(ownerContact, stranger.token))
    t.equal(theirs.status, 404)
    t.strictSame(
      comparable(theirs),
      comparable(await send(test, 'DELETE', `/v1/accounts/C-0/contacts/${uuid()}`, { token: stranger.token })),
    )
    t.equal((await refusedOf(t, test, () => remove(ownerContact, developer.token))).status, 404)
  })

  await t.test('the last owner stays, whoever asks', async (t) => {
    for (const who of [owner, admin]) {
      const sent = await refusedOf(t, test, () => remove(ownerContact, who.token))
      t.match(sent, { status: 409, body: { code: 'conflict', detail: /last owner/ } })
    }
  })

  await t.test('it takes effect at once, and what he granted no longer justifies', async (t) => {
    t.equal((await open(developer.token)).status, 201)
    const before = (await letters(test)).length
    const [{ authorityRevision } = { authorityRevision: -1 }] = await db.select().from(accounts).where(eq(accounts.id, a.id))
    const removed = await remove(managerContact, owner.token)
    t.strictSame([removed.status, removed.text], [204, ''])
    t.match(await rowOf(managerContact), { status: 'ended', version: 2, userId: manager.id })
    t.match((await eventsOf(test, a.id)).slice(-2), [
      { kind: 'contact.ended', actor: owner.id, via: ownerContact, resourceId: managerContact, value: { role: 'manager' } },
      { kind: 'grant.suspended', resourceId: given, value: { causes: ['grantor_lost_authority'] } },
    ])
    t.match((await db.select().from(grants).where(eq(grants.id, given)))[0], {
      status: 'suspended',
      suspensionCauses: ['grantor_lost_authority'],
    })
    t.strictSame(
      (await letters(test)).slice(before).map(({ kind, recipient }) => [kind, recipient]),
      [
        ['contact_ended', manager.id],
        ['grant_suspended', developer.id],
        ['grant_suspended', manager.id],
      ],
    )
    const [after] = await db.select().from(accounts).where(eq(accounts.id, a.id))
    t.equal(after?.authorityRevision, authorityRevision + 1)
    t.match(await refusedOf(t, test, () => open(developer.token)), { status: 403, body: { reason: 'grant_suspended' } })
    const gone = await refusedOf(t, test, () => open(manager.token))
    t.equal(gone.status, 403)
    t.notOk(gone.body.reason, 'he is a stranger now')
  })

  await t.test('again is the same answer, and no second event', async (t) => {
    const events = await eventsOf(test, a.id)
    const told = await letters(test)
    t.strictSame((await remove(managerContact, owner.token)).status, 204)
    t.strictSame(await eventsOf(test, a.id), events)
    t.strictSame(await letters(test), told)
    t.equal((await rowOf(managerContact))?.version, 2)
  })

  await t.test('an invitation is withdrawn, and its link with it', async (t) => {
    const invited = await send(test, 'POST', path, { token: owner.token, body: { address: 'x@people.example', role: 'owner' } })
    const told = await letters(test)
    t.equal((await remove(invited.body.id, owner.token)).status, 204)
    const [token] = await db.select().from(singleUseTokens).where(eq(singleUseTokens.contactId, invited.body.id))
    t.ok(token?.usedAt)
    t.match(await rowOf(invited.body.id), { status: 'ended', userId: null })
    t.strictSame(await letters(test), told, 'nobody is known to be told')
  })

  await t.test('when staff remove one, he and the owners are told', async (t) => {
    const before = (await letters(test)).length
    t.equal((await remove(technicalContact, admin.token)).status, 204)
    t.strictSame((await letters(test)).slice(before), [
      { letter: 'notice', kind: 'contact_ended', account: a.id, subject: technicalContact, recipient: technical.id },
      { letter: 'notice', kind: 'contact_ended', account: a.id, subject: technicalContact, recipient: owner.id },
    ])
  })

  await t.test('an owner may go while another stays', async (t) => {
    const second = await person(test, 'Otis Owner')
    const id = await contact(test, a, second, 'owner')
    t.equal((await remove(id, second.token)).status, 204)
    t.match(await rowOf(ownerContact), { version: 1 })
  })

  await t.test('two owners who remove each other at once leave one', async (t) => {
    const c = await account(test, 'Gamma Ltd')
    const [one, two] = [await person(test, 'One Owner'), await person(test, 'Two Owner')]
    const ids = [await contact(test, c, one, 'owner'), await contact(test, c, two, 'owner')]
    const url = (id: string | undefined) => `/v1/accounts/${c.number}/contacts/${id}`
    const sent = await Promise.all([
      send(test, 'DELETE', url(ids[1]), { token: one.token }),
      send(test, 'DELETE', url(ids[0]), { token: two.token }),
    ])
    t.strictSame(sent.map(({ status }) => status).sort(), [204, 404], 'who was first is an owner, the other a stranger')
    const left = (await db.select().from(contacts).where(eq(contacts.accountId, c.id))).filter(({ status }) => status === 'active')
    t.equal(left.length, 1)
  })

  await t.test('staff replace an owner: with the old one gone, the new one needs nobody to say yes', async (t) => {
    const heir = await person(test, 'Hedi Heir')
    const id = await contact(test, a, heir, 'owner')
    await db.update(contacts).set({ addedByStaff: true, confirmedAt: null }).where(eq(contacts.id, id))
    t.equal((await remove(ownerContact, admin.token)).status, 204)
    t.match(await rowOf(id), { version: 2 })
    t.ok((await rowOf(id))?.confirmedAt)
    t.match((await eventsOf(test, a.id)).slice(-2), [
      { kind: 'contact.ended', actor: admin.id, capacity: 'staff', resourceId: ownerContact },
      { kind: 'contact.confirmed', actor: admin.id, capacity: 'staff', resourceId: id },
    ])
    const invited = await send(test, 'POST', path, { token: heir.token, body: { address: 'y@people.example', role: 'owner' } })
    t.equal(invited.status, 201, invited.text)
  })
})
