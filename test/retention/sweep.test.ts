/** What has served its time goes, what has not stays, and nothing that is written refers to nothing afterwards. */
import { createHash } from 'node:crypto'
import { eq, sql } from 'drizzle-orm'
import t, { type Test } from 'tap'
import { v7 as uuid } from 'uuid'
import {
  accessTokens,
  addresses,
  grantRequests,
  grants,
  idempotencyKeys,
  passkeyChallenges,
  refreshTokens,
  sessions,
  singleUseTokens,
  submissionMutes,
  supportCodes,
  throttles,
  usedAssertions,
} from '../../src/database/tables.ts'
import { batchSize, sweepRetention } from '../../src/retention/sweep.ts'
import { openTestApp, send, type TestApp } from '../fixtures/app.ts'
import { account, contact, domain, grant, type Person, person } from '../fixtures/cast.ts'
import { quiet } from '../fixtures/database.ts'
import { givePassword, signIn } from '../fixtures/passwords.ts'
import { personalToken, post } from '../oauth/stage.ts'

const dayMs = 86_400_000
const swept = [
  'idempotency_keys',
  'throttles',
  'used_assertions',
  'passkey_challenges',
  'single_use_tokens',
  'refresh_tokens',
  'access_tokens',
  'support_codes',
  'submission_mutes',
  'grant_requests',
  'addresses',
]

t.setTimeout(120_000)

async function open(t: Test, settings: Record<string, string> = {}) {
  const test = await openTestApp(t, settings)
  const { db } = test.context
  const counts = async () => {
    const count = async (table: string) =>
      (await db.execute<{ n: number }>(sql`select count(*)::int as n from ${sql.identifier(table)}`)).rows[0]?.n
    return Object.fromEntries(await Promise.all(swept.map(async (table) => [table, await count(table)] as const)))
  }
  const told: unknown[] = []
  const log = { ...quiet, info: (line: unknown) => void told.push(line) }
  const sweep = (signal: AbortSignal = new AbortController().signal) => sweepRetention(test.context, log)({}, signal)
  return { test, db, counts, sweep, told }
}

/** One row of each kind, which is over at an instant. */
async function rowsOverAt(test: TestApp, anna: Person, over: number): Promise<void> {
  const { db } = test.context
  const userId = anna.id
  const at = new Date(over)
  const before = new Date(over - 60_000)
  const bytes = () => Buffer.from(uuid())
  const session = uuid()
  const instants = { createdAt: before, authenticatedAt: before, expiresAt: at }
  await db.insert(sessions).values({ id: session, userId, kind: 'person', method: 'password', level: 'one_factor', ...instants })
  await db.insert(idempotencyKeys).values({ principalId: userId, key: uuid(), fingerprint: bytes(), createdAt: before, expiresAt: at })
  await db.insert(throttles).values({ bucket: uuid(), attempts: 1, windowEndsAt: at })
  await db.insert(usedAssertions).values({ issuer: 'https://panel.example', jti: uuid(), expiresAt: at })
  await db.insert(passkeyChallenges).values({ id: uuid(), purpose: 'sign_in', challenge: uuid(), expiresAt: at })
  await db
    .insert(singleUseTokens)
    .values({ id: uuid(), purpose: 'address_proof', address: 'x@people.example', createdAt: before, expiresAt: at })
  await db.insert(refreshTokens).values({ secretHash: bytes(), sessionId: session, createdAt: before })
  const token = { id: uuid(), userId, sessionId: session, name: 'Tool', secretHash: bytes(), ceiling: {}, createdAt: before, expiresAt: at }
  await db.insert(accessTokens).values(token)
  await db.insert(addresses).values({ id: uuid(), userId, address: 'gone@people.example', createdAt: before, removedAt: at })
  const a = await account(test, 'Alpha Ltd')
  const codes = { accountId: a.id, userId, contactId: await contact(test, a, anna, 'owner'), createdAt: before }
  await db.insert(supportCodes).values({ ...codes, id: uuid(), codeHash: bytes(), expiresAt: at })
  const muted = { accountId: a.id, submitterUserId: userId, contactId: codes.contactId, createdAt: before }
  await db.insert(submissionMutes).values({ ...muted, id: uuid(), liftedAt: at })
  const asked = new Date(over - 14 * dayMs)
  const request = { userId, account: a.number, domainNames: ['alpha.example'], actions: ['ticket.read'], reach: 'own' as const }
  await db.insert(grantRequests).values({ ...request, id: uuid(), createdAt: asked, expiresAt: new Date(over + 365 * dayMs) })
}

t.test('each goes at its time, to the millisecond, and not before', async (t) => {
  const { test, counts, sweep, told } = await open(t, {
    SPENT_TOKEN_DAYS: '2',
    ENDED_SESSION_DAYS: '3',
    REMOVED_ADDRESS_DAYS: '4',
    ENDED_REQUEST_DAYS: '5',
  })
  const anna = await person(test, 'Anna')
  const kept = await counts()
  const over = test.clock.now() + 3_600_000
  await rowsOverAt(test, anna, over)
  const all = await counts()
  t.ok(swept.every((table) => all[table] === (kept[table] as number) + 1))
  await sweep()
  t.strictSame(await counts(), all, 'nothing is over yet')
  for (const [days, gone] of [
    [0, ['idempotency_keys', 'throttles', 'used_assertions', 'passkey_challenges']],
    [2, ['single_use_tokens', 'support_codes']],
    [3, ['refresh_tokens', 'access_tokens']],
    [4, ['addresses']],
    [5, ['grant_requests']],
    [90, ['submission_mutes']],
  ] as const) {
    const due = over + days * dayMs
    // The clock runs on: a minute before it is surely not time yet.
    test.clock.advance(due - 60_000 - test.clock.now())
    const before = await counts()
    await sweep()
    t.strictSame(await counts(), before, `not before ${days} days`)
    test.clock.advance(60_001)
    told.length = 0
    await sweep()
    const after = await counts()
    t.strictSame(
      swept.filter((table) => after[table] !== before[table]),
      swept.filter((table) => (gone as readonly string[]).includes(table)),
      `after ${days} days`,
    )
    t.match(told, [{ deleted: Object.fromEntries(gone.map((table) => [table, 1])) }], 'and the log says how much')
  }
  t.strictSame(await counts(), kept, 'what is no row of these stays')
})

t.test('a session stays, without a secret, and all that names it', async (t) => {
  const { test, db, sweep } = await open(t)
  const olga = await person(test, 'Olga Owner')
  await givePassword(test, olga)
  const a = await account(test, 'Alpha Ltd')
  const d = await domain(test, a, 'alpha.example')
  await contact(test, a, olga, 'owner')
  const { accessToken, refreshToken, session } = (await signIn(test, olga.address)).body
  const body = { account: a.id, domain: d.id, topic: 'other', subject: 'It broke', message: 'Since noon.' }
  const ticket = await send(test, 'POST', '/v1/tickets', { token: accessToken, key: true, body })
  t.equal(ticket.status, 201, ticket.text)
  const tool = await personalToken(test, accessToken, { account: a.id })
  t.equal((await send(test, 'DELETE', `/v1/sessions/${session.id}`, { token: accessToken })).status, 204)
  await sweep()
  t.equal(await db.$count(refreshTokens, eq(refreshTokens.sessionId, session.id)), 1, 'not at once')
  t.equal((await send(test, 'GET', `/v1/tickets/${ticket.body.id}`, { token: tool.secret })).status, 200, 'what lives is left alone')

  test.clock.advance(31 * dayMs)
  await sweep()
  t.equal(await db.$count(refreshTokens, eq(refreshTokens.sessionId, session.id)), 0)
  t.match(await db.select().from(sessions).where(eq(sessions.id, session.id)), [{ userId: olga.id, method: 'password', endedAt: Date }])
  const reply = await post(test, '/oauth/token', { grant_type: 'refresh_token', refresh_token: refreshToken })
  t.match(reply, { status: 400, body: { error: 'invalid_grant' } })
  const { rows } = await db.execute(sql`select 1 from tickets k join sessions s on s.id = k.session_id where k.id = ${ticket.body.id}`)
  t.equal(rows.length, 1, 'and the ticket still says in which session it was opened')
  t.equal(await db.$count(accessTokens), 1, 'a personal token that has only just expired stays')
  test.clock.advance(31 * dayMs)
  await sweep()
  t.equal(await db.$count(accessTokens), 0, 'a personal token goes with its own session')
})

t.test('a live session keeps what was rotated in it, so that a thief is noticed', async (t) => {
  const { test, sweep } = await open(t)
  const anna = await person(test, 'Anna')
  await givePassword(test, anna)
  const { refreshToken: refresh_token } = (await signIn(test, anna.address)).body
  const renew = (token: string) => post(test, '/oauth/token', { grant_type: 'refresh_token', refresh_token: token })
  const next = (await renew(refresh_token)).body.refresh_token
  test.clock.advance(3_600_000)
  await sweep()
  t.equal((await renew(refresh_token)).status, 400, 'it is known as used')
  t.equal((await renew(next)).status, 400, 'and has ended the session')
})

t.test('more than one batch goes, repeating is harmless, and a stop in between leaves the rest for the next time', async (t) => {
  const { test, db, sweep } = await open(t)
  const fill = () =>
    db.execute(
      sql`insert into throttles (bucket, attempts, window_ends_at) select 'b' || i, 1, now() - interval '1 hour' from generate_series(1, ${batchSize + 1}) i`,
    )
  await fill()
  await sweep()
  t.equal(await db.$count(throttles), 0)
  await sweep()
  await fill()
  await t.rejects(sweep(AbortSignal.abort(new Error('the service stops'))), { message: 'the service stops' })
  t.equal(await db.$count(throttles), batchSize + 1)
  await test.jobs.work('retention', sweepRetention(test.context, quiet))
  await db.transaction((tx) => test.jobs.enqueue(tx, 'retention', {}))
  t.equal(await test.jobs.drain('retention'), 1)
  t.equal(await db.$count(throttles), 0)
})

t.test('what was asked for is kept from its answer or withdrawal on, and a code told to support from then on', async (t) => {
  const { test, db, sweep } = await open(t, { SPENT_TOKEN_DAYS: '2', ENDED_REQUEST_DAYS: '5' })
  const anna = await person(test, 'Anna')
  const agent = await person(test, 'Agent')
  const a = await account(test, 'Alpha Ltd')
  const d = await domain(test, a, 'alpha.example')
  const olga = await contact(test, a, await person(test, 'Olga'), 'owner')
  const grantId = await grant(test, a, olga, anna, [d])
  const now = new Date(test.clock.now())
  const request = { userId: anna.id, account: a.number, domainNames: [d.name], actions: ['ticket.read'], reach: 'own' as const }
  const rest = { ...request, createdAt: now, expiresAt: new Date(now.getTime() + 365 * dayMs) }
  const [approved, cancelled, waiting] = [uuid(), uuid(), uuid()]
  await db.insert(grantRequests).values([
    { ...rest, id: approved, approvedAt: now, accountId: a.id, grantId },
    { ...rest, id: cancelled, cancelledAt: now },
    { ...rest, id: waiting },
  ])
  const code = { accountId: a.id, id: uuid(), codeHash: Buffer.from('x'), userId: anna.id, contactId: olga, createdAt: now }
  const told = { verifiedAt: now, verifiedBy: agent.id, expiresAt: new Date(now.getTime() + 30 * dayMs) }
  await db.insert(supportCodes).values({ ...code, ...told })
  await sweep()
  t.strictSame([await db.$count(grantRequests), await db.$count(supportCodes)], [3, 1])
  test.clock.advance(5 * dayMs + 1)
  await sweep()
  t.match(await db.select().from(grantRequests), [{ id: waiting }])
  t.strictSame([await db.$count(grantRequests), await db.$count(supportCodes), await db.$count(grants)], [1, 0, 1])
})

t.test('of what was asked for the words go first, when it is over, and a digest says what they were', async (t) => {
  const { test, db, sweep, told } = await open(t, { ENDED_REQUEST_DAYS: '5' })
  const anna = await person(test, 'Anna')
  const a = await account(test, 'Alpha Ltd')
  const d = await domain(test, a, 'alpha.example')
  const grantId = await grant(test, a, await contact(test, a, await person(test, 'Olga'), 'owner'), anna, [d], { purpose: 'Relaunch' })
  const asked = test.clock.now() - 14 * dayMs
  const codeHash = Buffer.from('a code')
  const row = { userId: anna.id, account: a.number, domainNames: [d.name], actions: ['ticket.read'], reach: 'own' as const, codeHash }
  const ask = async (createdAt: number, rest: object) => {
    const id = uuid()
    const period = { createdAt: new Date(createdAt), expiresAt: new Date(createdAt + 90 * dayMs) }
    await db.insert(grantRequests).values({ ...row, ...period, purpose: 'Für den Relaunch', id, ...rest })
    return id
  }
  const now = new Date(test.clock.now())
  const over = [
    await ask(now.getTime(), { approvedAt: now, accountId: a.id, grantId }),
    await ask(now.getTime(), { cancelledAt: now }),
    await ask(asked, {}),
  ]
  const wordless = await ask(asked, { purpose: null })
  const waiting = await ask(asked + 60_000, {})
  await sweep()
  const rows = new Map((await db.select().from(grantRequests)).map((row) => [row.id, row]))
  const purposeDigest = createHash('sha256').update('Für den Relaunch').digest()
  for (const id of over)
    t.match(rows.get(id), { purpose: null, purposeDigest, codeHash: null, account: a.number, actions: ['ticket.read'] })
  t.match(rows.get(wordless), { purpose: null, purposeDigest: null, codeHash: null })
  t.match(rows.get(waiting), { purpose: 'Für den Relaunch', purposeDigest: null, codeHash })
  t.match(told, [{ deleted: { 'grant_requests.purpose': 4, grant_requests: 0 } }])
  t.equal((await db.select().from(grants))[0]?.purpose, 'Relaunch', 'a grant keeps its own')
  await sweep()
  t.match(told[1], { deleted: { 'grant_requests.purpose': 0 } }, 'and once is enough')
  const kept = await db
    .select()
    .from(grantRequests)
    .where(eq(grantRequests.id, over[2] as string))
  t.match(kept, [{ purposeDigest }], 'the digest stays')
  test.clock.advance(5 * dayMs)
  await sweep()
  t.strictSame(
    (await db.select({ id: grantRequests.id }).from(grantRequests)).map(({ id }) => id),
    [waiting],
    'then all of it goes',
  )
})
