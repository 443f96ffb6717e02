import { eq } from 'drizzle-orm'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { accounts, domainNames, domains, grantDomains, grants, journalEvents } from '../../src/database/tables.ts'
import { send } from '../fixtures/app.ts'
import { domain, panelSession, request, tokenFor } from '../fixtures/cast.ts'
import { refusedOf } from '../fixtures/ledger.ts'
import { setStage } from './stage.ts'

const dayMs = 86_400_000
t.setTimeout(180_000)

t.test('approving a request', async (t) => {
  const stage = await setStage(t)
  const { test, a, one, two, owner, manager, limited, technical, developer, admin, act, row, told } = stage
  const ask = (rest: object = {}, on = [one, two]) => request(test, a, developer, on, { reach: 'domain', maxUses: 5, ...rest })
  const approve = (who: typeof owner, id: string, body?: object, ifMatch = 1) => act(who, id, 'approve', { ifMatch, body })
  const open = (name: string) => {
    const body = { account: a.number, domain: name, topic: 'other', subject: 'Broken', message: 'It broke.' }
    return send(test, 'POST', '/v1/tickets', { token: developer.token, key: true, body })
  }

  const newDomain = () => domain(test, a, `more-${uuid()}.example`)

  await t.test('what is asked for makes no tie and permits nothing', async (t) => {
    const id = await ask()
    t.match(await open('alpha.example'), { status: 403, body: { reason: undefined } })
    t.equal((await send(test, 'GET', `/v1/accounts/${a.number}/grants/${id}`, { token: developer.token })).status, 404)
    t.strictSame((await send(test, 'GET', '/v1/me/authority', { token: developer.token })).body.accounts, [])
  })

  await t.test('gives exactly what was shown, with the approver as grantor, from now', async (t) => {
    const id = await ask()
    const before = await row(id)
    const approved = await approve(manager, id)
    t.match(approved, {
      status: 200,
      headers: { etag: '"v2"' },
      body: {
        status: 'active',
        grantor: { contact: stage.managerContact, user: { id: manager.id } },
        grantee: { user: { id: developer.id } },
        actions: before.actions,
        reach: 'domain',
        maxUses: 5,
        supersedes: null,
        expiresAt: before.expiresAt.toISOString(),
      },
    })
    const after = await row(id)
    t.strictSame(after.notBefore, after.approvedAt, 'not from when it was asked for')
    t.equal((await open('alpha-two.example')).status, 201)
    t.strictSame(await stage.events(id), ['grant.approved'])
    t.strictSame(await told(id), ['grant_approved Dora', 'grant_approved Olga'], 'and those who were asked too')
    t.match(await approve(manager, id, {}, 2), {
      status: 409,
      body: { code: 'invalid_transition', from: 'active', to: 'active', allowed: ['suspended', 'revoked', 'superseded'] },
    })
  })

  await t.test('or less of it, never more (A6)', async (t) => {
    const id = await ask({ topics: ['website', 'other'] })
    const { createdAt, expiresAt } = await row(id)
    const less = {
      domains: ['ALPHA.example'],
      actions: ['ticket.read'],
      topics: ['website'],
      reach: 'own',
      maxUses: 1,
      expiresAt: new Date(expiresAt.getTime() - dayMs).toISOString(),
    }
    const more = {
      domains: [[one.id, (await newDomain()).id]],
      actions: [['ticket.close']],
      topics: [['email-delivery']],
      maxUses: [6],
      expiresAt: [new Date(expiresAt.getTime() + 1).toISOString(), new Date(createdAt.getTime() + 400 * dayMs).toISOString()],
    }
    for (const [member, values] of Object.entries(more)) {
      for (const value of values) {
        const refused = await refusedOf(t, test, () => approve(owner, id, { ...less, [member]: value }))
        t.match(refused, { status: 422, body: { errors: [{ pointer: `#/${member}`, code: 'wider' }] } }, member)
      }
    }
    const narrow = await ask()
    await test.context.db.update(grants).set({ reach: 'own' }).where(eq(grants.id, narrow))
    t.match(await approve(owner, narrow, { reach: 'domain' }), { status: 422, body: { errors: [{ pointer: '#/reach', code: 'wider' }] } })
    t.match(await approve(owner, id, { expiresAt: '2020-01-01T00:00:00Z' }), { status: 422, body: { errors: [{ code: 'too_early' }] } })
    t.match(await approve(owner, id, { expiresAt: '2030-12-31T23:59:60Z' }), { status: 422, body: { errors: [{ code: 'format' }] } })
    t.match(await approve(owner, id, { domains: ['not a name'] }), { status: 422, body: { errors: [{ pointer: '#/domains/0' }] } })
    t.match(await approve(owner, id, less), {
      status: 200,
      body: { ...less, status: 'active', domains: [{ id: one.id }], version: 3, expiresAt: less.expiresAt },
    })
    const links = await test.context.db.select().from(grantDomains).where(eq(grantDomains.grantId, id))
    t.strictSame(
      links.map(({ domainId }) => domainId),
      [one.id],
    )
  })

  await t.test('never to oneself, through whatever client or session (A5)', async (t) => {
    const id = await request(test, a, manager, [one])
    const other = { ...manager, token: await panelSession(test, manager) }
    for (const who of [manager, other]) {
      t.match(await refusedOf(t, test, () => approve(who, id)), { status: 409, body: { code: 'conflict', detail: /himself/ } })
    }
    const refusals = await test.context.db.select().from(journalEvents).where(eq(journalEvents.resourceId, id))
    t.match(
      refusals,
      [{ kind: 'grant.refused', reason: 'conflict', actorUserId: manager.id, audience: 'account' }, {}],
      'and the attempt is recorded',
    )
    t.equal((await approve(owner, id)).status, 200, 'another contact may')
  })

  await t.test('only by a contact who holds grant.manage on all its domains, freshly signed in, on what he saw', async (t) => {
    const id = await ask()
    const refused = async (who: typeof owner, expected: object, ifMatch = 1) =>
      t.match(await refusedOf(t, test, () => approve(who, id, undefined, ifMatch)), expected)
    await refused(technical, { status: 403, body: { reason: 'action_not_in_role' } })
    await refused(limited, { status: 404 })
    await refused(developer, { status: 404 })
    await refused(admin, { status: 403 })
    await refused(
      { ...owner, token: await tokenFor(test, owner.id, owner.session, 3_600) },
      { status: 401, body: { code: 'step_up_required' } },
    )
    await refused(owner, { status: 412, body: { currentEtag: '"v1"' } }, 7)
    t.equal((await act(owner, id, 'approve')).status, 428)
    const within = await ask({}, [one])
    t.match(await approve(limited, within), { status: 200, body: { status: 'active' } })
  })

  await t.test('not for a domain of another account, named in the approval', async (t) => {
    const id = await ask()
    const refused = await refusedOf(t, test, () => approve(owner, id, { domains: ['beta.example'] }))
    t.match(refused, { status: 403, body: { reason: 'domain_not_in_account' } })
  })

  await t.test('not what is too late: unanswered for 14 days, past its own end, or with no domain left', async (t) => {
    const late = await ask({ createdAt: new Date(test.clock.now() - 14 * dayMs) })
    t.match(await approve(owner, late), { status: 409, body: { from: 'lapsed', to: 'active', allowed: [] } })
    const short = await ask({ notBefore: new Date(test.clock.now() - 2_000), expiresAt: new Date(test.clock.now() - 1_000) })
    t.match(await approve(owner, short), { status: 409, body: { from: 'lapsed' } })
    const listed = await send(test, 'GET', `/v1/accounts/${a.number}/grants?status=lapsed`, { token: owner.token })
    t.strictSame(listed.body.items.map(({ id }: { id: string }) => id).sort(), [late, short].sort(), 'both are shown as lapsed')
    const gone = await newDomain()
    const empty = await ask({}, [gone])
    await test.context.db.delete(domainNames).where(eq(domainNames.name, gone.name))
    await test.context.db
      .update(domains)
      .set({ releasedAt: new Date(test.clock.now()) })
      .where(eq(domains.id, gone.id))
    t.match(await refusedOf(t, test, () => approve(owner, empty)), { status: 409, body: { code: 'conflict' } })
  })

  await t.test('not while the account is not open', async (t) => {
    const id = await ask()
    await test.context.db.update(accounts).set({ state: 'restricted' }).where(eq(accounts.id, a.id))
    t.match(await refusedOf(t, test, () => approve(owner, id)), { status: 409, body: { detail: /not open/ } })
    await test.context.db.update(accounts).set({ state: 'open' }).where(eq(accounts.id, a.id))
  })

  await t.test('repeated with its key it is answered alike and done once', async (t) => {
    const id = await ask()
    const once = await act(owner, id, 'approve', { ifMatch: 1, key: 'approve-once' })
    const twice = await act(owner, id, 'approve', { ifMatch: 1, key: 'approve-once' })
    t.strictSame(twice.body, once.body)
    t.strictSame(await stage.events(id), ['grant.approved'])
  })
})
