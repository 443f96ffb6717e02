/** What time ends, and what a job records of it: T3, T4 and T5 of docs/authority.md, and the letters of U4. */
import { and, eq, inArray, sql } from 'drizzle-orm'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { accounts, contacts, grants, sessions, singleUseTokens, tickets } from '../../src/database/tables.ts'
import { sweepGrants } from '../../src/grants/jobs.ts'
import { type GrantStatus, terminalGrantStatuses } from '../../src/vocabulary.ts'
import { openTestApp, send, type TestApp } from '../fixtures/app.ts'
import { account, contact, domain, grant, type Person, person, tokenFor } from '../fixtures/cast.ts'
import { eventsOf, letters } from '../fixtures/ledger.ts'
import { mailbox } from '../fixtures/mail.ts'

const dayMs = 86_400_000
t.setTimeout(180_000)

/** One application for what needs none of its own. */
const shared = await openTestApp(t)

const never = new AbortController().signal

async function makeScene(test: TestApp) {
  const { db } = test.context
  const a = await account(test, 'Alpha Ltd')
  const d = await domain(test, a, `${uuid()}.example`)
  const owner = await person(test, 'Olga Owner')
  const ownerContact = await contact(test, a, owner, 'owner')
  const developer = await person(test, 'Dan Developer')
  await db.update(sessions).set({ expiresAt: inMs(test, 1_000 * dayMs), authenticatedAt: inMs(test, 1_000 * dayMs) })
  /** Tokens end sooner than what is tried here. */
  const tokenOf = ({ id, session }: Person) => tokenFor(test, id, session)
  const body = { account: a.number, domain: d.name, topic: 'other', subject: 'Broken', message: 'It broke.' }
  const row = async (id: string) => (await db.select().from(grants).where(eq(grants.id, id)))[0] as typeof grants.$inferSelect
  return {
    test,
    db,
    a,
    d,
    owner,
    ownerContact,
    developer,
    tokenOf,
    row,
    sweep: () => sweepGrants(test.context)({}, never),
    give: (rest = {}) => grant(test, a, ownerContact, developer, [d], rest),
    open: async () => send(test, 'POST', '/v1/tickets', { token: await tokenOf(developer), key: uuid(), body }),
    read: async (id: string) => send(test, 'GET', `/v1/tickets/${id}`, { token: await tokenOf(developer) }),
    shown: async (id: string) =>
      (await send(test, 'GET', `/v1/accounts/${a.number}/grants/${id}`, { token: await tokenOf(owner) })).body.status as string,
    listed: async (status: string) =>
      (await send(test, 'GET', `/v1/accounts/${a.number}/grants?status=${status}`, { token: await tokenOf(owner) })).body.items.map(
        ({ id }: { id: string }) => id,
      ),
    close: (id: string) =>
      db
        .update(tickets)
        .set({ status: 'closed', closedAt: new Date(test.clock.now()) })
        .where(eq(tickets.id, id)),
    told: async () => (await letters(test)).filter(({ kind }) => kind?.startsWith('grant')),
  }
}

const inMs = ({ clock }: TestApp, ms: number) => new Date(clock.now() + ms)

t.test('what time has ended', async (t) => {
  const scene = await makeScene(await openTestApp(t))
  const { test, a, d, owner, developer, tokenOf, row, sweep, give, open, read, shown, listed, close, told, db } = scene

  await t.test('T5: one whose time is over has expired, recorded or not; U4: both sides are told, once', async (t) => {
    const id = await give({ expiresAt: inMs(test, dayMs / 2) })
    const ticket = (await open()).body.id
    test.clock.advance(dayMs)
    const before = [await open(), await read(ticket)].map(({ status, body }) => [status, body.reason])
    t.strictSame(before, [
      [403, 'grant_expired'],
      [404, undefined],
    ])
    t.equal(await shown(id), 'expired')
    t.strictSame(await listed('expired'), [id])
    t.strictSame(await listed('active'), [])
    t.equal((await row(id)).status, 'active', 'nothing has recorded it yet')
    await sweep()
    t.match(await row(id), { status: 'expired', version: 2, endedBy: null })
    t.strictSame((await row(id)).endedAt, (await row(id)).expiresAt, 'it ended when its time was over, not when that was noticed')
    const after = [await open(), await read(ticket)].map(({ status, body }) => [status, body.reason])
    t.strictSame(after, before, 'and the answers are the same')
    t.strictSame([await shown(id), await listed('expired')], ['expired', [id]])
    const events = (await eventsOf(test, a.id)).filter(({ resourceId, kind }) => resourceId === id && kind !== 'access.refused')
    t.match(events, [{ kind: 'grant.expired', actor: null, capacity: null, domainId: d.id, changed: ['status'] }])
    t.strictSame(
      (await told()).map(({ kind, subject, recipient }) => [kind, subject, recipient]),
      [
        ['grant_expired', id, developer.id],
        ['grant_expired', id, owner.id],
      ],
    )
    await sweep()
    t.equal((await row(id)).version, 2, 'a second sweep finds nothing')
    t.equal((await told()).length, 2)
    const mails = await mailbox(test)
    t.match(mails, [{ to: developer.address, subject: `A permission has expired for account ${a.number}` }, { to: owner.address }])
  })

  await t.test('T4: a clock that steps back revives nothing whose end has been recorded', async (t) => {
    const id = await give({ expiresAt: inMs(test, dayMs / 2) })
    t.equal((await open()).status, 201)
    test.clock.advance(dayMs)
    await sweep()
    test.clock.advance(-dayMs)
    t.match(await open(), { status: 403, body: { reason: 'grant_expired' } })
    t.equal((await row(id)).status, 'expired')
    await sweep()
    t.equal((await row(id)).status, 'expired')
  })

  await t.test('a suspended one expires too, and its causes end with it', async (t) => {
    const id = await give({ expiresAt: inMs(test, 1_000), status: 'suspended', suspensionCauses: ['staff'], staffHeld: true })
    test.clock.advance(2_000)
    await sweep()
    t.match(await row(id), { status: 'expired', suspensionCauses: [], staffHeld: false })
  })

  await t.test('T5: one whose uses are spent ends when the last of its tickets is closed, recorded or not', async (t) => {
    const id = await give({ maxUses: 2 })
    const opened = [(await open()).body.id, (await open()).body.id] as const
    await sweep()
    await close(opened[0])
    await sweep()
    t.equal((await row(id)).status, 'active', 'it serves the one that is left')
    t.equal((await read(opened[0])).status, 200, 'and the closed one with it')
    t.match(await open(), { status: 403, body: { reason: 'grant_exhausted' } })
    await close(opened[1])
    const before = [await open(), await read(opened[0]), await read(opened[1])].map(({ status, body }) => [status, body.reason])
    t.strictSame(before, [
      [403, 'grant_exhausted'],
      [404, undefined],
      [404, undefined],
    ])
    t.strictSame([await shown(id), await listed('exhausted')], ['exhausted', [id]])
    t.equal((await row(id)).status, 'active')
    await sweep()
    t.match(await row(id), { status: 'exhausted', version: 2 })
    t.strictSame(
      [await open(), await read(opened[0]), await read(opened[1])].map(({ status, body }) => [status, body.reason]),
      before,
    )
    t.match((await eventsOf(test, a.id)).at(-2), { kind: 'access.refused' })
    t.equal((await eventsOf(test, a.id)).filter(({ kind }) => kind === 'grant.exhausted').length, 1)
    t.strictSame([await shown(id), await listed('exhausted')], ['exhausted', [id]])
  })

  await t.test('a spent one whose time is over is exhausted, recorded or not', async (t) => {
    const id = await give({ maxUses: 1, expiresAt: inMs(test, dayMs / 2) })
    t.equal((await open()).status, 201)
    test.clock.advance(dayMs)
    t.match(await open(), { status: 403, body: { reason: 'grant_exhausted' } })
    t.equal(await shown(id), 'exhausted')
    await sweep()
    t.equal((await row(id)).status, 'exhausted')
    t.match(await open(), { status: 403, body: { reason: 'grant_exhausted' } })
  })

  await t.test('an offer or a request that nobody answered lapses after 14 days, or when it would be over', async (t) => {
    const path = `/v1/accounts/${a.number}/grants`
    const body = { grantee: { address: 'new@agency.example' }, domains: [d.name], actions: ['ticket.read'] }
    const offer = async (rest = {}) =>
      (await send(test, 'POST', path, { token: await tokenOf(owner), key: true, body: { ...body, ...rest } })).body.id as string
    const offered = await offer()
    const short = await offer({ expiresAt: inMs(test, dayMs).toISOString() })
    const requested = await give({ status: 'requested', approvedAt: null, grantorContactId: null, createdAt: inMs(test, 0) })
    await mailbox(test)
    test.clock.advance(2 * dayMs)
    await sweep()
    t.strictSame(
      [(await row(offered)).status, (await row(short)).status, (await row(requested)).status],
      ['invited', 'lapsed', 'requested'],
    )
    test.clock.advance(12 * dayMs)
    await sweep()
    t.strictSame([(await row(offered)).status, (await row(requested)).status], ['lapsed', 'lapsed'])
    const secrets = await db
      .select()
      .from(singleUseTokens)
      .where(inArray(singleUseTokens.grantId, [offered, short]))
    t.ok(secrets.length === 2 && secrets.every(({ usedAt }) => usedAt !== null), 'and its token opens nothing')
    const kinds = (await told())
      .filter(({ kind }) => kind === 'grant_lapsed')
      .map(({ kind, subject, recipient }) => [kind, subject, recipient])
    t.strictSame(
      new Set(kinds.map(String)),
      new Set(
        [
          ['grant_lapsed', short, owner.id],
          ['grant_lapsed', offered, owner.id],
          ['grant_lapsed', requested, owner.id],
        ].map(String),
      ),
      'of a request that nobody took up the owners are told',
    )
    t.equal((await mailbox(test)).length, 3)
  })

  await t.test('of several domains the event names none', async (t) => {
    const other = await domain(test, a, `${uuid()}.example`)
    const id = await grant(test, a, scene.ownerContact, developer, [d, other], { expiresAt: inMs(test, 1_000) })
    test.clock.advance(2_000)
    await sweep()
    t.match((await eventsOf(test, a.id)).at(-1), { kind: 'grant.expired', resourceId: id, domainId: null })
  })
})

t.test('T3: no state that is an end is ever left', async (t) => {
  const { db, give, row, sweep, test } = await makeScene(shared)
  for (const status of terminalGrantStatuses) {
    const approved = ['declined', 'cancelled', 'lapsed'].includes(status) ? { approvedAt: null } : {}
    const id = await give({ status, ...approved, endedAt: inMs(test, 0), expiresAt: inMs(test, 1_000), maxUses: 1, uses: 1 })
    test.clock.advance(20 * dayMs)
    await sweep()
    t.match(await row(id), { status, version: 1 }, `time leaves ${status} alone`)
    for (const other of ['active', 'revoked', 'expired', 'exhausted'].filter((word) => word !== status)) {
      const revived = db
        .update(grants)
        .set({ status: other as GrantStatus, approvedAt: inMs(test, 0), ...(other === 'active' ? { endedAt: null } : {}) })
        .where(eq(grants.id, id))
      await t.rejects(revived, `the database refuses ${status} → ${other}`)
    }
  }
})

t.test('several processes at once record each end once, with one event and one letter to each side', async (t) => {
  const scene = await makeScene(shared)
  const { test, a, give, sweep, told, db } = scene
  for (let count = 0; count < 8; count++) await give({ expiresAt: inMs(test, 1_000) })
  const other = await makeScene(shared)
  await other.give({ expiresAt: inMs(test, 1_000) })
  await sweep()
  await mailbox(test)
  test.clock.advance(2_000)
  await Promise.all([sweep(), sweep(), sweep(), sweep()])
  const rows = await db
    .select()
    .from(grants)
    .where(inArray(grants.accountId, [a.id, other.a.id]))
  t.strictSame(
    rows.map(({ status, version }) => [status, version]),
    Array(9).fill(['expired', 2]),
  )
  t.equal((await eventsOf(test, a.id)).length, 8)
  t.equal((await told()).length, 18)
})

t.test('one account that cannot be done holds up no other, and is tried again', async (t) => {
  const { test, a, give, db } = await makeScene(shared)
  const failing = await give({ expiresAt: inMs(test, 1_000) })
  const other = await makeScene(shared)
  const fine = await other.give({ expiresAt: inMs(test, 1_000) })
  test.clock.advance(2_000)
  const jobs = {
    ...test.jobs,
    enqueue: (...[tx, queue, payload, options]: Parameters<typeof test.jobs.enqueue>) =>
      payload['account'] === a.id ? Promise.reject(new Error('no room')) : test.jobs.enqueue(tx, queue, payload, options),
  }
  await t.rejects(sweepGrants({ ...test.context, jobs })({}, never), { message: 'no room' })
  const statusOf = async (id: string) => (await db.select().from(grants).where(eq(grants.id, id)))[0]?.status
  t.equal(await statusOf(fine), 'expired')
  t.equal(await statusOf(failing), 'active', 'nothing of it was written')
  t.strictSame(await eventsOf(test, a.id), [])
  await test.jobs.work('grants', sweepGrants(test.context))
  await db.transaction((tx) => test.jobs.enqueue(tx, 'grants', {}))
  t.equal(await test.jobs.drain('grants'), 1)
  t.equal(await statusOf(failing), 'expired')
})

t.test('an end raises the revision, so that a write that was decided before it falls', async (t) => {
  const { test, a, give, sweep, db } = await makeScene(shared)
  const revision = async () => (await db.select().from(accounts).where(eq(accounts.id, a.id)))[0]?.authorityRevision as number
  await give({ expiresAt: inMs(test, 1_000) })
  const before = await revision()
  await sweep()
  t.equal(await revision(), before, 'nothing to do raises nothing')
  test.clock.advance(2_000)
  await sweep()
  t.equal(await revision(), before + 1)
})

t.test('notices before the end', async (t) => {
  const scene = await makeScene(await openTestApp(t))
  const { test, a, d, owner, ownerContact, developer, tokenOf, give, sweep, db } = scene
  const newcomers = async () =>
    (await mailbox(test))
      .filter(({ subject }) => subject.startsWith('A permission ends soon'))
      .map(({ to, text }) => [to, /ends at .*/.exec(text)?.[0]])
  const sides = [developer.address, owner.address]
  const tell = async () => (await newcomers()).map(([to]) => to)

  await t.test('come 30, 7 and 1 days before it, once each, to both sides', async (t) => {
    const ends = inMs(test, 90 * dayMs)
    const id = await give({ expiresAt: ends })
    await sweep()
    t.strictSame(await tell(), [])
    test.clock.advance(60 * dayMs - 60_000)
    await sweep()
    t.strictSame(await tell(), [], 'a minute before the first')
    for (const days of [60_000, 23 * dayMs, 6 * dayMs]) {
      test.clock.advance(days)
      await Promise.all([sweep(), sweep()])
      const said = await newcomers()
      t.strictSame(
        said.map(([to]) => to),
        sides,
      )
      t.match(said[0]?.[1], `ends at ${ends.toISOString().slice(0, 10)}`)
      await sweep()
      t.strictSame(await tell(), [])
    }
    test.clock.advance(dayMs)
    await sweep()
    t.equal((await scene.row(id)).status, 'expired')
    t.strictSame(await tell(), [])
  })

  await t.test('a grant that is shorter gets those that lie ahead', async (t) => {
    await give({ expiresAt: inMs(test, 5 * dayMs) })
    await sweep()
    t.strictSame(await tell(), [])
    test.clock.advance(4.5 * dayMs)
    await sweep()
    t.strictSame(await tell(), sides)
    test.clock.advance(dayMs)
    await sweep()
    await mailbox(test)
  })

  await t.test('after an outage what fell due together is one letter', async (t) => {
    await give({ expiresAt: inMs(test, 90 * dayMs) })
    test.clock.advance(89.5 * dayMs)
    await sweep()
    t.strictSame(await tell(), sides)
    test.clock.advance(dayMs)
    await sweep()
    await mailbox(test)
  })

  await t.test('one that has ended before its letter left is not announced', async (t) => {
    const id = await give({ expiresAt: inMs(test, 10 * dayMs) })
    test.clock.advance(4 * dayMs)
    await sweep()
    await send(test, 'POST', `/v1/accounts/${a.number}/grants/${id}/revoke`, { token: await tokenOf(owner) })
    t.strictSame(await tell(), [])
  })

  await t.test('where the grantor has left, the owners are told', async (t) => {
    const gone = await person(test, 'Gus Gone')
    const goneContact = await contact(test, a, gone, 'manager')
    await grant(test, a, goneContact, developer, [d], { expiresAt: inMs(test, 10 * dayMs) })
    await db
      .update(contacts)
      .set({ status: 'ended', endedAt: inMs(test, 0) })
      .where(and(eq(contacts.id, goneContact), eq(contacts.accountId, a.id)))
    test.clock.advance(4 * dayMs)
    await sweep()
    t.strictSame(await tell(), sides)
    t.ok(ownerContact)
  })

  await t.test('many are told of in as many rounds as it takes', async (t) => {
    await db.execute(sql`insert into grants (account_id, id, status, grantee_user_id, grantee_address, grantor_contact_id, actions, not_before,
        expires_at, created_at, created_by, approved_at)
      select ${a.id}, gen_random_uuid(), 'active', ${developer.id}, ${developer.address}, ${ownerContact}, '{ticket.read}', ${inMs(test, 0).toISOString()}::timestamptz,
        ${inMs(test, 10 * dayMs).toISOString()}::timestamptz, ${inMs(test, 0).toISOString()}::timestamptz, ${developer.id}, ${inMs(test, 0).toISOString()}::timestamptz
      from generate_series(1, 8)`)
    test.clock.advance(4 * dayMs)
    await sweepGrants(test.context, 3)({}, never)
    t.equal((await tell()).length, 16)
    test.clock.advance(7 * dayMs)
    await sweepGrants(test.context, 3)({}, never)
    const left = await db.select({ id: grants.id }).from(grants).where(eq(grants.status, 'active'))
    t.strictSame(left, [], 'and as many ends recorded')
  })
})
