import { fileURLToPath } from 'node:url'
import { sql } from 'drizzle-orm'
import { readMigrationFiles } from 'drizzle-orm/migrator'
import { drizzle } from 'drizzle-orm/node-postgres'
import { migrate as migrateClient } from 'drizzle-orm/node-postgres/migrator'
import { migrate as migratePglite } from 'drizzle-orm/pglite/migrator'
import pg from 'pg'
import { StartError } from '../config.ts'
import type { Database, Log, OpenDatabase } from './open.ts'

/** The SQL of this version, in the order of `meta/_journal.json`. */
const shipped = fileURLToPath(new URL('../../migrations', import.meta.url))

/** SQLSTATE of a lock that was not granted within `lock_timeout`. */
const lockNotAvailable = '55P03'

type Options = { migrationsFolder?: string; attempts?: number; lockTimeoutMs?: number }

/**
 * Brings the database to this version's schema. Any number of processes may call it at once on one database: they take turns, and all
 * but the first find nothing to do. A migration waits for a lock at most 3 s at a time, so that requests behind it are not held up for
 * longer, and tries again; all of them together are one transaction.
 *
 * @throws StartError when the database knows a migration that this version does not, or stays locked
 */
export async function migrate(opened: OpenDatabase, log: Log, options: Options = {}): Promise<void> {
  const { migrationsFolder = shipped } = options
  if (opened.kind === 'postgresql')
    return migratePostgresql(opened.url, log, { attempts: 20, lockTimeoutMs: 3_000, ...options, migrationsFolder })
  await refuseNewer(opened.db, migrationsFolder)
  await migratePglite(opened.db as never, { migrationsFolder })
}

/** On a connection of its own: an advisory lock belongs to a session, and a migration may take longer than a request's statement. */
async function migratePostgresql(url: string, log: Log, options: Required<Options>): Promise<void> {
  const client = new pg.Client({ connectionString: url, application_name: 'mandate-migrate', keepAlive: true })
  client.on('error', (error) => log.warn({ reason: error.message }, 'the connection of the migration was lost'))
  try {
    await client.connect()
    await client.query(`set lock_timeout = ${options.lockTimeoutMs}`)
    await inTurns(client, log, options)
  } finally {
    await client.end()
  }
}

async function inTurns(client: pg.Client, log: Log, options: Required<Options>, attempt = 1): Promise<void> {
  const blocked = await turn(client, options.migrationsFolder)
  if (blocked === undefined) return
  const message = 'The database stays locked by another session: it could not be migrated.'
  if (attempt === options.attempts) throw new StartError(message, { cause: blocked })
  log.warn({ attempt }, 'the migration waits for a lock')
  await inTurns(client, log, options, attempt + 1)
}

/** Migrates, or returns the error of a lock that was not granted in time. */
async function turn(client: pg.Client, migrationsFolder: string): Promise<unknown> {
  try {
    await client.query(`select pg_advisory_lock(hashtextextended('mandate.migrate', 0))`)
    const db = drizzle({ client })
    // With nothing to do nothing is asked of the role either: the service's own need not be able to change the schema.
    if ((await refuseNewer(db, migrationsFolder)) === 0) return
    await migrateClient(db, { migrationsFolder })
  } catch (error) {
    if (codeOf(error) !== lockNotAvailable) throw error
    return error
  }
}

/**
 * An older program must not write by an older schema's rules. Compared by content, so that a migration which was edited after it was
 * applied is noticed too. Returns how many are still to be applied.
 */
async function refuseNewer(db: Database, migrationsFolder: string): Promise<number> {
  const table = await db.execute<{ name: string | null }>(sql`select to_regclass('drizzle.__drizzle_migrations')::text as name`)
  if (table.rows[0]?.name == null) return Number.POSITIVE_INFINITY
  const known = new Set(readMigrationFiles({ migrationsFolder }).map(({ hash }) => hash))
  const applied = await db.execute<{ id: number; hash: string }>(sql`select id, hash from drizzle.__drizzle_migrations order by id`)
  const unknown = applied.rows.find(({ hash }) => !known.has(hash))
  if (unknown === undefined) return known.size - applied.rows.length
  throw new StartError(
    `The database is newer than this program: its migration ${unknown.id} is not one of the ${known.size} known here. Start the newer version, or restore a backup.`,
  )
}

/** drizzle wraps the driver's error, which carries the SQLSTATE. */
function codeOf(error: unknown): string | undefined {
  const { code, cause } = error as { code?: string; cause?: { code?: string } }
  return code ?? cause?.code
}
