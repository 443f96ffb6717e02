/** Acts on many grants under one `Idempotency-Key`: each is done once, and a repetition tells all of it, whatever came between. */
import { and, eq, like } from 'drizzle-orm'
import t from 'tap'
import { contactDomains, contacts, grants, idempotencyKeys, sessions } from '../../src/database/tables.ts'
import { type Sent, send } from '../fixtures/app.ts'
import { account, contact, domain, grant, type Person, person, tokenFor } from '../fixtures/cast.ts'
import { eventsOf, refusedOf } from '../fixtures/ledger.ts'
import { setStage } from './stage.ts'

t.setTimeout(120_000)

const isReplay = ({ headers }: Sent): boolean => headers['idempotency-replayed'] === 'true'

t.test('many grants under one key', async (t) => {
  const stage = await setStage(t)
  const { test, a, one, two, owner, manager, limited, developer, admin, ownerContact, row } = stage
  const { db } = test.context
  const path = `/v1/accounts/${a.number}`
  const give = (on = [one]) => grant(test, a, ownerContact, developer, on)
  const adopt = (who: Person, key: string, wanted: { id: string; version: number }[]) =>
    send(test, 'POST', `${path}/grants/adopt`, { token: who.token, key, body: { grants: wanted } })
  const first = (...ids: string[]) => ids.map((id) => ({ id, version: 1 }))
  const count = async (kind: string, ids: string[]) =>
    (await eventsOf(test, a.id)).filter((event) => event.kind === kind && ids.includes(String(event.resourceId))).length
  /** As if the process had died before it could store the whole. */
  const crash = (key: string) => db.delete(idempotencyKeys).where(eq(idempotencyKeys.key, key))

  await t.test('the same request is answered alike, and adopts once', async (t) => {
    const ids = [await give(), await give([two])]
    const sent = await adopt(manager, 'adopt-1', first(...ids))
    t.match(sent, { status: 200, body: { items: [{ grant: { version: 2 } }, { grant: { version: 2 } }] } })
    t.notOk(isReplay(sent))
    const written = await eventsOf(test, a.id)
    const again = await adopt(manager, 'adopt-1', first(...ids))
    t.strictSame([again.status, again.text, isReplay(again)], [200, sent.text, true])
    t.strictSame(await eventsOf(test, a.id), written, 'and nothing was written')
    t.match((await adopt(manager, 'adopt-2', first(...ids))).body, {
      items: [{ problem: { code: 'precondition_failed' } }, { problem: { code: 'precondition_failed' } }],
    })
    t.match(
      (await adopt(owner, 'adopt-1', [{ id: ids[0] as string, version: 2 }])).body,
      { items: [{ grant: { version: 3 } }] },
      'his own key',
    )
  })

  await t.test('what came of nothing, or told only of trouble, is for who may still see it', async (t) => {
    const [near, far] = [await give(), await give([two])]
    t.equal((await send(test, 'POST', `${path}/grants/${far}/revoke`, { token: owner.token, body: {} })).status, 200)
    const helper = await person(test, 'Hal Helper')
    const helping = await contact(test, a, helper, 'manager')
    const wanted = [...first(near), { id: far, version: 2 }]
    const trouble = await adopt(helper, 'trouble', wanted)
    t.match(trouble.body, { items: [{ problem: null }, { problem: { code: 'invalid_transition' } }] })
    const revoke = (key: string) => send(test, 'POST', `${path}/grantees/${owner.id}/revoke`, { token: helper.token, key, body: {} })
    t.match(await revoke('nothing'), { status: 200, body: { grants: [], invitations: [] } })
    const late = [{ id: near, version: 9 }]
    t.match((await adopt(helper, 'late', late)).body, { items: [{ problem: { code: 'precondition_failed' } }] })
    for (const again of [await adopt(helper, 'trouble', wanted), await revoke('nothing'), await adopt(helper, 'late', late)])
      t.ok(isReplay(again))

    const limit = { contactId: helping, accountId: a.id, domainId: one.id }
    await db.update(contacts).set({ limited: true }).where(eq(contacts.id, helping))
    await db.insert(contactDomains).values(limit)
    t.equal((await adopt(helper, 'trouble', wanted)).status, 404, 'one of them lies beyond his limit now')
    t.ok(isReplay(await adopt(helper, 'late', late)))

    // He keeps a tie to the account, and sees nothing of its grants any more.
    await grant(test, a, ownerContact, helper, [one])
    await db
      .update(contacts)
      .set({ status: 'ended', endedAt: new Date(test.clock.now()) })
      .where(eq(contacts.id, helping))
    for (const again of [await adopt(helper, 'trouble', wanted), await revoke('nothing'), await adopt(helper, 'late', late)])
      t.match(again, { status: 404, body: { code: 'not_found' } })
  })

  await t.test('the key of another request changes nothing, also when that one was never finished', async (t) => {
    const ids = [await give(), await give()]
    t.equal((await adopt(manager, 'reused', first(ids[0] as string))).status, 200)
    const reused = { status: 422, body: { code: 'idempotency_key_reused' } }
    t.match(await refusedOf(t, test, () => adopt(manager, 'reused', first(...ids))), reused)
    await crash('reused')
    t.match(await refusedOf(t, test, () => adopt(manager, 'reused', first(ids[1] as string))), reused)
    t.equal((await row(ids[1] as string)).version, 1)
  })

  await t.test('after a crash in between, what is left is done and all of it told', async (t) => {
    const [done, left] = [await give(), await give()]
    const wanted = [
      { id: done, version: 1 },
      { id: left, version: 7 },
    ]
    const sent = await adopt(manager, 'crashed', wanted)
    t.match(sent.body, { items: [{ grant: { version: 2 } }, { problem: { code: 'precondition_failed' } }] })
    await crash('crashed')
    await db.update(grants).set({ version: 7 }).where(eq(grants.id, left))
    const again = await adopt(manager, 'crashed', wanted)
    t.strictSame([again.status, again.body.items[0]], [200, sent.body.items[0]])
    t.match(again.body.items[1], { id: left, grant: { version: 8 }, problem: null })
    t.equal(await count('grant.adopted', [done, left]), 2, 'one event each')
    t.strictSame((await adopt(manager, 'crashed', wanted)).text, again.text)
  })

  await t.test('of twins at once each is told the same, and each grant is adopted once', async (t) => {
    const ids = [await give(), await give(), await give()]
    const twins = await Promise.all(Array.from({ length: 4 }, () => adopt(manager, 'twins', first(...ids))))
    t.equal(new Set(twins.map(({ status, text }) => `${status} ${text}`)).size, 1)
    t.match(twins[0]?.body, { items: ids.map((id) => ({ id, grant: { version: 2 } })) })
    t.equal(await count('grant.adopted', ids), 3)
  })

  await t.test('told again only to one who may still read every one of them', async (t) => {
    const [id, other] = [await give(), await give([two])]
    t.equal((await adopt(limited, 'limited', first(id))).status, 200)
    t.ok(isReplay(await adopt(limited, 'limited', first(id))), 'within his limit')
    const wanted = [
      { id, version: 2 },
      { id: other, version: 1 },
    ]
    t.match((await adopt(manager, 'lost', wanted)).body, { items: [{ grant: { version: 3 } }, { grant: { version: 2 } }] })
    const limit = (domains: unknown, ifMatch: number) =>
      send(test, 'PATCH', `${path}/contacts/${stage.managerContact}`, { token: owner.token, ifMatch, body: { domains } })
    t.equal((await limit([one.id], 1)).status, 200)
    t.equal((await adopt(manager, 'lost', wanted)).status, 404)
    t.equal((await limit('all', 2)).status, 200)
    t.ok(isReplay(await adopt(manager, 'lost', wanted)))
  })

  await t.test('a limited contact who revokes a person is told again what he has ended', async (t) => {
    const gone = await person(test, 'Gero Gone')
    const id = await grant(test, a, ownerContact, gone, [one])
    const revoke = () => send(test, 'POST', `${path}/grantees/${gone.id}/revoke`, { token: limited.token, key: 'gone', body: {} })
    const sent = await revoke()
    t.match(sent, { status: 200, body: { grants: [id], invitations: [] } })
    const again = await revoke()
    t.strictSame([again.status, again.text, isReplay(again)], [200, sent.text, true])
  })

  await t.test('staff revoke a person everywhere, once, and are told all of it', async (t) => {
    const gone = await person(test, 'Gila Gone')
    const everywhere = async () => {
      const b = await account(test, 'Beta Ltd')
      const owning = await contact(test, b, await person(test, 'Some Owner'), 'owner')
      return grant(test, b, owning, gone, [await domain(test, b, `b-${b.number.toLowerCase()}.example`)])
    }
    const ids = [await everywhere(), await everywhere(), await grant(test, a, ownerContact, gone, [one])]
    const revoke = (key: string, reason = 'Abuse report') =>
      send(test, 'POST', `/v1/users/${gone.id}/grants/revoke`, { token: admin.token, key, body: { reason } })
    const sent = await revoke('everywhere')
    t.strictSame([sent.status, sent.body.grants.toSorted()], [200, ids.toSorted()])
    const again = await revoke('everywhere')
    t.strictSame([again.status, again.text, isReplay(again)], [200, sent.text, true])
    const reused = { status: 422, body: { code: 'idempotency_key_reused' } }
    t.match(await refusedOf(t, test, () => revoke('everywhere', 'Another reason')), reused)

    await crash('everywhere')
    t.match(await refusedOf(t, test, () => revoke('everywhere', 'Another reason')), reused, 'nor of one that was never finished')
    const later = await everywhere()
    const rest = await revoke('everywhere')
    t.strictSame([rest.status, rest.body.grants.toSorted(), isReplay(rest)], [200, [...ids, later].toSorted(), false])
    const ended = await db.select().from(grants).where(eq(grants.granteeUserId, gone.id))
    t.ok(
      ended.every(({ status, version }) => status === 'revoked' && version === 2),
      'each once',
    )

    const parts = and(eq(idempotencyKeys.principalId, admin.id), like(idempotencyKeys.key, 'everywhere %'))
    t.equal((await db.select().from(idempotencyKeys).where(parts)).length, 4)
    test.clock.advance(24 * 3_600_000)
    await db.update(sessions).set({ authenticatedAt: new Date(test.clock.now()), expiresAt: new Date(test.clock.now() + 3_600_000) })
    admin.token = await tokenFor(test, admin.id, admin.session)
    const nextDay = await revoke('everywhere')
    t.strictSame([nextDay.status, nextDay.body.grants, isReplay(nextDay)], [200, [], false], 'what is kept is kept for a day')
  })
})
