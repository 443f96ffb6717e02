/** The whole application on a PostgreSQL that knows the order of its commits, with a hook on everything it sends there. */
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import type { Test } from 'tap'
import { createApp } from '../../src/app.ts'
import type { Context } from '../../src/authority/context.ts'
import { settableClock } from '../../src/clock.ts'
import { readConfig } from '../../src/config.ts'
import { migrate } from '../../src/database/migrate.ts'
import { type OpenDatabase, openDatabase } from '../../src/database/open.ts'
import { openKeys } from '../../src/http/keys.ts'
import { startJobs } from '../../src/jobs/jobs.ts'
import { issuer, type TestApp } from '../fixtures/app.ts'
import { quiet } from '../fixtures/database.ts'
import { openServer } from './server.ts'

export type Wire = {
  /** Statements sent so far; each is one round trip. */
  sent: number
  /** Changes a statement on its way, for a guard that is broken on purpose. */
  rewrite: ((text: string) => string) | undefined
  /** Sees what is sent. */
  watch?: ((text: string, values: unknown[]) => void) | undefined
}

export type Arena = TestApp & {
  wire: Wire
  /** What the server logged about requests that failed. */
  log: Record<string, unknown>[]
}

/** Undefined, with the test skipped, where no such server can be had. */
export async function openArena(t: Test, poolSize: number): Promise<Arena | undefined> {
  const url = await openServer(t)
  if (url === undefined) {
    t.pass('a server that knows the order of its commits', {
      skip: 'the PostgreSQL at TEST_DATABASE_URL does not track commit timestamps, and none is installed to start',
    })
    return undefined
  }
  const secret = randomBytes(32)
  const settings = { DATABASE_URL: url, DATABASE_POOL_SIZE: String(poolSize), SECRET_KEY: secret.toString('base64') }
  const config = readConfig({ PUBLIC_URL: issuer, RATE_LIMIT_REQUESTS: '1000000', ...settings })
  const opened = await openDatabase(config, quiet)
  const wire = listen(opened)
  await migrate(opened, quiet)
  const jobs = await startJobs({ opened, log: quiet, polling: false })
  const clock = settableClock()
  const context: Context = { db: opened.db, clock, config, jobs }
  const keys = await openKeys(opened.db, secret, issuer, clock.now())
  const log: Arena['log'] = []
  const logger = { level: 'warn', stream: { write: (line: string) => log.push(JSON.parse(line)) } }
  const zone: TestApp['zone'] = new Map()
  const txt = async (name: string) => zone.get(name) ?? []
  const app = await createApp({ context, keys, txt, ready: () => opened.ready(), secret, logger })
  t.teardown(async () => {
    await app.close()
    await jobs.stop()
    await opened.close()
  })
  return { app, keys, context, clock, opened: { ...opened, settings }, jobs, config, zone, wire, log }
}

type Query = (config: pg.QueryConfig, ...rest: unknown[]) => unknown

/** Hooks the wire of every connection of the pool, or of the embedded database. */
export function listen(opened: OpenDatabase): Wire {
  const wire: Wire = { sent: 0, rewrite: undefined }
  const hook = (client: { query: unknown }) => {
    const query = (client.query as Query).bind(client)
    client.query = (config: pg.QueryConfig, ...rest: unknown[]) => {
      wire.sent++
      // The embedded database is given the text alone.
      const { text, values } = typeof config === 'object' ? config : { text: config as string, values: undefined }
      wire.watch?.(text, values ?? (rest[0] as unknown[]))
      return query(wire.rewrite === undefined ? config : rewritten(config, wire.rewrite), ...rest)
    }
  }
  if (opened.kind === 'pglite') hook(opened.client)
  else hookPool((opened.db as unknown as { $client: pg.Pool }).$client, hook)
  return wire
}

function hookPool(pool: pg.Pool, hook: (client: pg.PoolClient) => void): void {
  const known = new WeakSet<pg.PoolClient>()
  pool.on('acquire', (client) => {
    if (!known.has(client)) hook(client)
    known.add(client)
  })
}

/** A prepared statement keeps its text for a connection's life, so another text needs another name. */
function rewritten(config: pg.QueryConfig, rewrite: (text: string) => string): pg.QueryConfig {
  const text = rewrite(config.text)
  const named = text === config.text || config.name === undefined ? { text } : { text, name: `${config.name}_${text.length}` }
  // A query that hands over its rows one by one has those who listen to it.
  return config instanceof pg.Query ? Object.assign(config, named) : { ...config, ...named }
}
