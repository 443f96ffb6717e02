/** The application on a seeded database, within this process, with a hook on everything it sends there. */
import type { Test } from 'tap'
import { createApp } from '../../src/app.ts'
import { systemClock } from '../../src/clock.ts'
import { readConfig } from '../../src/config.ts'
import { openDatabase } from '../../src/database/open.ts'
import { openKeys } from '../../src/http/keys.ts'
import { startJobs } from '../../src/jobs/jobs.ts'
import { quiet, serverUrl } from '../fixtures/database.ts'
import { listen } from '../races/arena.ts'
import type { Seen } from './explain.ts'
import { hotStatements } from './hot.ts'
import { openDesks } from './people.ts'
import { openSeeded } from './places.ts'
import { issuer } from './processes.ts'
import type { Sizes } from './sizes.ts'

type Ends = Pick<Test, 'teardown'> | { teardown(end: () => unknown): void }
type Subject = { statements: Map<string, Seen[]>; url: string }

/** Seeds a database on the server of the tests, or takes the one of the bench, and lets each hot request be made once. */
export async function openSubject(t: Ends, sizes: Sizes, server = serverUrl as string, keep = false): Promise<Subject> {
  const { url, secret } = await openSeeded(server, sizes, keep, { teardown: (end) => t.teardown(end as () => void) })
  const place = { mandate: {}, floor: {}, url, folder: undefined, secret }
  const desks = await openDesks(place, sizes)
  const config = readConfig({ DATABASE_URL: url, SECRET_KEY: secret, PUBLIC_URL: issuer })
  const opened = await openDatabase(config, quiet)
  const jobs = await startJobs({ opened, log: quiet, polling: false })
  const key = Buffer.from(secret, 'base64')
  const keys = await openKeys(opened.db, key, issuer, Date.now())
  const context = { db: opened.db, clock: systemClock, config, jobs }
  const app = await createApp({ context, keys, ready: () => opened.ready(), secret: key, logger: false })
  const wire = listen(opened)
  const statements = await hotStatements(app, wire, desks[Math.floor(desks.length / 2)] as (typeof desks)[number])
  await app.close()
  await jobs.stop()
  await opened.close()
  return { statements, url }
}
