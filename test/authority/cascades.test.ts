import { and, eq } from 'drizzle-orm'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { cascadeGrants, notifyOwners } from '../../src/authority/cascades.ts'
import type { Authority } from '../../src/authority/judge.ts'
import { contacts, domains, grants, singleUseTokens, users } from '../../src/database/tables.ts'
import { openTestApp } from '../fixtures/app.ts'
import { account, contact, domain, grant, person } from '../fixtures/cast.ts'
import { eventsOf, ledger, letters } from '../fixtures/ledger.ts'

t.test('the cascade of authority', async (t) => {
  const test = await openTestApp(t)
  const { db, jobs } = test.context
  const owner = await person(test, 'Olga Owner')
  const developer = await person(test, 'Dan Developer')
  let count = 0

  /** An account of its own for each case, with two domains, an owner and another contact who stands for grants. */
  async function scene(role: 'owner' | 'manager' | 'technical' | 'billing' = 'manager', limit?: 'first' | 'both') {
    const a = await account(test, 'Alpha Ltd')
    const a1 = await domain(test, a, `one-${count++}.example`)
    const a2 = await domain(test, a, `two-${count}.example`)
    const ownerContact = await contact(test, a, owner, 'owner')
    const giver = await person(test, 'Gina Giver')
    const limits = { first: [a1], both: [a1, a2] }
    const giverContact = await contact(test, a, giver, role, limit && limits[limit])
    const authority: Authority = {
      at: test.clock.now(),
      accountId: a.id,
      actorUserId: owner.id,
      clientId: null,
      capacity: 'contact',
      via: { capacity: 'self', id: ownerContact },
      sessionId: owner.session,
      verification: 'password',
      verificationLevel: 'one_factor',
      verifiedAt: test.clock.now(),
      action: 'contact.manage',
      requestId: 'request',
    }
    const rowOf = async (id: string) =>
      (
        await db
          .select()
          .from(grants)
          .where(and(eq(grants.accountId, a.id), eq(grants.id, id)))
      )[0] as typeof grants.$inferSelect
    return {
      a,
      a1,
      a2,
      giver,
      giverContact,
      rowOf,
      end: (id: string) =>
        db
          .update(contacts)
          .set({ status: 'ended', endedAt: new Date(authority.at) })
          .where(eq(contacts.id, id)),
      release: (id: string) =>
        db
          .update(domains)
          .set({ releasedAt: new Date(authority.at) })
          .where(eq(domains.id, id)),
      cascade: () => db.transaction((tx) => cascadeGrants(tx, jobs, authority, a.id)),
      notify: () => db.transaction((tx) => notifyOwners(tx, jobs, a.id, 'contact_ended', giverContact)),
    }
  }

  await t.test('where every grantor holds all of it, it writes nothing', async (t) => {
    for (const [role, limit] of [
      ['owner', undefined],
      ['manager', undefined],
      ['manager', 'both'],
    ] as const) {
      const { a, a1, a2, giverContact, cascade } = await scene(role, limit)
      await grant(test, a, giverContact, developer, [a1, a2])
      const before = await ledger(test)
      await cascade()
      t.strictSame(await ledger(test), before)
    }
  })

  for (const [what, role, limit] of [
    ['whose role holds no grants', 'technical', undefined],
    ['whose role holds not even the actions', 'billing', undefined],
    ['whose limit leaves out one of its domains', 'manager', 'first'],
  ] as const) {
    await t.test(`a grantor ${what} lost it`, async (t) => {
      const { a, a1, a2, giver, giverContact, rowOf, cascade } = await scene(role, limit)
      const id = await grant(test, a, giverContact, developer, [a1, a2])
      const before = (await letters(test)).length
      await cascade()
      t.match(await rowOf(id), { status: 'suspended', suspensionCauses: ['grantor_lost_authority'], version: 2, endedAt: null })
      t.match(await eventsOf(test, a.id), [
        {
          kind: 'grant.suspended',
          audience: 'account',
          actor: owner.id,
          resourceType: 'grant',
          resourceId: id,
          domainId: null,
          changed: ['status', 'suspensionCauses'],
          value: { causes: ['grantor_lost_authority'] },
        },
      ])
      t.strictSame((await letters(test)).slice(before), [
        { letter: 'notice', kind: 'grant_suspended', account: a.id, subject: id, recipient: developer.id },
        { letter: 'notice', kind: 'grant_suspended', account: a.id, subject: id, recipient: giver.id },
      ])
    })
  }

  await t.test('a grantor who has ended, or waits for an owner to confirm him, lost it', async (t) => {
    const ended = await scene()
    const one = await grant(test, ended.a, ended.giverContact, developer, [ended.a1])
    await ended.end(ended.giverContact)
    await ended.cascade()
    t.match(await ended.rowOf(one), { status: 'suspended', suspensionCauses: ['grantor_lost_authority'] })
    const waiting = await scene('owner')
    const two = await grant(test, waiting.a, waiting.giverContact, developer, [waiting.a1])
    await db.update(contacts).set({ confirmedAt: null }).where(eq(contacts.id, waiting.giverContact))
    await waiting.cascade()
    t.match(await waiting.rowOf(two), { status: 'suspended', suspensionCauses: ['grantor_lost_authority'] })
  })

  await t.test('a grantor whose user is suspended did not: that is asked at every use, and ends by itself', async (t) => {
    const { a, a1, giver, giverContact, rowOf, cascade } = await scene()
    const id = await grant(test, a, giverContact, developer, [a1])
    await db.update(users).set({ status: 'suspended' }).where(eq(users.id, giver.id))
    await cascade()
    t.match(await rowOf(id), { status: 'active', version: 1 })
  })

  await t.test('a grant without a domain has no domain; one that has another left goes on', async (t) => {
    const { a, a1, a2, giverContact, rowOf, release, cascade } = await scene()
    const bare = await grant(test, a, giverContact, developer, [a1])
    const rest = await grant(test, a, giverContact, developer, [a1, a2])
    await release(a1.id)
    await cascade()
    t.match(await rowOf(bare), { status: 'suspended', suspensionCauses: ['no_domain'] })
    t.match(await eventsOf(test, a.id), [{ resourceId: bare, domainId: a1.id, value: { causes: ['no_domain'] } }])
    t.match(await rowOf(rest), { status: 'active', version: 1 })
  })

  await t.test('one that is suspended already gets the cause beside those it has, once', async (t) => {
    const { a, a1, giverContact, rowOf, end, release, cascade } = await scene()
    const id = await grant(test, a, giverContact, developer, [a1], { status: 'suspended', suspensionCauses: ['staff'] })
    await end(giverContact)
    await cascade()
    t.match(await rowOf(id), { suspensionCauses: ['staff', 'grantor_lost_authority'], version: 2 })
    await release(a1.id)
    await cascade()
    t.match(await rowOf(id), { suspensionCauses: ['staff', 'grantor_lost_authority', 'no_domain'], version: 3 })
    const before = await ledger(test)
    await cascade()
    t.strictSame(await ledger(test), before, 'again changes nothing')
    t.equal((await eventsOf(test, a.id)).length, 2)
  })

  await t.test('both causes at once are one event', async (t) => {
    const { a, a1, giverContact, rowOf, end, release, cascade } = await scene()
    const id = await grant(test, a, giverContact, developer, [a1])
    await end(giverContact)
    await release(a1.id)
    await cascade()
    t.match(await rowOf(id), { suspensionCauses: ['grantor_lost_authority', 'no_domain'], version: 2 })
    t.match(await eventsOf(test, a.id), [{ value: { causes: ['grantor_lost_authority', 'no_domain'] } }])
  })

  await t.test('an invitation is cancelled, and its link serves nobody', async (t) => {
    const { a, a1, giver, giverContact, rowOf, cascade } = await scene('technical')
    const offered = { status: 'invited' as const, approvedAt: null, granteeUserId: null }
    const id = await grant(test, a, giverContact, developer, [a1], offered)
    const token = uuid()
    const at = new Date(test.clock.now())
    const about = { accountId: a.id, grantId: id, createdAt: at, expiresAt: at }
    await db.insert(singleUseTokens).values({ id: token, purpose: 'grant_invitation', address: developer.address, ...about })
    const before = (await letters(test)).length
    await cascade()
    t.match(await rowOf(id), { status: 'cancelled', endedBy: owner.id, version: 2, suspensionCauses: [] })
    t.ok((await rowOf(id)).endedAt)
    t.ok((await db.select().from(singleUseTokens).where(eq(singleUseTokens.id, token)))[0]?.usedAt)
    t.match(await eventsOf(test, a.id), [{ kind: 'grant.cancelled', resourceId: id, domainId: a1.id, changed: ['status'] }])
    t.strictSame((await letters(test)).slice(before), [
      { letter: 'notice', kind: 'grant_cancelled', account: a.id, subject: id, recipient: giver.id },
    ])
  })

  await t.test('an invitation that is left without a domain is cancelled too', async (t) => {
    const { a, a1, giverContact, rowOf, release, cascade } = await scene()
    const id = await grant(test, a, giverContact, developer, [a1], { status: 'invited', approvedAt: null })
    await release(a1.id)
    await cascade()
    t.match(await rowOf(id), { status: 'cancelled' })
  })

  await t.test('what has ended, what is over and what nobody stands for yet are left alone', async (t) => {
    const { a, a1, giverContact, end, cascade } = await scene()
    const at = new Date(test.clock.now())
    await grant(test, a, giverContact, developer, [a1], { status: 'revoked', endedAt: at })
    await grant(test, a, giverContact, developer, [a1], {
      notBefore: new Date(at.getTime() - 2_000),
      expiresAt: new Date(at.getTime() - 1_000),
    })
    await grant(test, a, giverContact, developer, [a1], { status: 'requested', approvedAt: null, grantorContactId: null })
    await end(giverContact)
    const before = await ledger(test)
    await cascade()
    t.strictSame(await ledger(test), before)
  })

  await t.test("another account's grants are left alone", async (t) => {
    const one = await scene('technical')
    const two = await scene('technical')
    const theirs = await grant(test, two.a, two.giverContact, developer, [two.a1])
    await one.cascade()
    t.match(await two.rowOf(theirs), { status: 'active', version: 1 })
  })

  await t.test('many grants fall at once', async (t) => {
    const { a, a1, a2, giverContact, rowOf, end, cascade } = await scene()
    const ids = []
    for (const on of [[a1], [a2], [a1, a2]]) ids.push(await grant(test, a, giverContact, developer, on))
    const offered = await grant(test, a, giverContact, developer, [a1], { status: 'invited', approvedAt: null })
    await end(giverContact)
    await cascade()
    for (const id of ids) t.match(await rowOf(id), { status: 'suspended', version: 2 })
    t.match(await rowOf(offered), { status: 'cancelled' })
    t.equal((await eventsOf(test, a.id)).length, 4)
  })

  await t.test('all active owners are told, and nobody else', async (t) => {
    const { a, giverContact, end, notify } = await scene('owner')
    const third = await person(test, 'Ove Owner')
    await end(await contact(test, a, third, 'owner'))
    const before = (await letters(test)).length
    await notify()
    const told = (await letters(test)).slice(before)
    t.equal(told.length, 2)
    t.match(told[0], { letter: 'notice', kind: 'contact_ended', account: a.id, subject: giverContact })
    t.ok(told.some(({ recipient }) => recipient === owner.id))
    t.notOk(told.some(({ recipient }) => recipient === third.id))
  })
})
