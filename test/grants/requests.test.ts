import { and, eq, sql } from 'drizzle-orm'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { addresses, grantRequests, journalEvents, providerAccountId, throttles } from '../../src/database/tables.ts'
import { settleRequests } from '../../src/grants/settle.ts'
import { type Sent, send } from '../fixtures/app.ts'
import { account, freshToken, grant, person } from '../fixtures/cast.ts'
import { comparable, refusedOf } from '../fixtures/ledger.ts'
import { mailbox } from '../fixtures/mail.ts'
import { accountSide, setDesk } from './stage.ts'

const dayMs = 86_400_000
t.setTimeout(180_000)

const withoutIds = (sent: Sent) => {
  const { headers, ...rest } = comparable(sent) as { headers: Record<string, unknown>; text: string }
  const { id: _id, createdAt: _at, answerBy: _by, account: _account, domains: _domains, expiresAt: _end, ...body } = JSON.parse(rest.text)
  return { ...rest, text: body, headers: { ...headers, location: '', 'content-length': 0 } }
}

t.test('asking for a grant', async (t) => {
  const desk = await setDesk(t)
  const { test, a, one, owner, limited, technical, developer, admin, ask, view, cancel, settle, grantOf, told } = desk

  await t.test('with the code: a request that permits nothing, for those who may decide to see', async (t) => {
    const sent = await ask({ topics: ['website'], reach: 'domain', maxUses: 3, purpose: 'Relaunch' })
    t.match(sent, {
      status: 202,
      headers: { location: `/v1/grant-requests/${sent.body.id}` },
      body: { status: 'waiting', account: a.number, domains: ['alpha.example'], topics: ['website'], maxUses: 3, grant: null },
    })
    t.notMatch(sent.text, desk.code)
    t.equal(Date.parse(sent.body.answerBy) - Date.parse(sent.body.createdAt), 14 * dayMs)
    await settle()
    const id = String(await grantOf(sent.body.id))
    t.match(await send(test, 'GET', `/v1/accounts/${a.number}/grants/${id}`, { token: limited.token }), {
      status: 200,
      body: {
        status: 'requested',
        grantee: { address: developer.address, user: { id: developer.id, name: 'Dora' } },
        grantor: null,
        domains: [{ id: one.id }],
        actions: ['ticket.create', 'ticket.read'],
        topics: ['website'],
        reach: 'domain',
        maxUses: 3,
        purpose: 'Relaunch',
        expiresAt: sent.body.expiresAt,
        createdAt: sent.body.createdAt,
        approvedAt: null,
      },
    })
    t.strictSame(
      await told(id),
      ['grant_requested Lena', 'grant_requested Mia', 'grant_requested Olga'],
      'not a technical contact, nor the developer',
    )
    t.strictSame(await desk.events(id), ['grant.requested'])
    t.strictSame(await view(sent.body.id), sent.body, 'and he sees what he saw')
    t.equal((await send(test, 'GET', `/v1/accounts/${a.number}`, { token: developer.token })).status, 404, 'it makes no tie')
    const [row] = await test.context.db.select().from(grantRequests).where(eq(grantRequests.id, sent.body.id))
    t.equal(row?.codeHash, null, 'the digest of the code is not kept')
    const mails = await mailbox(test)
    t.ok(mails.some(({ to, subject, text }) => to === owner.address && /asked for/.test(subject) && text.includes(id)))
  })

  await t.test('one who is limited is not told of what he may not decide', async (t) => {
    const sent = await ask({ domains: ['alpha.example', 'alpha-two.example'] })
    await settle()
    t.strictSame(await told(String(await grantOf(sent.body.id))), ['grant_requested Mia', 'grant_requested Olga'])
  })

  await t.test('whatever is wrong, the answer is the same, then and later (C5)', async (t) => {
    const closed = await account(test, 'Gone Ltd', 'closed')
    const rightOne = await ask()
    const before = await accountSide(desk)
    const vain = [
      await ask({ requestCode: 'x'.repeat(43) }),
      await ask({ account: 'C-0' }),
      await ask({ account: uuid() }),
      await ask({ account: closed.number }),
      await ask({ domains: ['beta.example'] }),
      await ask({ domains: ['alpha.example', 'nobody.example'] }),
    ]
    for (const sent of vain) t.strictSame(withoutIds(sent), withoutIds(rightOne))
    t.strictSame(await accountSide(desk), before, 'nothing is written on the account')
    await settle()
    const rows = await test.context.db.select().from(grantRequests).where(eq(grantRequests.userId, developer.id))
    t.ok(
      rows.every(({ settledAt }) => settledAt !== null),
      'each was looked at',
    )
    const reasons = await test.context.db.select().from(journalEvents).where(eq(journalEvents.kind, 'grant_request.unfounded'))
    t.strictSame(
      reasons.map(({ reason }) => reason).sort(),
      ['domain_not_in_account', 'domain_not_in_account', 'unknown_account', 'unknown_account', 'unknown_account', 'wrong_code'],
      'and the provider sees each attempt',
    )
    t.ok(
      reasons.every((event) => event.accountId === providerAccountId && event.audience === 'staff' && event.actorUserId === developer.id),
    )
  })

  await t.test('a decline looks like no answer, until both have ended at the same time', async (t) => {
    const dan = await person(test, 'Dan')
    const purpose = 'Relaunch'
    const [declined, silent] = [await ask({ purpose }, dan), await ask({ purpose }, dan)]
    await ask({ purpose, requestCode: 'no' }, dan)
    await settle()
    await desk.act(owner, String(await grantOf(declined.body.id)), 'decline')
    const statuses = async () => {
      const seen = await send(test, 'GET', '/v1/grant-requests', { token: await freshToken(test, dan) })
      return seen.body.items.map(({ status, grant, purpose }: Record<string, unknown>) => [status, grant, purpose])
    }
    const all = (...one: unknown[]) => [one, one, one]
    t.strictSame(await statuses(), all('waiting', null, purpose))
    test.clock.advance(14 * dayMs - 60_000)
    t.strictSame(await statuses(), all('waiting', null, purpose))
    test.clock.advance(60_001)
    t.strictSame(await statuses(), all('ended', null, null), 'and his words with them, whether or not a job has deleted them')
    t.match(await send(test, 'POST', `/v1/grant-requests/${silent.body.id}/cancel`, { token: await freshToken(test, dan) }), {
      status: 409,
      body: { code: 'invalid_transition', from: 'ended', to: 'cancelled', allowed: [] },
    })
    test.clock.set(0)
  })

  await t.test('approved, he sees the grant', async (t) => {
    const sent = await ask({ purpose: 'Relaunch' }, technical)
    await settle()
    const id = String(await grantOf(sent.body.id))
    t.equal((await desk.act(owner, id, 'approve', { ifMatch: 1 })).status, 200)
    t.match(await view(sent.body.id, technical), { status: 'approved', grant: id, purpose: null })
    t.equal((await desk.row(id)).purpose, 'Relaunch', 'which says what for')
    t.match(await cancel(sent.body.id, technical), { status: 409, body: { from: 'approved', to: 'cancelled', allowed: [] } })
  })

  await t.test('taken back, nobody can approve it, and those who were asked are told', async (t) => {
    const sent = await ask()
    await settle()
    const id = String(await grantOf(sent.body.id))
    await told(id)
    const first = await cancel(sent.body.id)
    t.match(first, { status: 200, body: { status: 'cancelled' } })
    t.strictSame((await cancel(sent.body.id)).body, first.body, 'repeated, it answers the same')
    t.match(await desk.act(owner, id, 'approve', { ifMatch: 1 }), { status: 409, body: { from: 'cancelled', to: 'active', allowed: [] } })
    await settle()
    t.match(await desk.row(id), { status: 'cancelled', endedBy: developer.id, approvedAt: null })
    t.strictSame(await told(id), ['grant_cancelled Lena', 'grant_cancelled Mia', 'grant_cancelled Olga'])
    t.strictSame(await desk.events(id), ['grant.requested', 'grant.refused', 'grant.cancelled'])
  })

  await t.test('taken back after a decline, before it was looked at, or in vain: it looks the same', async (t) => {
    const [declined, early, vain] = [await ask(), await ask(), await ask({ requestCode: 'no' })]
    t.equal((await cancel(early.body.id)).status, 200)
    await settle()
    t.equal(await grantOf(early.body.id), null, 'nobody was asked')
    const id = String(await grantOf(declined.body.id))
    await desk.act(owner, id, 'decline')
    const [one, other] = [await cancel(declined.body.id), await cancel(vain.body.id)]
    t.strictSame(withoutIds(one), withoutIds(other))
    await settle()
    t.equal((await desk.row(id)).status, 'declined', 'what has ended stays so')
  })

  await t.test('what the job notes says how the developer was known when he asked, and when he took it back', async (t) => {
    const known = async (resource: string | null, kind: string) => {
      const of = and(eq(journalEvents.resourceId, String(resource)), eq(journalEvents.kind, kind))
      const [event] = await test.context.db.select().from(journalEvents).where(of)
      const { actorUserId, sessionId, clientId, verification, verificationLevel, verifiedAt } = event as NonNullable<typeof event>
      return { actorUserId, sessionId, clientId, verification, verificationLevel, verifiedAt }
    }
    const [sent, vain] = [await ask(), await ask({ requestCode: 'no' })]
    await settle()
    const id = await grantOf(sent.body.id)
    const asked = await known(sent.body.id, 'grant_request.made')
    t.match(asked, { actorUserId: developer.id, verification: 'password', verificationLevel: 'one_factor', verifiedAt: Date })
    t.strictSame(await known(id, 'grant.requested'), asked)
    t.strictSame(await known(vain.body.id, 'grant_request.unfounded'), await known(vain.body.id, 'grant_request.made'))
    await cancel(sent.body.id, { ...developer, token: await freshToken(test, developer) })
    await settle()
    const withdrawn = await known(sent.body.id, 'grant_request.cancelled')
    t.not(withdrawn.sessionId, asked.sessionId, 'in another session')
    t.strictSame(await known(id, 'grant.cancelled'), withdrawn)
  })

  await t.test('a job that is repeated does nothing twice', async (t) => {
    const handler = settleRequests(test.context)
    const sent = await ask()
    const vain = await ask({ requestCode: 'no' })
    const signal = AbortSignal.timeout(60_000)
    const run = ({ body }: Sent) => handler({ request: body.id }, signal)
    await Promise.all([run(sent), run(sent), run(vain), run(vain)])
    await run(sent)
    await run(vain)
    await settle()
    t.strictSame(await desk.events(String(await grantOf(sent.body.id))), ['grant.requested'])
    const noted = await test.context.db.select().from(journalEvents).where(eq(journalEvents.resourceId, vain.body.id))
    t.strictSame(
      noted.map(({ kind }) => kind),
      ['grant_request.made', 'grant_request.unfounded'],
    )
    await handler({ request: uuid() }, signal)
  })

  await t.test('one whom a control panel vouches for has no address to show', async (t) => {
    const una = await person(test, 'Una')
    await test.context.db.delete(addresses).where(eq(addresses.userId, una.id))
    await test.context.db.execute(
      sql`insert into subjects (issuer, subject, user_id, created_at) values ('panel', 'u-1', ${una.id}, now())`,
    )
    const sent = await ask({}, una)
    await settle()
    const seen = await send(test, 'GET', `/v1/accounts/${a.number}/grants/${await grantOf(sent.body.id)}`, { token: owner.token })
    t.match(seen.body.grantee, { address: null, user: { id: una.id } })
  })

  await t.test('to extend or widen a grant of his he needs no code', async (t) => {
    const eve = await person(test, 'Eve')
    const old = await grant(test, a, desk.ownerContact, eve, [one])
    const { requestCode: _code, ...rest } = desk.right
    const body = { ...rest, supersedes: old, domains: ['alpha.example', 'alpha-two.example'], reach: 'domain' }
    const sent = await send(test, 'POST', '/v1/grant-requests', { token: eve.token, key: true, body })
    t.match(sent, { status: 202, body: { supersedes: old } })
    await settle()
    t.match(await desk.row(String(await grantOf(sent.body.id))), { status: 'requested', supersedes: old, granteeUserId: eve.id })
    const elsewhere = await send(test, 'POST', '/v1/grant-requests', { token: eve.token, key: true, body: { ...body, account: 'C-0' } })
    t.equal(elsewhere.status, 202)
    const other = await account(test, 'Gamma Ltd')
    const wrong = await send(test, 'POST', '/v1/grant-requests', { token: eve.token, key: true, body: { ...body, account: other.number } })
    await settle()
    t.strictSame([await grantOf(elsewhere.body.id), await grantOf(wrong.body.id)], [null, null], 'on the account of that grant only')
    const foreign = await refusedOf(t, test, () => ask({ supersedes: old }, developer))
    t.match(foreign, { status: 422, body: { errors: [{ pointer: '#/supersedes', code: 'not_yours' }] } })
    const invented = await refusedOf(t, test, () => ask({ supersedes: uuid() }, developer))
    t.strictSame(comparable(invented), comparable(foreign))
  })

  await t.test('what cannot be asked for is refused before anything is looked up', async (t) => {
    const refused: [string, object, object][] = [
      ['without a code', { requestCode: undefined }, { status: 422, body: { errors: [{ pointer: '#/requestCode' }] } }],
      ['a confidential topic', { topics: ['billing'] }, { status: 422, body: { errors: [{ pointer: '#/topics/0' }] } }],
      ['what is never delegable', { actions: ['grant.manage'] }, { status: 422, body: { errors: [{ pointer: '#/actions/0' }] } }],
      ['without end', { expiresAt: null }, { status: 422, body: { errors: [{ pointer: '#/expiresAt' }] } }],
      [
        'for 400 days',
        { expiresAt: new Date(test.clock.now() + 400 * dayMs).toISOString() },
        { status: 422, body: { errors: [{ code: 'too_late' }] } },
      ],
      ['ended already', { expiresAt: '2020-01-01T00:00:00Z' }, { status: 422, body: { errors: [{ code: 'too_early' }] } }],
      ['what is no name', { domains: ['alpha.example', 'no name'] }, { status: 422, body: { errors: [{ pointer: '#/domains/1' }] } }],
      ['for no domain', { domains: [] }, { status: 422 }],
    ]
    const attempts = async () => (await test.context.db.select().from(throttles)).length
    const before = await attempts()
    const noor = await person(test, 'Noor')
    for (const [what, change, expected] of refused) t.match(await refusedOf(t, test, () => ask(change, noor)), expected, what)
    t.equal(await attempts(), before)
    t.equal((await ask({}, developer, { key: undefined } as never)).body.code, 'idempotency_key_missing')
  })

  await t.test('nor by staff, nor by who has proven nothing', async (t) => {
    t.match(await refusedOf(t, test, () => ask({}, admin)), { status: 409, body: { detail: /Staff/ } })
    const nobody = await person(test, 'Nobody', { proven: false })
    t.match(await refusedOf(t, test, () => ask({}, nobody)), { status: 403, body: { next: [{ href: '/v1/me/addresses' }] } })
  })

  await t.test('what another asked for is not to be seen', async (t) => {
    const { body } = await ask({}, await person(test, 'Ivo'))
    const invented = await send(test, 'GET', `/v1/grant-requests/${uuid()}`, { token: developer.token })
    t.equal(invented.status, 404)
    for (const [method, rest] of [
      ['GET', ''],
      ['POST', '/cancel'],
    ] as const) {
      for (const id of [body.id, 'nonsense']) {
        const sent = await send(test, method, `/v1/grant-requests/${id}${rest}`, { token: developer.token })
        t.strictSame(comparable(sent), comparable(invented), `${method} ${id}`)
      }
    }
    const listed = await send(test, 'GET', '/v1/grant-requests?limit=100', { token: developer.token })
    t.notOk(listed.body.items.some(({ id }: { id: string }) => id === body.id))
    const [first, second] = [await send(test, 'GET', '/v1/grant-requests?limit=1', { token: developer.token }), listed.body.items[1]]
    const next = await send(test, 'GET', `/v1/grant-requests?limit=1&cursor=${first.body.nextCursor}`, { token: developer.token })
    t.strictSame(next.body.items, [second])
  })

  await t.test('what was right before the account’s key was taken is looked at again under it', async (t) => {
    const sent = await ask()
    const { db } = test.context
    const overtaken = Object.assign(Object.create(db), {
      transaction: async (work: Parameters<typeof db.transaction>[0]) => {
        await send(test, 'DELETE', `/v1/accounts/${desk.a.id}/request-code`, { token: await freshToken(test, owner) })
        return db.transaction(work)
      },
    })
    await settleRequests({ ...test.context, db: overtaken })({ request: sent.body.id }, AbortSignal.timeout(60_000))
    t.equal(await grantOf(sent.body.id), null)
    const noted = await db.select().from(journalEvents).where(eq(journalEvents.resourceId, sent.body.id))
    t.strictSame(
      noted.map(({ kind, reason }) => [kind, reason]),
      [
        ['grant_request.made', null],
        ['grant_request.unfounded', 'wrong_code'],
      ],
    )
  })
})
