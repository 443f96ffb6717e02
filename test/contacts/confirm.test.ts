import { eq } from 'drizzle-orm'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { contacts } from '../../src/database/tables.ts'
import { openTestApp, type Request, send, type TestApp } from '../fixtures/app.ts'
import { type Account, account, contact, type Person, person, staff, tokenFor } from '../fixtures/cast.ts'
import { eventsOf, ledger, refusedOf } from '../fixtures/ledger.ts'

/** One whom staff added and who accepted, in an account that has an owner. */
async function addedByStaff(test: TestApp, on: Account, who: Person, role: 'owner' | 'manager'): Promise<string> {
  const id = await contact(test, on, who, role)
  await test.context.db.update(contacts).set({ addedByStaff: true, confirmedAt: null }).where(eq(contacts.id, id))
  return id
}

t.test("an owner's yes", async (t) => {
  const test = await openTestApp(t)
  const a = await account(test, 'Alpha Ltd')
  const owner = await person(test, 'Olga Owner')
  const manager = await person(test, 'Mia Manager')
  const added = await person(test, 'Nina New')
  const rival = await person(test, 'Rob Rival')
  const admin = await staff(test, 'Ada Admin', 'admin')
  const ownerContact = await contact(test, a, owner, 'owner')
  await contact(test, a, manager, 'manager')
  const addedContact = await addedByStaff(test, a, added, 'manager')
  const rivalContact = await addedByStaff(test, a, rival, 'owner')
  const path = `/v1/accounts/${a.number}/contacts`
  const confirm = (id: string, token: string, rest: Request = {}) => send(test, 'POST', `${path}/${id}/confirm`, { token, ...rest })
  const invite = (token: string) => send(test, 'POST', path, { token, body: { address: 'x@people.example', role: 'technical' } })

  await t.test('before it, one added by staff holds no power over others', async (t) => {
    for (const who of [added, rival]) {
      t.match(await refusedOf(t, test, () => invite(who.token)), { status: 403, body: { reason: 'action_not_in_role' } })
    }
    t.equal((await send(test, 'GET', path, { token: added.token })).status, 200, 'but what else the role gives')
  })

  await t.test('only an owner says it: no manager, no staff, and not himself', async (t) => {
    for (const who of [manager, admin, added, rival]) {
      const sent = await refusedOf(t, test, () => confirm(rivalContact, who.token))
      t.match(sent, { status: 403, body: { reason: 'action_not_in_role' } }, who.name)
    }
    t.match(await refusedOf(t, test, () => confirm(addedContact, manager.token)), { status: 403, body: { reason: 'action_not_in_role' } })
    t.equal((await refusedOf(t, test, () => confirm(uuid(), owner.token))).status, 404)
  })

  await t.test('it needs a fresh sign-in', async (t) => {
    const token = await tokenFor(test, owner.id, owner.session, 601)
    t.equal((await refusedOf(t, test, () => confirm(addedContact, token))).body.code, 'step_up_required')
  })

  await t.test('after it, he does', async (t) => {
    const said = await confirm(addedContact, owner.token, { key: 'yes' })
    t.match(said, { status: 200, body: { id: addedContact, confirmed: true, version: 2 } }, said.text)
    t.equal(said.headers['etag'], '"v2"')
    t.match((await eventsOf(test, a.id)).at(-1), {
      kind: 'contact.confirmed',
      actor: owner.id,
      via: ownerContact,
      resourceId: addedContact,
      changed: ['confirmed'],
    })
    t.equal((await invite(added.token)).status, 201)
    t.strictSame((await confirm(addedContact, owner.token, { key: 'yes' })).body, said.body)
  })

  await t.test('said again it changes nothing', async (t) => {
    const before = await ledger(test)
    const again = await confirm(addedContact, owner.token)
    t.match(again, { status: 200, body: { confirmed: true, version: 2 } })
    t.strictSame(await ledger(test), before)
  })

  await t.test('one that has ended stays ended', async (t) => {
    t.equal((await send(test, 'DELETE', `${path}/${rivalContact}`, { token: owner.token })).status, 204)
    t.match(await refusedOf(t, test, () => confirm(rivalContact, owner.token)), { status: 409, body: { code: 'conflict' } })
  })
})
