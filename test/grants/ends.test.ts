/** T3 of docs/authority.md for the account's side: every step in every state, and what has ended stays so. */
import t from 'tap'
import { type GrantStatus, grantStatuses, terminalGrantStatuses } from '../../src/vocabulary.ts'
import { grant, request } from '../fixtures/cast.ts'
import { refusedOf } from '../fixtures/ledger.ts'
import { setStage } from './stage.ts'

/** By hand: what each act makes of a grant in each state; a state that is not named is refused. */
const outcome: Record<string, Partial<Record<GrantStatus, GrantStatus>>> = {
  approve: { requested: 'active' },
  decline: { requested: 'declined', declined: 'declined' },
  cancel: { invited: 'cancelled', cancelled: 'cancelled' },
  narrow: { active: 'active', suspended: 'suspended' },
  revoke: {
    requested: 'declined',
    invited: 'cancelled',
    active: 'revoked',
    suspended: 'revoked',
    revoked: 'revoked',
    declined: 'declined',
    cancelled: 'cancelled',
  },
}
const target: Record<string, GrantStatus> = {
  approve: 'active',
  decline: 'declined',
  cancel: 'cancelled',
  narrow: 'active',
  revoke: 'revoked',
}
const allowed: Partial<Record<GrantStatus, GrantStatus[]>> = {
  requested: ['active', 'declined'],
  invited: ['cancelled'],
  active: ['suspended', 'revoked', 'superseded'],
  suspended: ['active', 'revoked', 'superseded'],
}

t.setTimeout(180_000)

t.test('T3: what an account does with a grant', async (t) => {
  const stage = await setStage(t)
  const { test, a, one, owner, manager, technical, developer, act, row, told } = stage
  const inStatus = (status: GrantStatus) => {
    const ended = (terminalGrantStatuses as readonly string[]).includes(status) ? new Date(test.clock.now()) : null
    const causes = status === 'suspended' ? ['account'] : []
    if (status === 'requested') return request(test, a, developer, [one])
    const approvedAt = ['invited', 'declined', 'cancelled', 'lapsed'].includes(status) ? null : new Date(test.clock.now())
    return grant(test, a, stage.ownerContact, developer, [one], { status, endedAt: ended, suspensionCauses: causes, approvedAt })
  }

  for (const [verb, becomes] of Object.entries(outcome)) {
    await t.test(`${verb}, in every state`, async (t) => {
      for (const status of grantStatuses) {
        const id = await inStatus(status)
        const needsVersion = verb === 'approve' || verb === 'narrow'
        const send = () => act(owner, id, verb, needsVersion ? { ifMatch: 1 } : {})
        const next = becomes[status]
        if (next === undefined) {
          const refused = await refusedOf(t, test, send)
          t.match(refused, { status: 409, body: { code: 'invalid_transition', from: status, to: target[verb] } }, `${verb} ${status}`)
          t.strictSame(refused.body.allowed, allowed[status] ?? [])
          t.strictSame(await stage.events(id), ['grant.refused'], 'and the attempt is recorded')
          continue
        }
        const reply = await send()
        t.match(reply, { status: 200, body: { status: next } }, `${verb} ${status}: ${next}`)
        const events = await stage.events(id)
        t.strictSame(events, next === status ? [] : [verb === 'approve' ? 'grant.approved' : `grant.${next}`])
        if (needsVersion) continue
        t.strictSame((await send()).body, reply.body, 'repeated, it answers the same')
        t.strictSame(await stage.events(id), events, 'and is one event')
        t.equal((await row(id)).status, next)
      }
    })
  }

  await t.test('a developer whose request is declined is told nothing, the others who were asked are', async (t) => {
    const id = await request(test, a, developer, [one])
    await told(id)
    await act(manager, id, 'decline')
    t.strictSame(await told(id), ['grant_declined Lena', 'grant_declined Olga'])
  })

  await t.test('of an offer that is withdrawn the contact who stands for it is told', async (t) => {
    const id = await grant(test, a, stage.ownerContact, developer, [one], { status: 'invited', granteeUserId: null, approvedAt: null })
    await act(manager, id, 'cancel')
    t.strictSame(await told(id), ['grant_cancelled Olga'])
  })

  await t.test('an end by time is an end, recorded or not', async (t) => {
    const over = await grant(test, a, stage.ownerContact, developer, [one], { expiresAt: new Date(test.clock.now()) })
    t.match(await act(owner, over, 'revoke'), { status: 409, body: { from: 'expired', to: 'revoked', allowed: [] } })
    t.match(await row(over), { status: 'active', version: 1 }, 'and nothing was written')
  })

  await t.test('who may not, cannot', async (t) => {
    for (const verb of ['decline', 'cancel']) {
      const id = await inStatus(verb === 'decline' ? 'requested' : 'invited')
      t.equal((await refusedOf(t, test, () => act(technical, id, verb))).status, 403)
      t.equal((await refusedOf(t, test, () => act(developer, id, verb))).status, 404)
    }
  })
})
