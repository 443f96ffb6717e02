/** Where a bench runs: a PostgreSQL that is given or started, a seeded database on it, PgBouncer before it, or a folder. */
import { createHash } from 'node:crypto'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { readConfig } from '../../src/config.ts'
import { migrate } from '../../src/database/migrate.ts'
import { openDatabase } from '../../src/database/open.ts'
import { startJobs } from '../../src/jobs/jobs.ts'
import { quiet } from '../fixtures/database.ts'
import { ask, startServer } from '../races/server.ts'
import { startBouncer } from './bouncer.ts'
import { seedStatements } from './seed.ts'
import type { Sizes } from './sizes.ts'

export const modes = ['one', 'two', 'pglite', 'pgbouncer'] as const
export type Mode = (typeof modes)[number]

/** What ends when the bench ends, last first. */
export type Ends = { teardown(end: () => unknown): void; run(): Promise<void> }

export function ends(): Ends {
  const list: (() => unknown)[] = []
  return {
    teardown: (end) => list.unshift(end),
    run: async () => {
      for (const end of list.splice(0)) await end()
    },
  }
}

/** The settings that lead a process to a seeded database. The floor and Mandate may need different ones. */
export type Place = {
  mandate: Record<string, string>
  floor: Record<string, string>
  url: string | undefined
  folder: string | undefined
  secret: string
}

/** fsync stays on: what is measured is what a customer gets. */
const serverSettings = {
  fsync: 'on',
  shared_buffers: '1GB',
  max_wal_size: '4GB',
  checkpoint_timeout: '15min',
  max_connections: '200',
  autovacuum: 'on',
}

/** The PostgreSQL of BENCH_DATABASE_URL, or one of our own. */
export async function openServer(ends: Ends): Promise<string> {
  const given = process.env['BENCH_DATABASE_URL']
  if (given !== undefined && given !== '') return given
  const started = await startServer(ends, serverSettings, tmpdir())
  if (started === undefined) throw new Error('Name a PostgreSQL in BENCH_DATABASE_URL, or install one to be started')
  return started
}

/** The same secret every time: a database that was kept has its signing keys sealed with it. */
const secretOf = (name: string): string => createHash('sha256').update(name).digest('base64')

/** A migrated and seeded database, made unless a run before kept it. */
export async function openSeeded(
  server: string,
  sizes: Sizes,
  keep: boolean,
  ends: Pick<Ends, 'teardown'>,
): Promise<{ url: string; secret: string }> {
  const name = `mandate_bench_${digest(sizes)}`
  const url = new URL(server)
  url.pathname = `/${name}`
  const [made] = await ask(server, 'select shobj_description(oid, $2) as note from pg_database where datname = $1', [name, 'pg_database'])
  if (made?.['note'] !== 'seeded') await seedDatabase(server, name, url.href, sizes)
  if (!keep) ends.teardown(() => ask(server, `drop database if exists ${name} with (force)`))
  return { url: url.href, secret: secretOf(name) }
}

async function seedDatabase(server: string, name: string, url: string, sizes: Sizes): Promise<void> {
  await ask(server, `drop database if exists ${name} with (force)`)
  await ask(server, `create database ${name}`)
  await prepare({ databaseUrl: url })
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  for (const text of [...seedStatements(sizes), 'vacuum (analyze)', 'checkpoint', `comment on database ${name} is 'seeded'`])
    await client.query(text)
  await client.end()
}

async function prepare(settings: { databaseUrl: string } | { dataDir: string }): Promise<void> {
  const opened = await openDatabase({ ...readConfig({}), databasePoolSize: 2, ...settings }, quiet)
  await migrate(opened, quiet)
  const jobs = await startJobs({ opened, log: quiet, polling: false })
  await jobs.stop()
  await opened.close()
}

function digest(sizes: Sizes): string {
  const hash = createHash('sha256').update(JSON.stringify(sizes)).update(seedStatements(sizes).join())
  const folder = new URL('../../migrations/', import.meta.url)
  for (const name of readdirSync(folder)
    .filter((file) => file.endsWith('.sql'))
    .sort())
    hash.update(readFileSync(new URL(name, folder)))
  return hash.digest('hex').slice(0, 12)
}

/** The place of a mode; `seeded` is the database of every mode but the embedded one. */
export async function openPlace(mode: Mode, server: string, sizes: Sizes, keep: boolean, ends: Ends): Promise<Place> {
  if (mode === 'pglite') return openFolder(sizes, ends)
  const { url, secret } = await openSeeded(server, sizes, keep, ends)
  if (mode !== 'pgbouncer') return { mandate: { DATABASE_URL: url }, floor: { DATABASE_URL: url }, url, folder: undefined, secret }
  const pooled = await startBouncer(url, ends)
  const mandate = { DATABASE_URL: pooled, DATABASE_POOLER: 'transaction', DATABASE_DIRECT_URL: url }
  return { mandate, floor: { DATABASE_URL: pooled, UNNAMED: '1' }, url, folder: undefined, secret }
}

/** One folder each, as only one process may use it. */
async function openFolder(sizes: Sizes, ends: Ends): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), 'mandate-bench-'))
  ends.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const [mandate, floor] = [join(folder, 'mandate'), join(folder, 'floor')]
  await prepare({ dataDir: mandate })
  const opened = await openDatabase({ ...readConfig({}), dataDir: mandate }, quiet)
  if (opened.kind !== 'pglite') throw new Error('the embedded database was meant')
  for (const text of [...seedStatements(sizes), 'analyze']) await opened.client.exec(text)
  await opened.close()
  cpSync(mandate, floor, { recursive: true })
  return { mandate: { DATA_DIR: mandate }, floor: { DATA_DIR: floor }, url: undefined, folder: mandate, secret: secretOf('folder') }
}
