import { sql } from 'drizzle-orm'
import t from 'tap'
import { type Bucket, countAttempt, type Limit, takeBack, throttled } from '../../src/database/throttle.ts'
import { Problem } from '../../src/problem.ts'
import { openTestDatabase } from '../fixtures/database.ts'

const limit: Limit = { free: 3, firstSeconds: 1, mostSeconds: 8, memorySeconds: 60 }
const bucket = (target: string, kind = 'guess'): Bucket => ({ kind, target, limit })

t.test('attempts', async (t) => {
  const { db, kind } = await openTestDatabase(t)
  let offset = 0
  /** The seconds to wait, or 0 when it was counted. */
  const attempt = async (...buckets: Bucket[]): Promise<number> =>
    countAttempt(db, offset, buckets).then(
      () => 0,
      (error: Problem) => Number(error.headers['retry-after']),
    )
  const rows = async () =>
    (await db.execute<{ bucket: string; attempts: number }>(sql`select bucket, attempts from throttles order by bucket`)).rows

  await t.test('the free ones pass, then delays grow to the most and end by themselves', async (t) => {
    for (let free = 0; free < 3; free++) t.equal(await attempt(bucket('growing')), 0)
    for (const seconds of [1, 2, 4, 8, 8, 8]) {
      t.equal(await attempt(bucket('growing')), seconds, `waits ${seconds} s`)
      t.equal(await attempt(bucket('growing')), seconds, 'a refused attempt makes the wait no longer')
      offset += seconds * 1000
      t.equal(await attempt(bucket('growing')), 0)
    }
    t.equal(await attempt(bucket('other')), 0, 'another target does not wait')
    t.equal(await attempt(bucket('growing', 'proof')), 0, 'nor another kind')
  })

  await t.test('the count is forgotten after a while', async (t) => {
    for (let free = 0; free < 3; free++) t.equal(await attempt(bucket('forgotten')), 0)
    t.equal(await attempt(bucket('forgotten')), 1)
    offset += 60_000
    for (let free = 0; free < 3; free++) t.equal(await attempt(bucket('forgotten')), 0)
    t.equal(await attempt(bucket('forgotten')), 1)
  })

  await t.test('no bucket is charged for what another refuses', async (t) => {
    for (let free = 0; free < 3; free++) await attempt(bucket('blocked'))
    for (let tries = 0; tries < 10; tries++) t.equal(await attempt(bucket('innocent'), bucket('blocked')), 1)
    for (let free = 0; free < 3; free++) t.equal(await attempt(bucket('innocent')), 0)
    t.equal(await attempt(bucket('innocent')), 1)
  })

  await t.test('of many at once only the free ones pass', async (t) => {
    const waits = await Promise.all(Array.from({ length: 20 }, () => attempt(bucket('parallel'), bucket('elsewhere', 'network'))))
    t.equal(waits.filter((wait) => wait === 0).length, 3)
  })

  await t.test('the free ones at once are all let through', async (t) => {
    const many = { ...limit, free: 40 }
    const waits = await Promise.all(Array.from({ length: 40 }, () => attempt({ ...bucket('crowd'), limit: many })))
    t.ok(waits.every((wait) => wait === 0))
  })

  await t.test(
    'one that waited for another is judged by what the other left',
    { skip: kind === 'pglite' && 'it has one connection' },
    async (t) => {
      await attempt(bucket('contended'))
      await attempt(bucket('contended'))
      let second: Promise<number> | undefined
      await db.transaction(async (tx) => {
        await countAttempt(tx, offset, [bucket('contended')])
        second = attempt(bucket('contended'))
        const blocked = sql`select count(*)::int as blocked from pg_locks where not granted and locktype = 'transactionid'
        and pid in (select pid from pg_stat_activity where datname = current_database())`
        while ((await db.execute<{ blocked: number }>(blocked)).rows[0]?.blocked === 0);
      })
      t.equal(await second, 1)
    },
  )

  await t.test('a clock that was put back locks nobody out', async (t) => {
    const before = offset
    offset += 3_600_000
    for (let free = 0; free < 3; free++) await attempt(bucket('ahead'))
    t.equal(await attempt(bucket('ahead')), 1)
    offset = before
    t.equal(await attempt(bucket('ahead')), 0)
  })

  await t.test('what is right, or could not be checked, does not count', async (t) => {
    const check = (work: () => Promise<string | undefined>) => throttled(db, offset, [bucket('checked')], work)
    for (let tries = 0; tries < 6; tries++) t.equal(await check(async () => 'right'), 'right')
    for (let tries = 0; tries < 6; tries++)
      await t.rejects(
        check(() => Promise.reject(new Error('down'))),
        { message: 'down' },
      )
    for (let free = 0; free < 3; free++) t.equal(await check(async () => undefined), undefined)
    const unasked = async () => t.fail('and then nothing is checked')
    await t.rejects(check(unasked as never), { code: 'quota_exceeded', headers: { 'retry-after': '1' } })
    const own = () => new Problem('not_found')
    await t.rejects(
      throttled(db, offset, [bucket('checked')], async () => 'right', { refusal: own }),
      { code: 'not_found' },
    )
  })

  await t.test('the last free one that was wrong is told, with its kind, once', async (t) => {
    const told: string[][] = []
    const whenSpent = async (kinds: readonly string[]) => void told.push([...kinds])
    const buckets = [bucket('told'), { ...bucket('told', 'network'), limit: { ...limit, free: 4 } }]
    const check = (found: string | undefined) => throttled(db, offset, buckets, async () => found, { whenSpent })
    for (const found of [undefined, undefined, 'right', 'right']) await check(found)
    t.strictSame(told, [], 'neither the first two nor what is right')
    await check(undefined)
    t.strictSame(told, [['guess']])
    for (let tries = 0; tries < 2; tries++) {
      offset += 2_000
      await check(undefined)
    }
    t.strictSame(told, [['guess'], ['network']])
  })

  await t.test('taking back goes no lower than nothing', async (t) => {
    await attempt(bucket('back'))
    for (let times = 0; times < 3; times++) await takeBack(db, [bucket('back')])
    for (let free = 0; free < 3; free++) t.equal(await attempt(bucket('back')), 0)
    t.equal(await attempt(bucket('back')), 1)
  })

  await t.test('targets are stored as hashes only, and forgotten rows are swept away', async (t) => {
    await attempt(bucket('anna@shop.example'))
    t.notMatch(JSON.stringify(await rows()), /anna|shop/)
    offset += 3_700_000
    const before = (await rows()).length
    for (let times = 0; times < before; times++) await attempt(bucket('sweeper'))
    t.equal((await rows()).length, 1)
  })
})
