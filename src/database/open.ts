import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { PGlite } from '@electric-sql/pglite'
import { btree_gist } from '@electric-sql/pglite/contrib/btree_gist'
import { pg_trgm } from '@electric-sql/pglite/contrib/pg_trgm'
import { drizzle as drizzlePool } from 'drizzle-orm/node-postgres'
import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core'
import { drizzle as drizzlePglite } from 'drizzle-orm/pglite'
import pg from 'pg'
import { type Config, StartError } from '../config.ts'
import { EmbeddedClient } from './embedded-client.ts'
import { lockFolder } from './lock.ts'
import { NamelessClient } from './nameless-client.ts'

type Rows<T> = { rows: T[] }
interface RowsHKT extends PgQueryResultHKT {
  type: Rows<this['row']>
}
/** What a store function takes: the pool, the embedded database or a transaction, which all speak the same. */
export type Database = PgDatabase<RowsHKT, Record<string, never>>

/** The part of the logger that the floors below HTTP use: fields first, never a secret among them. */
export type Log = Record<'info' | 'warn' | 'error', (fields: Record<string, unknown>, message: string) => void>

type Opened = {
  readonly db: Database
  /** Whether the database answers now. It asks beside the pool, so that a busy service is not mistaken for a dead one. */
  ready(): Promise<boolean>
  /** Ends the connections, or closes the folder and lets it go. Calling it again is harmless. */
  close(): Promise<void>
}
export type OpenDatabase = Opened &
  ({ readonly kind: 'postgresql'; readonly url: string } | { readonly kind: 'pglite'; readonly client: PGlite })

type Settings = Pick<Config, 'databaseUrl' | 'databasePoolSize' | 'dataDir'> & Partial<Pick<Config, 'databasePooler' | 'databaseDirectUrl'>>

/**
 * Opens PostgreSQL where a URL is configured, otherwise the embedded database in the data folder, which it claims. Migrates nothing.
 * @throws StartError when the database cannot be reached or opened, is too old, or belongs to another process
 */
export function openDatabase(config: Settings, log: Log): Promise<OpenDatabase> {
  return config.databaseUrl === undefined ? openFolder(config.dataDir) : openPool(config.databaseUrl, config, log)
}

const casing = 'snake_case'
const connectionTimeoutMillis = 2_000
/** Of a connection; a pooler takes no such settings from its clients, so there the role has them. */
const limits = { statement_timeout: 5_000, lock_timeout: 2_000, idle_in_transaction_session_timeout: 10_000 }

async function openPool(
  url: string,
  { databasePoolSize: max, databasePooler, databaseDirectUrl }: Settings,
  log: Log,
): Promise<OpenDatabase> {
  const pooled = databasePooler === 'transaction'
  const shared = {
    connectionString: url,
    connectionTimeoutMillis,
    keepAlive: true,
    application_name: 'mandate',
    ...(pooled && { Client: NamelessClient }),
  }
  const pool = tolerant(new pg.Pool({ ...shared, ...(pooled ? {} : limits), max }), log)
  const probe = tolerant(new pg.Pool({ ...shared, ...(pooled ? {} : { statement_timeout: 2_000 }), query_timeout: 2_000, max: 1 }), log)
  const close = once(async () => {
    await Promise.all([pool.end(), probe.end()])
  })
  try {
    const { rows } = await probe.query<Settled>(
      `select current_setting('server_version_num') as version, current_setting('default_transaction_isolation') as isolation`,
    )
    requireVersion(Number(rows[0]?.version))
    requireIsolation(String(rows[0]?.isolation))
  } catch (error) {
    await close()
    throw unusable(url, error)
  }
  return {
    kind: 'postgresql',
    url: databaseDirectUrl ?? url,
    db: drizzlePool({ client: pool, casing }),
    ready: () => answers(probe),
    close,
  }
}

type Settled = { version: string; isolation: string }

/** Guarded writes read again what they waited for, which only READ COMMITTED does; anywhere else they fail without end. */
export function requireIsolation(isolation: string): void {
  if (isolation !== 'read committed') throw new Error(`its default_transaction_isolation is '${isolation}' and not 'read committed'`)
}

/** @param version `server_version_num`, such as 150004 */
export function requireVersion(version: number): void {
  if (version < 150_000) throw new Error(`it is PostgreSQL ${Math.floor(version / 10_000)}, which is older than 15`)
}

/**
 * A connection that breaks says so by an `error` event: on the pool while it is idle, on the client also while it is in use. Without a
 * listener on both the process would end with it.
 */
function tolerant(pool: pg.Pool, log: Log): pg.Pool {
  pool.on('connect', (client) => {
    client.on('error', (error) => log.warn({ reason: error.message }, 'a database connection was lost'))
  })
  return pool.on('error', () => 'told by the client')
}

/** Names host and database, never the credentials. Where a name has several addresses, each had its own trouble. */
function unusable(url: string, error: unknown): StartError {
  const { host, pathname } = new URL(url)
  const { errors = [error as Error] } = error as { errors?: Error[] }
  const troubles = errors.map(({ message }) => message).join('; ')
  return new StartError(`The database at ${host}${pathname} cannot be used: ${troubles}.`, { cause: error })
}

async function openFolder(folder: string): Promise<OpenDatabase> {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw new StartError(`The data folder ${resolve(folder)} cannot be made: ${(error as Error).message}.`, { cause: error })
  }
  const lock = lockFolder(folder)
  const client = await EmbeddedClient.open(join(folder, 'database'), { extensions: { btree_gist, pg_trgm } }).catch((error: unknown) => {
    lock.release()
    throw new StartError(`The embedded database in ${resolve(folder)} cannot be opened: ${(error as Error).message}.`, { cause: error })
  })
  const close = once(async () => {
    await client.close().finally(lock.release)
  })
  return { kind: 'pglite', client, db: drizzlePglite({ client, casing }), ready: () => answers(client), close }
}

function answers(database: { query(text: string): Promise<unknown> }): Promise<boolean> {
  return database.query('select 1').then(
    () => true,
    () => false,
  )
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined
  return () => {
    done ??= work()
    return done
  }
}
