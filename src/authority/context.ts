import type { Clock } from '../clock.ts'
import type { Config } from '../config.ts'
import type { Database } from '../database/open.ts'
import type { Jobs } from '../jobs/jobs.ts'
import type { Strangers } from './strangers.ts'

/** What every gate needs; made once when the application is put together. */
export type Context = { db: Database; clock: Clock; config: Config; jobs: Jobs; strangers?: Strangers }
