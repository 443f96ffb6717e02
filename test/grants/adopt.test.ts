/** R5 and A5 of docs/authority.md: a grant whose grantor lost it lives again only when somebody who holds all of it adopts it. */
import { and, eq, sql } from 'drizzle-orm'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { adopt, readAdoptable } from '../../src/authority/adoption.ts'
import type { ContactFact } from '../../src/authority/facts.ts'
import type { Authority } from '../../src/authority/judge.ts'
import { contacts, domains, grants, users } from '../../src/database/tables.ts'
import { suspendCompromised } from '../../src/grants/compromise.ts'
import { type Request, send } from '../fixtures/app.ts'
import { account, contact, domain, grant, type Person, person, tokenFor } from '../fixtures/cast.ts'
import { eventsOf, refusedOf } from '../fixtures/ledger.ts'
import { tokenMailedTo } from '../fixtures/mail.ts'
import { setStage } from './stage.ts'

t.setTimeout(120_000)

t.test('adopting a grant', async (t) => {
  const stage = await setStage(t)
  const { test, a, one, two, owner, manager, limited, technical, developer, admin, ownerContact, managerContact, act, row, events, told } =
    stage
  const { db } = test.context
  const path = `/v1/accounts/${a.number}`
  const open = async (domain = one.name) => {
    const body = { account: a.number, domain, topic: 'other', subject: 'Broken', message: 'It broke.' }
    return send(test, 'POST', '/v1/tickets', { token: developer.token, key: true, body })
  }
  const giver = await person(test, 'Gina')
  let giverContact = await contact(test, a, giver, 'manager')
  const contactPath = () => `${path}/contacts/${giverContact}`
  const give = (rest = {}, on = [one]) => grant(test, a, giverContact, developer, on, rest)

  await t.test('R5: grantor lost ⇒ not live until adopted; as it was, and its end no later', async (t) => {
    const id = await give()
    t.equal((await open()).status, 201)
    const removed = await send(test, 'DELETE', contactPath(), { token: owner.token })
    t.equal(removed.status, 204, removed.text)
    t.match(await open(), { status: 403, body: { reason: 'grant_suspended' } })
    const before = await row(id)
    t.match(before, { status: 'suspended', suspensionCauses: ['grantor_lost_authority'], version: 2 })
    await told(id)
    t.match(await refusedOf(t, test, () => act(manager, id, 'adopt')), { status: 428 })
    t.match(await refusedOf(t, test, () => act(manager, id, 'adopt', { ifMatch: 1 })), { status: 412 }, 'K3')
    const old = await tokenFor(test, manager.id, manager.session, 3_600)
    t.match(await refusedOf(t, test, () => act({ ...manager, token: old }, id, 'adopt', { ifMatch: 2 })), {
      status: 401,
      body: { code: 'step_up_required' },
    })
    t.match(await act(manager, id, 'adopt', { ifMatch: 2 }), { status: 200, body: { status: 'active', suspensionCauses: [], version: 3 } })
    t.equal((await open()).status, 201)
    const { version: _v, status: _s, suspensionCauses: _c, grantorContactId, grantedAt, ...after } = await row(id)
    t.equal(grantorContactId, managerContact)
    t.ok(grantedAt)
    t.match(before, after, 'nothing else has changed, its end least of all')
    t.match((await eventsOf(test, a.id)).at(-2), {
      kind: 'grant.adopted',
      actor: manager.id,
      value: { from: giverContact, lifted: ['grantor_lost_authority'] },
    })
    t.strictSame((await told(id)).slice(0, 1), ['grant_adopted Dora'])
    t.match(await act(manager, id, 'adopt', { ifMatch: 3 }), { status: 200, body: { version: 3 } }, 'his own already')
    t.strictSame(
      (await events(id)).filter((kind) => kind !== 'grant.refused'),
      ['grant.suspended', 'grant.adopted'],
    )
    giverContact = await contact(test, a, giver, 'manager')
    await act(owner, id, 'revoke')
  })

  await t.test('a former grantor who is back may adopt it; a role alone revives nothing', async (t) => {
    const id = await give()
    const lowered = await send(test, 'PATCH', contactPath(), { token: owner.token, ifMatch: 1, body: { role: 'technical' } })
    t.equal(lowered.status, 200, lowered.text)
    t.equal((await row(id)).status, 'suspended')
    t.match(await refusedOf(t, test, () => act(giver, id, 'adopt', { ifMatch: 2 })), { status: 403 })
    await send(test, 'PATCH', contactPath(), { token: owner.token, ifMatch: 2, body: { role: 'manager' } })
    t.match(await open(), { status: 403, body: { reason: 'grant_suspended' } })
    t.match(await act(giver, id, 'adopt', { ifMatch: 2 }), { status: 200, body: { status: 'active' } })
    t.equal((await open()).status, 201)
    await act(owner, id, 'revoke')
  })

  await t.test('A5: never by the grantee, and only by one who holds all of it', async (t) => {
    const own = await grant(test, a, ownerContact, manager, [one])
    t.match(await refusedOf(t, test, () => act(manager, own, 'adopt', { ifMatch: 1 })), { status: 409, body: { code: 'conflict' } })
    const both = await give({}, [one, two])
    t.match(await refusedOf(t, test, () => act(limited, both, 'adopt', { ifMatch: 1 })), { status: /403|404/ })
    for (const who of [technical, admin]) t.match(await refusedOf(t, test, () => act(who, both, 'adopt', { ifMatch: 1 })), { status: 403 })
    const fact = (rest: Partial<ContactFact>): ContactFact => ({
      id: uuid(),
      accountId: a.id,
      userId: uuid(),
      role: 'manager',
      limited: false,
      domains: [],
      confirmed: true,
      ...rest,
    })
    const [adoptable] = await readAdoptable(db, a.id, [both], test.clock.now())
    const authority = { at: test.clock.now(), actorUserId: owner.id } as Authority
    for (const rest of [
      { limited: true, domains: [one.id] },
      { role: 'technical' as const },
      { confirmed: false },
      { accountId: uuid() },
    ]) {
      const adopting = db.transaction((tx) => adopt(test.jobs, tx, authority, fact(rest), adoptable as NonNullable<typeof adoptable>))
      await t.rejects(adopting, { code: 'conflict', message: /hold/ }, JSON.stringify(rest))
    }
    t.equal((await row(both)).version, 1, 'and nothing was written')
    await act(owner, both, 'revoke')
    await act(owner, own, 'revoke')
  })

  await t.test('what the account or staff suspended stays so, and what is not in force is not adopted', async (t) => {
    const id = await give({
      status: 'suspended',
      suspensionCauses: ['account', 'grantor_lost_authority', 'staff', 'no_domain'],
      staffHeld: true,
    })
    t.match(await act(owner, id, 'adopt', { ifMatch: 1 }), {
      status: 200,
      body: { status: 'suspended', suspensionCauses: ['account', 'staff', 'no_domain'] },
    })
    for (const status of ['invited', 'revoked', 'expired'] as const) {
      const ended = await give({ status, endedAt: status === 'invited' ? null : new Date(test.clock.now()) })
      t.match(await refusedOf(t, test, () => act(owner, ended, 'adopt', { ifMatch: 1 })), { status: 409, body: { from: status } })
    }
    await act(owner, id, 'revoke')
    const three = await domain(test, a, 'alpha-three.example')
    const causes = { status: 'suspended' as const, suspensionCauses: ['no_domain', 'grantor_lost_authority'] }
    const empty = await give(causes, [three])
    await db
      .update(domains)
      .set({ releasedAt: new Date(test.clock.now()) })
      .where(eq(domains.id, three.id))
    t.match(await act(owner, empty, 'adopt', { ifMatch: 1 }), {
      status: 200,
      body: { status: 'suspended', suspensionCauses: ['no_domain'] },
    })
    await act(owner, empty, 'revoke')
  })

  await t.test('many at once, each with its own answer', async (t) => {
    const [fine, stale, mine] = [await give(), await give(), await grant(test, a, ownerContact, manager, [two])]
    const many = (who: { token: string }, ids: string[], version = 1) =>
      send(test, 'POST', `${path}/grants/adopt`, {
        token: who.token,
        body: { grants: ids.map((id) => ({ id, version: id === stale ? 7 : version })) },
      })
    const nowhere = uuid()
    const sent = await many(manager, [fine, stale, mine, nowhere])
    t.match(sent, {
      status: 200,
      body: {
        items: [
          { id: fine, grant: { version: 2, grantor: { contact: managerContact } }, problem: null },
          { id: stale, grant: null, problem: { code: 'precondition_failed', status: 412 } },
          { id: mine, grant: null, problem: { code: 'conflict', status: 409 } },
          { id: nowhere, grant: null, problem: { code: 'not_found', status: 404 } },
        ],
      },
    })
    t.strictSame([(await row(stale)).version, (await row(mine)).version], [1, 1], 'and nothing was written')
    t.equal((await eventsOf(test, a.id)).filter(({ kind, resourceId }) => kind === 'grant.refused' && resourceId === mine).length, 1)
    t.match(await many(limited, [mine]), { status: 200, body: { items: [{ problem: { code: 'not_found' } }] } })
    const old = await tokenFor(test, manager.id, manager.session, 3_600)
    t.match(await refusedOf(t, test, () => many({ token: old }, [stale, fine])), { status: 401, body: { code: 'step_up_required' } })
    t.match(await refusedOf(t, test, () => many(technical, [stale])), { status: 403 })
    t.match(await refusedOf(t, test, () => many(owner, [])), { status: 422 })
    for (const id of [fine, stale, mine]) await act(owner, id, 'revoke')
  })

  await t.test('what a user granted while he was compromised', async (t) => {
    await test.jobs.work('compromises', suspendCompromised(test.context))
    const minute = (count: number) => new Date(test.clock.now() + count * 60_000)
    const honest = await give({ approvedAt: minute(-60), notBefore: minute(-60), createdAt: minute(-61) }, [two])
    const wrong = await give({ approvedAt: minute(-10), notBefore: minute(-10), createdAt: minute(-11) })
    const held = await give({
      approvedAt: minute(-9),
      notBefore: minute(-9),
      createdAt: minute(-11),
      status: 'suspended',
      suspensionCauses: ['staff'],
      staffHeld: true,
    })
    const offer = { grantee: { address: developer.address }, domains: [one.name], actions: ['ticket.read'] }
    const offered = (await send(test, 'POST', `${path}/grants`, { token: giver.token, key: true, body: offer })).body.id as string
    const token = await tokenMailedTo(test, developer.address)
    const suspend = (rest: object) =>
      send(test, 'POST', `/v1/users/${giver.id}/suspend`, { token: admin.token, body: { reason: 'Stolen laptop', ...rest } })
    t.match(await refusedOf(t, test, () => suspend({ compromisedSince: minute(5).toISOString() })), { status: 422 })
    t.match(await refusedOf(t, test, () => suspend({ compromisedSince: '2026-06-30T23:59:60Z' })), { status: 422 })
    t.equal((await suspend({ compromisedSince: minute(-30).toISOString() })).status, 200)
    t.equal((await suspend({ compromisedSince: minute(-20).toISOString() })).status, 200, 'what that covers is stated already')
    const stated = await db.execute<{ count: number }>(sql`select count(*)::int as count from compromises`)
    t.equal(stated.rows[0]?.count, 1)

    await t.test('R1: is worth nothing from the commit on, before any job ran, and after he is restored', async (t) => {
      t.match(await open(), { status: 403, body: { reason: 'grant_suspended' } })
      t.match(await open(two.name), { status: 403, body: { reason: 'grant_suspended' } }, 'while he is suspended nothing of his is live')
      t.equal((await send(test, 'POST', `/v1/users/${giver.id}/restore`, { token: admin.token })).status, 200)
      t.equal((await open(two.name)).status, 201, 'what he gave before lives again')
      t.match(await open(), { status: 403, body: { reason: 'grant_suspended' } })
      t.equal((await row(wrong)).status, 'active', 'no row says so yet')
      const accepted = await send(test, 'POST', '/v1/invitations/accept', { token: developer.token, body: { token } })
      t.equal(accepted.status, 403, 'nor can what he offered be accepted')
    })

    await t.test('the rows follow, once, with one event each and letters to the owners', async (t) => {
      await told(wrong)
      t.equal(await test.jobs.drain('compromises'), 1)
      t.match(await row(wrong), { status: 'suspended', suspensionCauses: ['staff'], staffHeld: false, version: 2 })
      t.match(await row(held), { suspensionCauses: ['staff'], staffHeld: true, version: 1 })
      t.match(await row(honest), { status: 'active', version: 1 })
      t.match(await row(offered), { status: 'cancelled' })
      t.strictSame(await events(wrong), ['grant.suspended'])
      t.ok((await told(wrong)).includes('grant_suspended Olga'))
      await db.transaction((tx) => test.jobs.enqueue(tx, 'compromises', { user: giver.id }))
      await test.jobs.drain('compromises')
      t.equal((await row(wrong)).version, 2)
    })

    await t.test('until an owner adopts it, and nobody else', async (t) => {
      t.match(await refusedOf(t, test, () => act(manager, wrong, 'adopt', { ifMatch: 2 })), { status: 409, body: { code: 'conflict' } })
      t.match(await refusedOf(t, test, () => act(giver, wrong, 'adopt', { ifMatch: 2 })), { status: 409 })
      t.match(await refusedOf(t, test, () => act(admin, wrong, 'resume', { ifMatch: 2, body: { reason: 'Cleared' } })), { status: 409 })
      t.match(await act(admin, held, 'resume', { ifMatch: 1, body: { reason: 'Cleared' } }), {
        status: 200,
        body: { status: 'suspended', suspensionCauses: ['staff'] },
      })
      t.match(await act(owner, wrong, 'adopt', { ifMatch: 2 }), { status: 200, body: { status: 'active', suspensionCauses: [] } })
      t.equal((await open()).status, 201)
      t.match(await act(owner, held, 'adopt', { ifMatch: 2 }), { status: 200, body: { status: 'active' } })
    })

    await t.test('one that takes the place of such a grant waits for that, too', async (t) => {
      const later = await give({ approvedAt: minute(-5), notBefore: minute(-5), createdAt: minute(-6) })
      const next = await grant(test, a, ownerContact, developer, [one], { status: 'requested', approvedAt: null, supersedes: later })
      t.match(await refusedOf(t, test, () => act(owner, next, 'approve', { ifMatch: 1 })), { status: 409, body: { code: 'conflict' } })
    })

    await t.test('R1: what he gave before and let go on in that time: not in force until an owner adopts it', async (t) => {
      const letters = await account(test, 'Gamma Ltd')
      const name = await domain(test, letters, 'gamma.example')
      const gammaOwner = await contact(test, letters, owner, 'owner')
      await contact(test, letters, manager, 'manager')
      const gammaGiver = await contact(test, letters, giver, 'manager')
      const long = { approvedAt: minute(-90), notBefore: minute(-90), createdAt: minute(-91), actions: ['ticket.create'] }
      const actThere = (who: Person, id: string, verb: string, request: Request = {}) =>
        send(test, 'POST', `/v1/accounts/${letters.number}/grants/${id}/${verb}`, { token: who.token, ...request })
      const openAs = (who: Person) => {
        const ticket = { account: letters.number, domain: name.name, topic: 'other', subject: 'Broken', message: 'It broke.' }
        return send(test, 'POST', '/v1/tickets', { token: who.token, key: true, body: ticket })
      }
      const developers = await Promise.all(['Early', 'Late', 'Honest', 'Resumed'].map((first) => person(test, first)))
      const [early, late, honest, byManager] = developers as [Person, Person, Person, Person]
      const recent = { ...long, approvedAt: minute(0), notBefore: minute(0) }
      const resumed = [
        { who: early, by: giver, id: await grant(test, letters, gammaGiver, early, [name], long) },
        // Given in the wrong hands: that another lets it go on in good faith makes it no better.
        { who: late, by: manager, id: await grant(test, letters, gammaGiver, late, [name], recent) },
      ]
      const kept = [
        { who: honest, id: await grant(test, letters, gammaOwner, honest, [name], long) },
        { who: byManager, id: await grant(test, letters, gammaOwner, byManager, [name], long) },
      ]
      for (const { id } of [...resumed, kept[1] as (typeof kept)[number]]) t.equal((await actThere(owner, id, 'suspend')).status, 200)
      t.equal((await actThere(manager, (kept[1] as (typeof kept)[number]).id, 'resume', { ifMatch: 2 })).status, 200)
      for (const { id, who, by } of resumed) {
        t.equal((await openAs(who)).status, 403)
        const sent = await actThere(by, id, 'resume', { ifMatch: 2 })
        t.match(sent, { status: 200, body: { status: 'active', grantor: { user: { id: giver.id } } } }, sent.text)
        t.equal((await openAs(who)).status, 201)
      }
      test.clock.advance(1_000)
      t.equal((await suspend({ compromisedSince: minute(-1).toISOString() })).status, 200)
      t.equal((await send(test, 'POST', `/v1/users/${giver.id}/restore`, { token: admin.token })).status, 200)
      for (const { who } of resumed) t.match(await openAs(who), { status: 403, body: { reason: 'grant_suspended' } }, who.name)
      for (const { who } of kept) t.equal((await openAs(who)).status, 201, `R3: ${who.name}`)

      await test.jobs.drain('compromises')
      for (const { id } of resumed) t.match(await row(id), { status: 'suspended', suspensionCauses: ['staff'], version: 4 })
      for (const { id } of kept) t.match(await row(id), { status: 'active' })
      const [first, second] = resumed as [(typeof resumed)[number], (typeof resumed)[number]]
      t.match(await refusedOf(t, test, () => actThere(manager, first.id, 'adopt', { ifMatch: 4 })), { status: 409 })
      t.equal((await actThere(owner, first.id, 'suspend')).status, 200)
      t.match(
        await actThere(manager, first.id, 'resume', { ifMatch: 5 }),
        { status: 200, body: { status: 'suspended', suspensionCauses: ['staff'], grantor: { user: { id: giver.id } } } },
        'nor does letting it go on once more adopt it',
      )
      t.equal((await openAs(first.who)).status, 403)
      t.equal((await actThere(owner, first.id, 'adopt', { ifMatch: 6 })).status, 200)
      t.equal((await actThere(owner, second.id, 'adopt', { ifMatch: 4 })).status, 200)
      for (const { who } of resumed) t.equal((await openAs(who)).status, 201)
    })

    await t.test('what he grants after he is restored is his own', async (t) => {
      for (const { id } of await db
        .select({ id: grants.id })
        .from(grants)
        .where(and(eq(grants.accountId, a.id), eq(grants.status, 'active'))))
        await act(owner, id, 'revoke')
      test.clock.advance(1_000)
      await give({ approvedAt: minute(0), notBefore: minute(0), createdAt: minute(0) })
      test.clock.advance(1_000)
      t.equal((await open()).status, 201)
      t.match((await db.select().from(users).where(eq(users.id, giver.id)))[0], { status: 'active' })
      t.match((await db.select().from(contacts).where(eq(contacts.id, giverContact)))[0], { status: 'active' })
    })
  })
})
