/** The service's database for one command, opened by the service's own settings. */
import pino from 'pino'
import type { Context } from '../authority/context.ts'
import { systemClock } from '../clock.ts'
import { readConfig, StartError } from '../config.ts'
import { migrate } from '../database/migrate.ts'
import { type Log, type OpenDatabase, openDatabase } from '../database/open.ts'
import { startJobs } from '../jobs/jobs.ts'

/**
 * Opens the database, brings it to this version's schema as a start does, runs the work and closes it again.
 * @throws StartError when the settings or the database cannot be used, or a service has the embedded one
 */
export async function withDatabase<T>(
  env: Readonly<Record<string, string | undefined>>,
  work: (context: Context, opened: OpenDatabase, log: Log) => Promise<T>,
): Promise<T> {
  const config = readConfig(env)
  const log = pino({ level: 'warn' }, pino.destination({ dest: 2, sync: true })) as unknown as Log
  const opened: OpenDatabase = await openDatabase(config, log).catch((error: StartError) => {
    throw new StartError(error.message.replace(another, stopFirst), { cause: error })
  })
  try {
    await migrate(opened, log)
    // No command queues anything: background work is the service's.
    return await work({ db: opened.db, clock: systemClock, config } as Context, opened, log)
  } finally {
    await opened.close()
  }
}

/** What a second service may do is no way for a command: it would work on the wrong database. */
const another = 'stop that one, or set DATA_DIR to another folder'
const stopFirst = 'stop it, run the command, and start it again'

/** Makes what background work needs in the database, as a start does. */
export async function prepareJobs(_context: Context, opened: OpenDatabase, log: Log): Promise<string> {
  const jobs = await startJobs({ opened, log, polling: false })
  await jobs.stop()
  return 'The database has the schema of this version.'
}
