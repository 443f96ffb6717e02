import { sql } from 'drizzle-orm'
import { fromDrizzle, fromPglite, type Job, type JobResult, PgBoss } from 'pg-boss'
import type { Database, Log, OpenDatabase } from '../database/open.ts'
import { newId } from '../id.ts'
import { type Queue, type QueueName, queues } from './queues.ts'

/** Ids only: what a job needs is read when it runs, so that it acts on what is true then, and no content is stored twice. */
export type JobPayload = Readonly<Record<string, string | number>>

/**
 * Does one job. It runs at least once, possibly again after a failure or a crash, so it must be harmless to repeat; throwing puts the
 * job back, to be tried again later.
 */
export type JobHandler = (payload: JobPayload, signal: AbortSignal) => Promise<void>

export type JobOptions = {
  /** How long to wait before the job may run, in seconds. */
  startAfterSeconds?: number
}

export type Jobs = {
  /** Stores a job within the caller's transaction: it exists if, and only if, that commits. Jobs run in the order they were put in. */
  enqueue(tx: Database, queue: QueueName, payload: JobPayload, options?: JobOptions): Promise<void>
  /** Names the one handler of a queue and begins to work on it. */
  work(queue: QueueName, handler: JobHandler): Promise<void>
  /**
   * Runs what is due now, through the given or the named handler, until nothing is left, and returns how many jobs succeeded. For tests
   * and the demo, which cannot wait for the next poll.
   * @throws the first failure of a handler, after its job was put back and the others were done
   */
  drain(queue: QueueName, handler?: JobHandler): Promise<number>
  /** Lets running jobs finish and starts no other. Stop before the database is closed. */
  stop(): Promise<void>
}

type Options = {
  opened: OpenDatabase
  log: Log
  /** With false nothing runs by itself, only by `drain`. */
  polling?: boolean
}

const batchSize = 10
const stopTimeoutMs = 8_000

/** Starts background work on an open database; the first start makes the schema `pgboss` and the queues. */
export async function startJobs({ opened, log, polling = true }: Options): Promise<Jobs> {
  const boss = new PgBoss({ ...connection(opened), ...settings, ...(await schemaRights(opened.db)), supervise: polling, schedule: polling })
  const tell = ({ message }: { message: string }) => log.warn({ reason: message }, 'background work met a difficulty')
  boss.on('error', tell)
  boss.on('warning', tell)
  await boss.start()
  for (const [name, { cron, ...options }] of Object.entries<Queue>(queues)) {
    await boss.createQueue(name, options)
    await boss.updateQueue(name, options)
    if (polling && cron !== undefined) await boss.schedule(name, cron, {})
  }
  const handlers = new Map<QueueName, JobHandler>()
  const stopping = new AbortController()
  const turn: Turn = {
    stopping: stopping.signal,
    failed: (error, { id, name }) =>
      log.warn({ job: id, queue: name, reason: (error as Error).message }, 'a job failed and will be tried again'),
  }
  return {
    async enqueue(tx, queue, payload, { startAfterSeconds } = {}) {
      const due = startAfterSeconds === undefined ? {} : { startAfter: startAfterSeconds }
      await boss.send(queue, payload, { id: newId(), db: fromDrizzle(tx, sql), ...due })
    },
    async work(queue, handler) {
      handlers.set(queue, handler)
      if (!polling) return
      const options = { batchSize, perJobResults: true, burstWhenBatchFull: true, pollingIntervalSeconds: 1 } as const
      await boss.work<JobPayload, unknown, typeof options>(queue, options, (jobs) => inTurn(jobs, handler, turn))
    },
    drain: (queue, handler = handlers.get(queue)) => drain(boss, queue, handler, stopping.signal),
    async stop() {
      stopping.abort(new Error('the service is stopping'))
      await boss.stop({ graceful: true, timeout: stopTimeoutMs })
    },
  }
}

/** Nobody reads pg-boss's own registry and metrics; indexes are small, and rebuilding them is the operator's decision. */
const settings = {
  schema: 'pgboss',
  registerInstance: false,
  reindex: false,
  monitorVacuum: false,
  openTelemetry: { enabled: false },
}

/** A role that may not change the schema `pgboss` takes it as its owner made it; one of another version is refused at the start. */
async function schemaRights(db: Database): Promise<{ createSchema: boolean; migrate: boolean }> {
  const { rows } = await db.execute<{ may: boolean }>(sql`
    select coalesce(has_schema_privilege(to_regnamespace('pgboss'), 'create'), true) as may`)
  const may = rows[0]?.may === true
  return { createSchema: may, migrate: may }
}

/** PostgreSQL gets two connections beside the pool of requests, so that neither starves the other. */
function connection(opened: OpenDatabase) {
  if (opened.kind === 'pglite') return { db: fromPglite(opened.client as never), backend: 'pglite' as const }
  return { connectionString: opened.url, max: 2, connectionTimeoutMillis: 2_000, application_name: 'mandate-jobs' }
}

type Turn = { stopping: AbortSignal; failed(error: unknown, job: Job<JobPayload>): void }

/** One after the other, each with an outcome of its own. When the service stops, the rest is put back. */
async function inTurn(jobs: Job<JobPayload>[], handler: JobHandler, { stopping, failed }: Turn): Promise<JobResult[]> {
  const results: JobResult[] = []
  for (const job of jobs) {
    try {
      stopping.throwIfAborted()
      await handler(job.data, job.signal)
      results.push({ id: job.id, status: 'completed' })
    } catch (error) {
      failed(error, job)
      results.push({ id: job.id, status: 'failed', output: { reason: (error as Error).message } })
    }
  }
  return results
}

async function drain(boss: PgBoss, queue: QueueName, handler: JobHandler | undefined, stopping: AbortSignal): Promise<number> {
  if (handler === undefined) throw new Error(`No handler works on the queue ${queue}`)
  const failures: unknown[] = []
  let done = 0
  for (let jobs = await next(boss, queue, stopping); jobs.length > 0; jobs = await next(boss, queue, stopping)) {
    for (const { id, status, output } of await inTurn(jobs, handler, { stopping, failed: (error) => failures.push(error) })) {
      await (status === 'completed' ? boss.complete(queue, id) : boss.fail(queue, id, output))
      if (status === 'completed') done++
    }
  }
  if (failures.length > 0) throw failures[0]
  return done
}

/** `fetch` gives its jobs no signal, as `work` does. */
async function next(boss: PgBoss, queue: QueueName, signal: AbortSignal): Promise<Job<JobPayload>[]> {
  const jobs = await boss.fetch<JobPayload>(queue, { batchSize })
  return jobs.map((job) => ({ ...job, signal }))
}
