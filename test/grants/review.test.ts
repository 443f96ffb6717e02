/** Looking after grants: what is found about them, that somebody looked, and everything of one person gone at once. */
import { eq } from 'drizzle-orm'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { compromises, contacts, grants, sessions } from '../../src/database/tables.ts'
import { send } from '../fixtures/app.ts'
import { account, contact, domain, grant, type Person, panelSession, person, request, tokenFor } from '../fixtures/cast.ts'
import { eventsOf, letters, refusedOf } from '../fixtures/ledger.ts'
import { setStage } from './stage.ts'

t.setTimeout(120_000)
const dayMs = 86_400_000

t.test('looking after grants', async (t) => {
  const stage = await setStage(t)
  const { test, a, one, two, owner, manager, limited, technical, developer, admin, ownerContact, row, act } = stage
  const { db, clock } = { ...test.context, clock: test.clock }
  const path = `/v1/accounts/${a.number}`
  await db
    .update(sessions)
    .set({ expiresAt: new Date(clock.now() + 1_000 * dayMs), authenticatedAt: new Date(clock.now() + 1_000 * dayMs) })
  const tokenOf = ({ id, session }: Person) => tokenFor(test, id, session)
  const review = async (who: Person = owner, query = '') =>
    send(test, 'GET', `${path}/grants/review${query}`, { token: await tokenOf(who) })
  const found = async (who: Person = owner, query = '') =>
    Object.fromEntries(
      (await review(who, query)).body.items.map((item: { grant: { id: string }; findings: string[] }) => [item.grant.id, item.findings]),
    )
  const open = async () => {
    const body = { account: a.number, domain: one.name, topic: 'other', subject: 'Broken', message: 'It broke.' }
    return send(test, 'POST', '/v1/tickets', { token: await tokenOf(developer), key: true, body })
  }

  await t.test('what is found, and when it was last used', async (t) => {
    const used = await grant(test, a, ownerContact, developer, [one], { expiresAt: new Date(clock.now() + 300 * dayMs) })
    const unused = await grant(test, a, ownerContact, await person(test, 'Ulla'), [two], { expiresAt: new Date(clock.now() + 300 * dayMs) })
    const ending = await grant(test, a, ownerContact, developer, [two], { expiresAt: new Date(clock.now() + 20 * dayMs) })
    const left = await grant(test, a, ownerContact, developer, [one, two], {
      status: 'suspended',
      suspensionCauses: ['grantor_lost_authority'],
      expiresAt: new Date(clock.now() + 300 * dayMs),
    })
    await grant(test, a, ownerContact, developer, [one], { status: 'revoked', endedAt: new Date(clock.now()) })
    const ticket = await open()
    t.match(ticket, { status: 201, body: { openedBy: { via: used } } })
    const shown = await send(test, 'GET', `${path}/grants/${used}`, { token: owner.token })
    t.match(shown.body, { lastUsedAt: ticket.body.createdAt, version: 1 }, 'use changes no version')
    t.equal(shown.headers['etag'], '"v1"')
    t.strictSame(await found(), { [unused]: ['never_used'], [ending]: ['never_used', 'expiring'], [left]: ['never_used', 'grantor_left'] })
    t.strictSame(Object.keys(await found(owner, '?finding=expiring')), [ending])
    t.strictSame(Object.keys(await found(limited)), [], 'S6: nothing outside the limit')
    t.strictSame(Object.keys(await found(technical)).length, 3)
    t.equal((await review(owner, '?finding=nonsense')).status, 422)
    const first = await review(owner, '?limit=2')
    const second = await review(owner, `?limit=2&cursor=${first.body.nextCursor}`)
    t.strictSame(
      [first.body.items.length, second.body.items.length, second.body.nextCursor],
      [2, 1, null],
      'S4: pages concatenate to the whole',
    )

    clock.advance(89 * dayMs)
    t.notOk((await found())[used], 'used less than 90 days ago')
    clock.advance(2 * dayMs)
    t.strictSame((await found())[used], ['unused_90_days'])
    t.strictSame((await found())[unused], ['never_used', 'unused_90_days'])
    t.notOk((await found())[ending], 'one whose time is over is nothing to look at')

    const confirmed = await send(test, 'POST', `${path}/grants/${unused}/confirm`, { token: await tokenOf(manager) })
    t.match(confirmed, { status: 200, body: { version: 1 } })
    t.ok(confirmed.body.reviewedAt)
    t.match(await row(unused), { reviewedBy: manager.id, version: 1 })
    t.match((await eventsOf(test, a.id)).at(-1), { kind: 'grant.reviewed', actor: manager.id, resourceId: unused })
    t.notOk((await found())[unused], 'silenced for 90 days')
    clock.advance(91 * dayMs)
    t.strictSame((await found())[unused], ['never_used', 'unused_90_days'])
    const token = await tokenOf(owner)
    t.match(await refusedOf(t, test, () => send(test, 'POST', `${path}/grants/${ending}/confirm`, { token })), {
      status: 409,
      body: { from: 'expired' },
    })
    await db
      .update(contacts)
      .set({ status: 'ended', endedAt: new Date(clock.now()) })
      .where(eq(contacts.id, stage.managerContact))
    for (const id of [used, unused, left]) await act({ ...owner, token }, id, 'revoke')
  })

  await t.test('A5: nobody lets his own be, though he manages grants, too', async (t) => {
    const own = await grant(test, a, ownerContact, limited, [one])
    t.strictSame((await found())[own], ['never_used', 'expiring'])
    const confirm = (token: string) => send(test, 'POST', `${path}/grants/${own}/confirm`, { token })
    for (const token of [await tokenOf(limited), await panelSession(test, limited)])
      t.match(await refusedOf(t, test, () => confirm(token)), { status: 409, body: { code: 'conflict', detail: /himself/ } })
    t.match(await row(own), { reviewedAt: null, reviewedBy: null })
    t.strictSame((await found())[own], ['never_used', 'expiring'], 'and it is to be looked at as before')
    const attempts = (await eventsOf(test, a.id)).filter(({ resourceId }) => resourceId === own)
    t.match(attempts, [
      { kind: 'grant.refused', actor: limited.id, reason: 'conflict' },
      { kind: 'grant.refused', actor: limited.id, reason: 'conflict' },
    ])
    t.equal((await confirm(await tokenOf(owner))).status, 200, 'another contact may')
    await act({ ...owner, token: await tokenOf(owner) }, own, 'revoke')
  })

  await t.test('what somebody let be who was in other hands is looked at all the same', async (t) => {
    const id = await grant(test, a, ownerContact, await person(test, 'Uwe'), [one])
    t.equal((await send(test, 'POST', `${path}/grants/${id}/confirm`, { token: await tokenOf(limited) })).status, 200)
    t.strictSame((await found())[id], ['expiring'])
    const at = (offset: number) => new Date(clock.now() + offset)
    const stated = { userId: limited.id, id: uuid(), since: at(1), until: at(2) }
    await db.insert(compromises).values(stated)
    t.strictSame((await found())[id], ['expiring'], 'before, he was himself')
    await db.update(compromises).set({ since: at(-60_000) })
    t.strictSame((await found())[id], ['never_used', 'expiring'])
    await db.delete(compromises)
    await act({ ...owner, token: await tokenOf(owner) }, id, 'revoke')
  })

  await t.test('this person, everywhere: R3 and R4', async (t) => {
    const token = await tokenOf(owner)
    const gone = await person(test, 'Gero')
    const other = await person(test, 'Otto')
    const everything = async (on = a, by = ownerContact, where = one) => ({
      active: await grant(test, on, by, gone, [where]),
      suspended: await grant(test, on, by, gone, [where], { status: 'suspended', suspensionCauses: ['account'] }),
      asked: await request(test, on, gone, [where]),
      offered: await grant(test, on, by, gone, [where], {
        status: 'invited',
        granteeUserId: null,
        approvedAt: null,
        createdAt: new Date(clock.now()),
      }),
    })
    const his = await everything()
    const outside = await grant(test, a, ownerContact, gone, [two])
    const others = await grant(test, a, ownerContact, other, [one])
    const invited = (await send(test, 'POST', `${path}/contacts`, { token, body: { address: gone.address, role: 'owner' } })).body.id
    const revoke = async (who: Person, user = gone.id, body = {}) =>
      send(test, 'POST', `${path}/grantees/${user}/revoke`, { token: await tokenOf(who), body })
    t.match(await revoke(owner, uuid()), { status: 200, body: { grants: [], invitations: [] } }, 'C5: nobody is known')
    t.match(await revoke(owner, 'nonsense'), { status: 200, body: { grants: [], invitations: [] } })
    t.match(await refusedOf(t, test, () => revoke(technical)), { status: 403 })
    const within = await revoke(limited)
    t.strictSame(
      [within.status, new Set(within.body.grants), within.body.invitations],
      [200, new Set(Object.values(his)), []],
      'A7: within the limit, and no contact',
    )
    t.match(await row(outside), { status: 'active', version: 1 })
    t.strictSame(
      [(await row(his.active)).status, (await row(his.suspended)).status, (await row(his.asked)).status, (await row(his.offered)).status],
      ['revoked', 'revoked', 'declined', 'cancelled'],
    )
    t.match((await revoke(owner)).body, { grants: [outside], invitations: [invited] })
    t.match((await revoke(owner)).body, { grants: [], invitations: [] }, 'repeating it is harmless')
    t.equal((await eventsOf(test, a.id)).filter(({ kind, resourceId }) => resourceId === outside && kind === 'grant.revoked').length, 1)
    t.match(await row(others), { status: 'active', version: 1 })

    const b = await account(test, 'Gamma Ltd')
    const theirs = await contact(test, b, other, 'owner')
    const there = await everything(b, theirs, await domain(test, b, 'gamma.example'))
    const again = await everything()
    const url = `/v1/users/${gone.id}/grants/revoke`
    const staffToken = await tokenOf(admin)
    t.match(await refusedOf(t, test, () => send(test, 'POST', url, { token: staffToken, body: {} })), {
      status: 422,
      body: { errors: [{ pointer: '#/reason' }] },
    })
    t.match(await refusedOf(t, test, () => revoke(admin)), { status: 422 })
    const everywhere = await send(test, 'POST', url, { token: staffToken, body: { reason: 'Abuse report' } })
    t.strictSame([everywhere.status, new Set(everywhere.body.grants)], [200, new Set([...Object.values(there), ...Object.values(again)])])
    t.match(
      (await eventsOf(test, b.id)).find(({ kind }) => kind === 'grant.revoked'),
      { capacity: 'staff', value: { reason: 'Abuse report' } },
    )
    t.ok(
      (await letters(test)).some(({ kind, account: on, recipient }) => kind === 'grant_revoked' && on === b.id && recipient === other.id),
      'the owners are told',
    )
    t.match((await revoke(admin, gone.id, { reason: 'Abuse report' })).body, { grants: [], invitations: [] })
    const left = await db.select().from(grants).where(eq(grants.granteeUserId, gone.id))
    t.ok(left.every(({ endedAt }) => endedAt !== null))
  })

  await t.test(
    'R8: after the end he can no longer read, list, search, reply to, or be told of what he opened; the account keeps it',
    async (t) => {
      const token = await tokenOf(owner)
      for (const how of ['revoke', 'suspend', 'expire'] as const) {
        const id = await grant(test, a, ownerContact, developer, [one], {
          actions: ['ticket.create', 'ticket.read', 'ticket.reply', 'ticket.close'],
        })
        const ticket = (await open()).body
        const url = `/v1/tickets/${ticket.id}`
        const his = await tokenOf(developer)
        t.equal((await send(test, 'GET', url, { token: his })).status, 200)
        if (how === 'expire')
          await db
            .update(grants)
            .set({ expiresAt: new Date(clock.now() - 1) })
            .where(eq(grants.id, id))
        else await act({ ...owner, token }, id, how)
        t.equal((await send(test, 'GET', url, { token: his })).status, 404, `${how}: read`)
        t.equal((await send(test, 'GET', `${url}/messages`, { token: his })).status, 404)
        t.equal((await send(test, 'POST', `${url}/messages`, { token: his, body: { body: 'More.' } })).status, 404, 'reply')
        t.equal((await send(test, 'POST', `${url}/close`, { token: his, ifMatch: 1 })).status, 404)
        t.strictSame((await send(test, 'GET', '/v1/tickets', { token: his })).body.items, [], 'list')
        t.strictSame((await send(test, 'GET', `/v1/tickets?account=${a.number}`, { token: his })).body.items ?? [], [], 'search')
        t.equal((await send(test, 'GET', url, { token })).status, 200, 'the account keeps it')
        if (how === 'suspend') await act({ ...owner, token }, id, 'revoke')
      }
    },
  )
})
