/** Suspension is a set of causes, each lifted only by its own kind and never by time. */
import t from 'tap'
import { grantStatuses } from '../../src/vocabulary.ts'
import { send } from '../fixtures/app.ts'
import { contact, grant, panelSession } from '../fixtures/cast.ts'
import { eventsOf, refusedOf } from '../fixtures/ledger.ts'
import { setStage } from './stage.ts'

t.setTimeout(120_000)

t.test('suspending and resuming', async (t) => {
  const stage = await setStage(t)
  const { test, a, one, two, owner, manager, limited, technical, developer, admin, ownerContact, act, row, events, told } = stage
  await contact(test, a, developer, 'billing')
  const give = (rest = {}) => grant(test, a, ownerContact, developer, [one], rest)
  const body = { account: a.number, domain: one.name, topic: 'other', subject: 'Broken', message: 'It broke.' }
  const open = () => send(test, 'POST', '/v1/tickets', { token: developer.token, key: true, body })
  const reason = { body: { reason: 'Abuse report' } }

  await t.test('a contact suspends at once and lets it go on; U4: the other side and the grantor are told', async (t) => {
    const id = await give()
    t.match(await act(manager, id, 'suspend'), { status: 200, body: { status: 'suspended', suspensionCauses: ['account'], version: 2 } })
    t.match(await open(), { status: 403 })
    t.strictSame(await told(id), ['grant_suspended Dora', 'grant_suspended Olga'])
    t.match(await act(manager, id, 'suspend'), { status: 200, body: { version: 2 } }, 'repeating it is harmless')
    test.clock.advance(60_000)
    t.equal((await row(id)).status, 'suspended')
    t.match(await refusedOf(t, test, () => act(manager, id, 'resume')), { status: 428 })
    t.match(await refusedOf(t, test, () => act(manager, id, 'resume', { ifMatch: 1 })), { status: 412 }, 'K3')
    t.match(await act(manager, id, 'resume', { ifMatch: 2 }), { status: 200, body: { status: 'active', suspensionCauses: [], version: 3 } })
    t.equal((await open()).status, 201)
    t.strictSame(
      (await events(id)).filter((kind) => kind !== 'grant.refused'),
      ['grant.suspended', 'grant.resumed'],
    )
    t.strictSame(await told(id), ['grant_resumed Dora', 'grant_resumed Olga'])
    t.match(await row(id), { grantorContactId: ownerContact, grantedAt: null }, 'who lets it go on does not take its grantor’s place')
    t.match(await refusedOf(t, test, () => act(owner, id, 'resume', { ifMatch: 3 })), {
      status: 409,
      body: { code: 'invalid_transition', from: 'active', to: 'active', allowed: ['suspended', 'revoked', 'superseded'] },
    })
    await act(owner, id, 'revoke')
  })

  await t.test('staff suspend with a reason, the owners are told, and nobody else lifts it', async (t) => {
    const id = await give()
    t.match(await refusedOf(t, test, () => act(admin, id, 'suspend')), { status: 422, body: { errors: [{ pointer: '#/reason' }] } })
    t.match(await act(admin, id, 'suspend', reason), { status: 200, body: { suspensionCauses: ['staff'] } })
    t.strictSame(await told(id), ['grant_suspended Dora', 'grant_suspended Olga'])
    t.match((await eventsOf(test, a.id)).at(-1), {
      kind: 'grant.suspended',
      capacity: 'staff',
      value: { reason: 'Abuse report', causes: ['staff'] },
    })
    t.match(await refusedOf(t, test, () => act(owner, id, 'resume', { ifMatch: 2 })), {
      status: 409,
      body: { from: 'suspended', to: 'active', allowed: ['revoked', 'superseded'] },
    })
    t.match(await act(owner, id, 'suspend'), { status: 200, body: { suspensionCauses: ['staff', 'account'], version: 3 } })
    t.match(await act(admin, id, 'suspend', reason), { status: 200, body: { version: 3 } }, 'repeating it is harmless')
    t.match(await act(owner, id, 'resume', { ifMatch: 3 }), { status: 200, body: { status: 'suspended', suspensionCauses: ['staff'] } })
    t.match(await refusedOf(t, test, () => act(admin, id, 'resume', { ifMatch: 4 })), { status: 422 })
    const before = await row(id)
    t.match(await act(admin, id, 'resume', { ifMatch: 4, ...reason }), { status: 200, body: { status: 'active', suspensionCauses: [] } })
    const { grantorContactId, grantedAt } = before
    t.match(await row(id), { staffHeld: false, grantorContactId, grantedAt }, 'staff stand for nothing')
    await act(owner, id, 'revoke')
  })

  await t.test('what the grantor lost is not lifted so', async (t) => {
    const id = await give({ status: 'suspended', suspensionCauses: ['grantor_lost_authority'] })
    t.match(await refusedOf(t, test, () => act(owner, id, 'resume', { ifMatch: 1 })), { status: 409 })
    t.match(await refusedOf(t, test, () => act(admin, id, 'resume', { ifMatch: 1, ...reason })), { status: 409 })
    await act(owner, id, 'suspend')
    t.match(await act(manager, id, 'resume', { ifMatch: 2 }), {
      body: { status: 'suspended', suspensionCauses: ['grantor_lost_authority'] },
    })
    t.match(await row(id), { grantorContactId: ownerContact, grantedAt: null })
  })

  await t.test('A7: only by one who may manage grants of all its domains', async (t) => {
    const both = await grant(test, a, ownerContact, developer, [one, two])
    for (const who of [technical, limited, developer])
      t.match(await refusedOf(t, test, () => act(who, both, 'suspend')), { status: /403|404/ })
    const narrow = await give()
    t.match(await act(limited, narrow, 'suspend'), { status: 200 })
    t.match(await act(limited, narrow, 'resume', { ifMatch: 2 }), { status: 200 })
  })

  await t.test('A5: what the account suspended is not let go on by the developer, though he manages grants, too', async (t) => {
    const own = await grant(test, a, ownerContact, manager, [one])
    t.equal((await act(owner, own, 'suspend')).status, 200)
    for (const who of [manager, { ...manager, token: await panelSession(test, manager) }])
      t.match(await refusedOf(t, test, () => act(who, own, 'resume', { ifMatch: 2 })), { status: 409, body: { detail: /himself/ } })
    t.match(await row(own), { status: 'suspended', version: 2 })
    t.strictSame(await events(own), ['grant.suspended', 'grant.refused', 'grant.refused'], 'and the attempts are recorded')
    t.equal((await act(limited, own, 'resume', { ifMatch: 2 })).status, 200, 'another contact may')
  })

  await t.test('T3: in every other state it is refused, with what is allowed', async (t) => {
    for (const status of grantStatuses.filter((word) => word !== 'active' && word !== 'suspended')) {
      const running = status === 'requested' || status === 'invited'
      const id = await give({ status, endedAt: running ? null : new Date(test.clock.now()) })
      for (const [verb, to] of [
        ['suspend', 'suspended'],
        ['resume', 'active'],
      ] as const) {
        const refused = await refusedOf(t, test, () => act(owner, id, verb, { ifMatch: 1 }))
        t.match(refused, { status: 409, body: { code: 'invalid_transition', from: status, to } }, `${verb} of ${status}`)
      }
    }
    const over = await give({ expiresAt: new Date(test.clock.now() + 1) })
    t.match(await refusedOf(t, test, () => act(owner, over, 'suspend')), { status: 409, body: { from: 'expired', allowed: [] } })
  })
})
