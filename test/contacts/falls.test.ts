/** Removing or lowering a contact says first what falls with it, and the one who does it may keep it. */
import { and, eq } from 'drizzle-orm'
import t from 'tap'
import { contacts, grants } from '../../src/database/tables.ts'
import { openTestApp, send } from '../fixtures/app.ts'
import { account, contact, domain, grant, person, staff, tokenFor } from '../fixtures/cast.ts'
import { eventsOf, ledger, refusedOf } from '../fixtures/ledger.ts'

t.setTimeout(120_000)

t.test('what stands on a contact', async (t) => {
  const test = await openTestApp(t)
  const { db } = test.context
  const a = await account(test, 'Alpha Ltd')
  const one = await domain(test, a, 'alpha.example')
  const owner = await person(test, 'Olga')
  const admin = await staff(test, 'Ada', 'admin')
  const developer = await person(test, 'Dora')
  const ownerContact = await contact(test, a, owner, 'owner')
  const row = async (id: string) =>
    (
      await db
        .select()
        .from(grants)
        .where(and(eq(grants.accountId, a.id), eq(grants.id, id)))
    )[0]
  const path = `/v1/accounts/${a.number}/contacts`
  async function scene() {
    const giver = await person(test, 'Gina')
    const id = await contact(test, a, giver, 'manager')
    const given = await grant(test, a, id, developer, [one])
    const kept = await grant(test, a, id, developer, [one])
    const offered = await grant(test, a, id, developer, [one], { status: 'invited', approvedAt: null, granteeUserId: null })
    const others = await grant(test, a, ownerContact, developer, [one])
    return { giver, id, given, kept, offered, others }
  }
  const remove = (id: string, query = '', token = owner.token) => send(test, 'DELETE', `${path}/${id}${query}`, { token })
  const lower = (id: string, query = '', ifMatch = 1) =>
    send(test, 'PATCH', `${path}/${id}${query}`, { token: owner.token, ifMatch, body: { role: 'technical' } })

  await t.test('is told first, and nothing is written', async (t) => {
    const { id, given, kept, offered } = await scene()
    const before = await ledger(test)
    for (const act of [remove, lower]) {
      const told = await act(id, '?validateOnly=true')
      t.match(told, {
        status: 200,
        body: {
          grants: [
            {
              id: given,
              status: 'suspended',
              suspensionCauses: ['grantor_lost_authority'],
              grantee: { id: developer.id },
              domains: ['alpha.example'],
            },
            { id: kept, status: 'suspended' },
            { id: offered, status: 'cancelled', suspensionCauses: [], grantee: null },
          ],
        },
      })
      t.equal(told.body.grants.length, 3)
      const spared = await act(id, `?validateOnly=true&adopt=${given}`)
      t.strictSame(
        spared.body.grants.map(({ id }: { id: string }) => id),
        [kept, offered],
      )
    }
    t.strictSame(await ledger(test), before, 'and nothing was written')
    t.equal((await remove(id)).status, 204)
    t.strictSame((await remove(id, '?validateOnly=true')).body, { grants: [] }, 'nothing falls with one that has ended')
  })

  await t.test('fails as the act itself would', async (t) => {
    const { id } = await scene()
    t.match(await refusedOf(t, test, () => lower(id, '?validateOnly=true', 7)), { status: 412 })
    t.match(await refusedOf(t, test, () => remove(ownerContact, '?validateOnly=true')), { status: 409 })
    t.match(await refusedOf(t, test, () => remove(id, '?validateOnly=perhaps')), { status: 422 })
  })

  await t.test('is kept by who adopts it in the same act', async (t) => {
    for (const act of [remove, lower]) {
      const { id, given, kept, offered, others } = await scene()
      const done = await act(id, `?adopt=${kept}`)
      t.ok(done.status === 204 || done.body.role === 'technical', done.text)
      t.match(await row(given), { status: 'suspended', suspensionCauses: ['grantor_lost_authority'], grantorContactId: id })
      t.match(await row(kept), { status: 'active', grantorContactId: ownerContact, version: 2 })
      t.match(await row(offered), { status: 'cancelled' })
      t.match(await row(others), { status: 'active', version: 1 })
      const kinds = (await eventsOf(test, a.id)).filter(({ resourceId }) => resourceId === kept).map(({ kind }) => kind)
      t.strictSame(kinds, ['grant.adopted'])
      await db
        .update(grants)
        .set({ status: 'revoked', suspensionCauses: [], endedAt: new Date(test.clock.now()) })
        .where(eq(grants.status, 'active'))
    }
  })

  await t.test('only with a fresh sign-in, by another contact, and only what is its own', async (t) => {
    const { id, giver, given, others } = await scene()
    const old = await tokenFor(test, owner.id, owner.session, 3_600)
    t.match(await refusedOf(t, test, () => remove(id, `?adopt=${given}`, old)), { status: 401, body: { code: 'step_up_required' } })
    t.match(await refusedOf(t, test, () => remove(id, `?adopt=${given}`, admin.token)), {
      status: 422,
      body: { errors: [{ parameter: 'adopt', code: 'not_adoptable' }] },
    })
    t.match(await refusedOf(t, test, () => remove(id, `?adopt=${given}`, giver.token)), { status: 422 })
    t.match(await refusedOf(t, test, () => remove(id, `?adopt=${given}&adopt=${others}`)), { status: 422 })
    t.match(await refusedOf(t, test, () => remove(id, '?adopt=nonsense')), { status: 422 })
    const own = await grant(test, a, id, owner, [one])
    t.match(await refusedOf(t, test, () => remove(id, `?adopt=${own}`)), { status: 409 }, 'A5: never by the grantee')
    t.match((await db.select().from(contacts).where(eq(contacts.id, id)))[0], { status: 'active' })
  })
})
