/** What strangers try is counted, alike for accounts that exist and that do not, and nothing of it shows in a reply. */
import { randomUUID } from 'node:crypto'
import { asc, eq, sql } from 'drizzle-orm'
import t from 'tap'
import { tellAttempts } from '../../src/audit/attempts.ts'
import { countStrangers } from '../../src/authority/strangers.ts'
import { settableClock } from '../../src/clock.ts'
import { accounts, providerAccountId, refusedAttempts } from '../../src/database/tables.ts'
import { deliverMail } from '../../src/outbox/deliver.ts'
import { sweepRetention } from '../../src/retention/sweep.ts'
import { openTestApp, send, type TestApp } from '../fixtures/app.ts'
import { account, contact, domain, person, staff } from '../fixtures/cast.ts'
import { openTestDatabase, quiet } from '../fixtures/database.ts'
import { comparable, letters } from '../fixtures/ledger.ts'
import { manyAccounts, planned } from '../fixtures/plan.ts'

const rowsOf = ({ context: { db } }: TestApp) =>
  db.select().from(refusedAttempts).orderBy(asc(refusedAttempts.hour), asc(refusedAttempts.stated))

/** The writer writes by itself, after the replies. */
async function counted(test: TestApp, attempts: number): Promise<void> {
  for (let sum = 0; sum < attempts; sum = (await rowsOf(test)).reduce((total, row) => total + row.attempts, 0)) {
    await new Promise(setImmediate) // or the embedded database, which answers at once, lets no timer come to its turn
  }
}

t.test('refusals of strangers', async (t) => {
  const test = await openTestApp(t)
  const a = await account(test, 'Alpha Ltd')
  await domain(test, a, 'alpha.example')
  const owner = await person(test, 'Olga Owner')
  const second = await person(test, 'Otto Owner')
  const technical = await person(test, 'Tom Technical')
  const stranger = await person(test, 'Sam Stranger')
  const other = await person(test, 'Otis Other')
  const admin = await staff(test, 'Ada Admin', 'admin')
  await contact(test, a, owner, 'owner')
  await contact(test, a, second, 'owner')
  await contact(test, a, technical, 'technical')
  const path = `/v1/accounts/${a.number}/refused-attempts`
  const opening = (number: string) => ({
    key: true as const,
    body: { account: number, domain: 'alpha.example', topic: 'other', subject: 'Hello', message: 'I am new here.' },
  })
  const list = async (token: string, query = '') => (await send(test, 'GET', `${path}${query}`, { token })).body
  const begin = new Date(Math.floor(test.clock.now() / 3_600_000) * 3_600_000).toISOString()
  // Far from the end of an hour, so that what follows is in one.
  test.clock.advance(Date.parse(begin) + 3_600_000 - test.clock.now())
  const hour = new Date(Math.floor(test.clock.now() / 3_600_000) * 3_600_000)

  await t.test('are counted by caller, stated account and hour, whether it exists or not, and the replies are equal', async (t) => {
    for (const [method, url, request] of [
      ['GET', '/v1/accounts/ACCOUNT', {}],
      ['DELETE', '/v1/accounts/ACCOUNT/domains/alpha.example', {}],
      ['POST', '/v1/tickets', 'ticket'],
      ['POST', '/v1/accounts/ACCOUNT/contacts', { body: { address: 'me@people.example', role: 'owner' } }],
    ] as const) {
      const sent = []
      for (const number of [a.number, 'C-0']) {
        const what = request === 'ticket' ? opening(number) : request
        sent.push(await send(test, method, url.replace('ACCOUNT', number), { token: stranger.token, ...what }))
      }
      const [real, invented] = sent
      t.ok((real?.status ?? 0) >= 403, `${method} ${url}: ${real?.status}`)
      t.strictSame(comparable(real as never), comparable(invented as never))
    }
    await send(test, 'GET', `/v1/accounts/${a.id.toUpperCase()}`, { token: other.token })
    await counted(test, 9)
    const rows = await rowsOf(test)
    const shown = rows.map(({ accountId, principalId, attempts, hour }) => ({ accountId, principalId, attempts, hour }))
    t.strictSame(
      new Set(shown.map((row) => JSON.stringify(row))),
      new Set(
        [
          { accountId: a.id, principalId: stranger.id, attempts: 4, hour },
          { accountId: providerAccountId, principalId: stranger.id, attempts: 4, hour },
          { accountId: a.id, principalId: other.id, attempts: 1, hour },
        ].map((row) => JSON.stringify(row)),
      ),
    )
  })

  await t.test('and not those of people with a tie, whose refusals are events, nor of staff', async (t) => {
    await send(test, 'GET', path, technical)
    await send(test, 'GET', '/v1/accounts/C-0', admin)
    await send(test, 'GET', `/v1/accounts/${a.number}`, stranger)
    await counted(test, 10)
    t.equal((await rowsOf(test)).length, 3)
  })

  await t.test('owners see them as counts, by the hour, in pages; who it was they do not', async (t) => {
    test.clock.advance(3_600_000)
    await send(test, 'GET', `/v1/accounts/${a.number}`, stranger)
    await counted(test, 11)
    const next = new Date(hour.getTime() + 3_600_000)
    const items = [
      { hour: next.toISOString(), attempts: 1, callers: 1 },
      { hour: hour.toISOString(), attempts: 6, callers: 2 },
    ]
    t.strictSame(await list(owner.token), { items, nextCursor: null })
    t.strictSame((await list(admin.token)).items, items)
    const first = await list(owner.token, '?limit=1')
    t.strictSame(first.items, [items[0]])
    t.strictSame((await list(owner.token, `?limit=1&cursor=${first.nextCursor}`)).items, [items[1]])
    t.match(await list(technical.token), { code: 'not_authorised', reason: 'action_not_in_role' })
    t.match(await list(stranger.token), { code: 'not_found' })
  })

  await t.test('and are told once a day at most, to owners who may still read it', async (t) => {
    await tellAttempts(test.context)({}, AbortSignal.timeout(60_000))
    const notice = { letter: 'notice', kind: 'account_attempted', account: a.id, subject: a.id }
    const told = (await letters(test)).filter(({ kind }) => kind === 'account_attempted')
    t.strictSame(
      told.map(({ recipient }) => recipient).sort(),
      [owner.id, second.id].sort(),
      'not for the hour that still runs, and not for accounts that do not exist',
    )
    t.match(told, [notice, notice])
    await tellAttempts(test.context)({}, AbortSignal.timeout(60_000))
    t.equal((await letters(test)).filter(({ kind }) => kind === 'account_attempted').length, 2)
    const sent: { to: string; text: string; subject: string }[] = []
    const transport = { send: async (mail: (typeof sent)[number]) => void sent.push(mail) }
    await test.jobs.drain('mail', deliverMail(test.context, transport as never, quiet))
    t.match(sent, [
      { to: owner.address, subject: `Strangers were refused for account ${a.number}`, text: path },
      { to: second.address, text: path },
    ])
  })

  await t.test('and are deleted after 90 days', async (t) => {
    test.clock.advance(89 * 86_400_000)
    await sweepRetention(test.context, quiet)({}, AbortSignal.timeout(60_000))
    t.equal((await rowsOf(test)).length, 4)
    test.clock.advance(2 * 86_400_000)
    await sweepRetention(test.context, quiet)({}, AbortSignal.timeout(60_000))
    t.equal((await rowsOf(test)).length, 0)
  })

  await t.test('what was noted last is written before the service ends', async (t) => {
    await send(test, 'GET', `/v1/accounts/${a.number}`, stranger)
    await test.app.close()
    t.match(await rowsOf(test), [{ accountId: a.id, attempts: 1, principalId: stranger.id }])
  })
})

t.test('the writer', async (t) => {
  const opened = await openTestDatabase(t)
  const { db } = opened
  const said: [object, string][] = []
  const tell = (fields: object, message: string) => void said.push([fields, message])
  const log = { info: tell, warn: tell, error: tell }
  const away = { execute: async () => Promise.reject(new Error('the database is away')) } as never
  const written = async () =>
    (await db.select({ n: sql<number>`coalesce(sum(attempts), 0)::int`, rows: sql<number>`count(*)::int` }).from(refusedAttempts))[0]
  const caller = () => ({ userId: randomUUID(), clientId: null })

  await t.test('keeps counts while the database is away, and brings them when it is back', async (t) => {
    let target = away
    const flaky = { execute: (statement: never) => (target as typeof db).execute(statement) } as never
    const strangers = countStrangers({ db: flaky, clock: settableClock(), log, delayMs: 1 })
    const me = caller()
    strangers.note(me, { number: 'C-1' })
    while (said.length === 0) await new Promise(setImmediate)
    t.match(said, [[{ counts: 1, reason: 'the database is away' }, 'attempts of strangers could not be written yet']])
    strangers.note(me, { number: 'C-1' })
    target = db as never
    while ((await written())?.n !== 2) await new Promise(setImmediate)
    await strangers.stop()
    t.match(await written(), { n: 2, rows: 1 })
  })

  await t.test('adds what comes while a write fails to what it could not write', async (t) => {
    const before = (await written()) ?? { n: 0, rows: 0 }
    const me = caller()
    let fails = true
    const flaky = {
      execute: async (statement: never) => {
        if (!fails) return db.execute(statement)
        fails = false
        strangers.note(me, { number: 'C-1' })
        throw new Error('the database is away')
      },
    } as never
    const at = Date.now() // one hour for both
    const strangers = countStrangers({ db: flaky, clock: { now: () => at, offset: () => 0 }, log, delayMs: 1 })
    strangers.note(me, { number: 'C-1' })
    while ((await written())?.n !== before.n + 2) await new Promise(setImmediate)
    await strangers.stop()
    t.match(await written(), { n: before.n + 2, rows: before.rows + 1 })
  })

  await t.test('no text of a caller keeps the others from being counted', async (t) => {
    said.length = 0
    const strangers = countStrangers({ db, clock: settableClock(), log, delayMs: 3_600_000 })
    const before = (await written())?.n ?? 0
    strangers.note(caller(), { number: `${'x'.repeat(64)}😀` })
    strangers.note(caller(), { number: 'C-1' })
    await strangers.stop()
    t.strictSame(said, [])
    t.equal((await written())?.n, before + 2)
  })

  await t.test('finds the accounts by their keys, however many there are', async (t) => {
    await manyAccounts(db)
    const watched = planned(db)
    const strangers = countStrangers({ db: watched.db, clock: settableClock(), log: quiet, delayMs: 3_600_000 })
    const one = caller()
    const [real] = (await db.select().from(accounts).limit(1)) as [typeof accounts.$inferSelect]
    for (const id of [real.id, real.id.toUpperCase(), randomUUID()]) strangers.note(one, { id })
    for (const number of [real.number, 'C-0', `${real.id}0`]) strangers.note(one, { number })
    await strangers.stop()
    t.match(watched.plans, [/accounts_pkey/])
    t.notMatch(watched.plans, [/Seq Scan on (accounts|account_numbers)/])
    const rows = await db.select().from(refusedAttempts).where(eq(refusedAttempts.principalId, one.userId))
    t.strictSame(rows.map(({ accountId, attempts }) => `${attempts} on ${accountId}`).sort(), [
      ...Array(3).fill(`1 on ${providerAccountId}`),
      ...[`1 on ${real.id}`, `2 on ${real.id}`].sort(),
    ])
  })

  await t.test('says what is lost when it never comes back', async (t) => {
    said.length = 0
    const strangers = countStrangers({ db: away, clock: settableClock(), log })
    strangers.note({ userId: null, clientId: randomUUID() }, { id: randomUUID() })
    await strangers.stop()
    t.match(said.at(-1), [{ counts: 1 }, 'attempts of strangers were lost'])
    await strangers.stop()
  })

  await t.test('is bounded: by caller and in all, and counts what it drops', async (t) => {
    said.length = 0
    const clock = settableClock()
    const strangers = countStrangers({ db, clock, log, delayMs: 3_600_000 })
    const busy = caller()
    for (let count = 0; count < 150; count++) strangers.note(busy, { number: `C-${count}` })
    for (let count = 0; count < 150; count++) strangers.note(busy, { number: `C-${count}` })
    for (let count = 0; count < 9_950; count++) strangers.note(caller(), { number: 'x'.repeat(1_000) })
    const before = await written()
    await strangers.stop()
    t.strictSame(said, [[{ dropped: 150 }, 'attempts of strangers were not counted']])
    const after = await written()
    t.equal((after?.rows ?? 0) - (before?.rows ?? 0), 10_000)
    const own = await db.select().from(refusedAttempts).where(eq(refusedAttempts.principalId, busy.userId))
    t.equal(own.length, 100)
    clock.advance(3_600_000)
    strangers.note(busy, { number: 'C-149' })
    await strangers.stop()
    t.equal((await written())?.rows, (after?.rows ?? 0) + 1, 'a new hour begins anew')
  })
})
