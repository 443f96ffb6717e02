import { sql } from 'drizzle-orm'
import t, { type Test } from 'tap'
import type { Database, Log, OpenDatabase } from '../../src/database/open.ts'
import { type JobHandler, type Jobs, startJobs } from '../../src/jobs/jobs.ts'
import { type Queue, queues } from '../../src/jobs/queues.ts'
import { openTestDatabase, quiet, serverUrl } from '../fixtures/database.ts'

const onPostgresql = { skip: serverUrl === undefined && 'needs TEST_DATABASE_URL' }

async function start(t: Test, opened: OpenDatabase, options: { polling?: boolean; log?: Log } = {}): Promise<Jobs> {
  const jobs = await startJobs({ opened, log: quiet, polling: false, ...options })
  t.teardown(jobs.stop)
  return jobs
}

/** How many jobs are in each state, such as `{ created: 2 }`. */
async function states(db: Database): Promise<Record<string, number>> {
  const { rows } = await db.execute<{ state: string; count: number }>(
    sql`select state::text as state, count(*)::int as count from pgboss.job group by state`,
  )
  return Object.fromEntries(rows.map(({ state, count }) => [state, count]))
}

function put(jobs: Jobs, db: Database, ids: string[]): Promise<void> {
  return db.transaction(async (tx) => {
    for (const id of ids) await jobs.enqueue(tx, 'mail', { id })
  })
}

/** A handler that remembers what it was given. */
function recorder(): { seen: unknown[]; handler: JobHandler } {
  const seen: unknown[] = []
  return { seen, handler: async (payload) => void seen.push(payload) }
}

t.test('a job exists if its transaction commits, and not otherwise', async (t) => {
  const opened = await openTestDatabase(t)
  const jobs = await start(t, opened)
  const { seen, handler } = recorder()
  await put(jobs, opened.db, ['kept'])
  const rolledBack = opened.db.transaction(async (tx) => {
    await jobs.enqueue(tx, 'mail', { id: 'gone' })
    throw new Error('changed my mind')
  })
  await t.rejects(rolledBack, { message: 'changed my mind' })
  t.equal(await jobs.drain('mail', handler), 1)
  t.strictSame(seen, [{ id: 'kept' }])
  t.equal(await jobs.drain('mail', handler), 0, 'and it is done once')
})

t.test('draining runs what is due through the handler that was named, in order, however much it is', async (t) => {
  const opened = await openTestDatabase(t)
  const jobs = await start(t, opened)
  const { seen, handler } = recorder()
  await t.rejects(jobs.drain('mail'), { message: 'No handler works on the queue mail' })
  await jobs.work('mail', handler)
  const ids = Array.from({ length: 23 }, (_, index) => `job-${index}`)
  await put(jobs, opened.db, ids)
  await opened.db.transaction((tx) => jobs.enqueue(tx, 'mail', { id: 'later' }, { startAfterSeconds: 3_600 }))
  t.equal(await jobs.drain('mail'), 23)
  t.strictSame(
    seen,
    ids.map((id) => ({ id })),
  )
  t.strictSame(await states(opened.db), { completed: 23, created: 1 })
})

t.test('a failing job is put back for later, its neighbours are done, and draining tells of it', async (t) => {
  const opened = await openTestDatabase(t)
  const jobs = await start(t, opened)
  await put(jobs, opened.db, ['bad', 'good', 'worse'])
  const { seen, handler } = recorder()
  const failing: JobHandler = async (payload, signal) => {
    t.notOk(signal.aborted)
    if (payload['id'] === 'good') return handler(payload, signal)
    throw new Error(`${payload['id']} mail`)
  }
  await t.rejects(jobs.drain('mail', failing), { message: 'bad mail' })
  t.strictSame(seen, [{ id: 'good' }])
  t.strictSame(await states(opened.db), { completed: 1, retry: 2 })
})

t.test('a second start on the same database finds everything there and shares the work', async (t) => {
  const opened = await openTestDatabase(t)
  const first = await start(t, opened)
  const second = await start(t, opened)
  const { seen, handler } = recorder()
  await put(first, opened.db, ['shared'])
  t.equal(await second.drain('mail', handler), 1)
  t.strictSame(seen, [{ id: 'shared' }])
})

t.test('work is done by itself, and one failure does not spoil its batch', async (t) => {
  const opened = await openTestDatabase(t)
  const warned: unknown[] = []
  const jobs = await start(t, opened, { polling: true, log: { ...quiet, warn: (fields) => warned.push(fields) } })
  await put(jobs, opened.db, ['bad', 'good'])
  const { promise, resolve } = Promise.withResolvers<unknown>()
  await jobs.work('mail', async ({ id }) => {
    if (id === 'bad') throw new Error('no such mailbox')
    resolve(id)
  })
  t.equal(await promise, 'good')
  await jobs.stop()
  t.strictSame(await states(opened.db), { completed: 1, retry: 1 })
  t.match(warned, [{ queue: 'mail', reason: 'no such mailbox' }])
})

t.test('stopping lets the running job finish and puts the rest back', async (t) => {
  const opened = await openTestDatabase(t)
  const jobs = await start(t, opened, { polling: true })
  await put(jobs, opened.db, ['running', 'waiting'])
  const begun = Promise.withResolvers<void>()
  const finish = Promise.withResolvers<void>()
  const seen: unknown[] = []
  await jobs.work('mail', async ({ id }) => {
    seen.push(id)
    begun.resolve()
    await finish.promise
  })
  await begun.promise
  const stopped = jobs.stop()
  finish.resolve()
  await stopped
  t.strictSame(seen, ['running'])
  t.strictSame(await states(opened.db), { completed: 1, retry: 1 })
})

t.test('background work survives the loss of its connections', onPostgresql, async (t) => {
  const opened = await openTestDatabase(t)
  const lost = Promise.withResolvers<unknown>()
  const log: Log = { ...quiet, warn: ({ reason }) => lost.resolve(reason) }
  const jobs = await start(t, opened, { polling: true, log })
  const done = Promise.withResolvers<unknown>()
  await jobs.work('mail', async ({ id }) => done.resolve(id))
  const { rows } = await opened.db.execute<{ ended: number }>(sql`
    select count(pg_terminate_backend(pid))::int as ended from pg_stat_activity
    where application_name = 'mandate-jobs' and datname = current_database()`)
  t.ok(Number(rows[0]?.ended) > 0)
  t.match(await lost.promise, 'terminat')
  await put(jobs, opened.db, ['after'])
  t.equal(await done.promise, 'after')
})

t.test('a queue that says when is given a job at each of these times, and one that does not is not', async (t) => {
  const opened = await openTestDatabase(t)
  const timed = Object.entries<Queue>(queues).flatMap(([name, { cron }]) => (cron === undefined ? [] : { name, cron }))
  await start(t, opened, { polling: true })
  const { rows } = await opened.db.execute<{ name: string; cron: string }>(sql`select name, cron from pgboss.schedule order by name`)
  t.strictSame(
    rows,
    timed.sort((a, b) => (a.name < b.name ? -1 : 1)),
  )
})
