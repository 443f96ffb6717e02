/** What time does to authority goes through a gate of its own: the keys and the revision of `change`, and nobody who acts. */
import { eq } from 'drizzle-orm'
import t from 'tap'
import { eventByTime } from '../../src/authority/authorship.ts'
import { changeByTime } from '../../src/authority/change.ts'
import { accounts, grants, journalEvents } from '../../src/database/tables.ts'
import { append } from '../../src/journal/append.ts'
import { openTestApp } from '../fixtures/app.ts'
import { account, contact, domain, grant, person } from '../fixtures/cast.ts'
import { eventsOf, ledger } from '../fixtures/ledger.ts'

t.test('what time does to authority', async (t) => {
  const test = await openTestApp(t)
  const { db } = test.context
  const a = await account(test, 'Alpha Ltd')
  const d = await domain(test, a, 'alpha.example')
  const ownerContact = await contact(test, a, await person(test, 'Olga Owner'), 'owner')
  const id = await grant(test, a, ownerContact, await person(test, 'Dan Developer'), [d])
  const revision = async () => (await db.select().from(accounts).where(eq(accounts.id, a.id)))[0]?.authorityRevision as number
  const about = { resourceType: 'grant', resourceId: id, changed: ['status'] }

  await t.test('raises the revision, so that a write that was decided before it falls, and names nobody', async (t) => {
    const before = await revision()
    const at = await changeByTime(test.context, { accounts: [a.id] }, async (tx, now) => {
      await tx.update(grants).set({ version: 2 }).where(eq(grants.id, id))
      await append(tx, eventByTime(a.id, now, 'grant.suspended', about))
      return now
    })
    t.ok(Math.abs(at - test.clock.now()) < 60_000, "the time is the database's, with the offset of the tests")
    t.equal(await revision(), before + 1)
    const nobody = { actor: null, capacity: null, via: null }
    t.match(await eventsOf(test, a.id), [{ kind: 'grant.suspended', audience: 'account', resourceId: id, changed: ['status'], ...nobody }])
    t.match(await db.select().from(journalEvents), [{ verification: null, verificationLevel: null, verifiedAt: null }])
  })

  await t.test('is one commit: what fails leaves nothing behind', async (t) => {
    const [before, raised] = [await ledger(test), await revision()]
    const failing = changeByTime(test.context, { accounts: [a.id] }, async (tx, now) => {
      await append(tx, eventByTime(a.id, now, 'grant.suspended', about))
      throw new Error('the machine stops')
    })
    await t.rejects(failing, { message: 'the machine stops' })
    t.strictSame(await ledger(test), before, 'and nothing was written')
    t.equal(await revision(), raised)
  })
})
