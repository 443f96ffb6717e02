import t from 'tap'
import { send } from '../fixtures/app.ts'
import { grant, person } from '../fixtures/cast.ts'
import { eventsOf, refusedOf } from '../fixtures/ledger.ts'
import { setStage } from './stage.ts'

const dayMs = 86_400_000

t.test('narrowing a grant', async (t) => {
  const stage = await setStage(t)
  const { test, a, one, two, owner, manager, technical, developer, admin, act, row, told } = stage
  const wide = { actions: ['ticket.create', 'ticket.read'], topics: ['website', 'other'], reach: 'domain', maxUses: 5 } as const
  const give = (rest: object = {}) =>
    grant(test, a, stage.ownerContact, developer, [one, two], { ...wide, actions: [...wide.actions], topics: [...wide.topics], ...rest })
  const narrow = (id: string, body?: object, ifMatch = 1, who = manager) => act(who, id, 'narrow', { ifMatch, body })
  const open = (name: string, who = developer) => {
    const body = { account: a.number, domain: name, topic: 'other', subject: 'Broken', message: 'It broke.' }
    return send(test, 'POST', '/v1/tickets', { token: who.token, key: true, body })
  }

  await t.test('what is taken is gone at once, and both sides are told (R1)', async (t) => {
    const id = await give()
    t.equal((await open('alpha-two.example')).status, 201)
    const less = {
      domains: ['alpha.example'],
      topics: ['other'],
      reach: 'own',
      maxUses: 3,
      expiresAt: new Date(test.clock.now() + dayMs).toISOString(),
    }
    const reply = await narrow(id, less)
    t.match(reply, { status: 200, headers: { etag: '"v2"' }, body: { ...less, domains: [{ id: one.id }], status: 'active', version: 2 } })
    t.match(await open('alpha-two.example'), { status: 403, body: { reason: 'domain_not_in_grant' } })
    t.equal((await open('alpha.example')).status, 201)
    t.strictSame(await told(id), ['grant_narrowed Dora', 'grant_narrowed Olga'])
    const event = (await eventsOf(test, a.id)).find(({ kind }) => kind === 'grant.narrowed')
    t.match(event, { resourceId: id, capacity: 'contact', via: stage.managerContact, audience: 'account' })
    t.strictSame(event?.changed, ['domains', 'topics', 'reach', 'maxUses', 'expiresAt'])
  })

  await t.test('what was the same before changes nothing', async (t) => {
    const id = await give()
    t.match(await narrow(id, { actions: ['ticket.read', 'ticket.create'], reach: 'domain' }), { status: 200, body: { version: 1 } })
    t.match(await narrow(id), { status: 200, body: { version: 1 } })
    t.strictSame([await stage.events(id), await told(id)], [[], []])
  })

  await t.test('a number of uses can be set where there was none, but not below what is used', async (t) => {
    const another = await person(test, 'Dan')
    const id = await give({ maxUses: null, topics: null, uses: 2, granteeUserId: another.id })
    t.match(await refusedOf(t, test, () => narrow(id, { maxUses: 1 })), {
      status: 422,
      body: { errors: [{ pointer: '#/maxUses', code: 'too_few' }] },
    })
    t.match(await narrow(id, { maxUses: 2, topics: ['website'] }), { status: 200, body: { maxUses: 2, topics: ['website'] } })
    t.match(await open('alpha.example', another), { status: 403, body: { reason: 'grant_exhausted' } })
  })

  await t.test('more is refused and recorded', async (t) => {
    const id = await give()
    const refused = await refusedOf(t, test, () => narrow(id, { actions: ['ticket.close'], maxUses: 9 }))
    t.match(refused, {
      status: 422,
      body: {
        errors: [
          { pointer: '#/actions', code: 'wider' },
          { pointer: '#/maxUses', code: 'wider' },
        ],
      },
    })
    const event = (await eventsOf(test, a.id)).findLast(({ kind }) => kind === 'grant.refused')
    t.match(event, {
      resourceId: id,
      actor: manager.id,
      reason: 'validation_error',
      value: { errors: [{ pointer: '#/actions', code: 'wider' }, {}] },
    })
  })

  await t.test('only by who manages grants, on the version he saw (K3)', async (t) => {
    const id = await give()
    const less = { actions: ['ticket.read'] }
    t.match(await refusedOf(t, test, () => narrow(id, less, 2)), { status: 412, body: { currentEtag: '"v1"' } })
    t.equal((await refusedOf(t, test, () => act(owner, id, 'narrow', { body: less }))).status, 428)
    for (const who of [technical, admin]) t.equal((await refusedOf(t, test, () => narrow(id, less, 1, who))).status, 403)
    t.equal((await refusedOf(t, test, () => narrow(id, less, 1, developer))).status, 404)
  })

  await t.test('also one that is suspended, which it stays', async (t) => {
    const id = await give({ status: 'suspended', suspensionCauses: ['account'] })
    t.match(await narrow(id, { actions: ['ticket.read'] }), { status: 200, body: { status: 'suspended', actions: ['ticket.read'] } })
  })

  await t.test('not one that is not in force', async (t) => {
    for (const status of ['requested', 'invited'] as const) {
      const id = await give({ status, approvedAt: null })
      t.match(await narrow(id, { actions: ['ticket.read'] }), { status: 409, body: { from: status, to: 'active' } })
    }
    const over = await give({ expiresAt: new Date(test.clock.now() + 1_000) })
    test.clock.advance(1_000)
    t.match(await narrow(over, { actions: ['ticket.read'] }), { status: 409, body: { from: 'expired', allowed: [] } })
    test.clock.set(0)
    t.match(await row(over), { status: 'active', version: 1 }, 'and nothing was written')
  })
})
