/**
 * The service from its settings: database, schema, secret, jobs, application, listening. The same for the process and for whoever
 * starts one of his own.
 */
import type { AddressInfo } from 'node:net'
import type { FastifyBaseLogger } from 'fastify'
import { createApp } from './app.ts'
import { tellAttempts } from './audit/attempts.ts'
import type { Context } from './authority/context.ts'
import { ensureBootstrapToken } from './bootstrap/token.ts'
import { type Clock, systemClock } from './clock.ts'
import { type Config, originOf, StartError } from './config.ts'
import { migrate } from './database/migrate.ts'
import { openDatabase } from './database/open.ts'
import { loadSecret } from './database/secrets.ts'
import { checkClaims } from './domains/check-claims.ts'
import { suspendCompromised } from './grants/compromise.ts'
import { sweepGrants } from './grants/jobs.ts'
import { settleRequests } from './grants/settle.ts'
import { openKeys } from './http/keys.ts'
import { tellSlowHashing } from './identity/hash-speed.ts'
import { announceSubmissions } from './intake/announce.ts'
import { endSubmissions } from './intake/end.ts'
import { startJobs } from './jobs/jobs.ts'
import { sealJournal } from './journal/seal.ts'
import { chooseTransport } from './outbox/choose-transport.ts'
import { deliverMail } from './outbox/deliver.ts'
import { sweepRetention } from './retention/sweep.ts'
import { dnsTxt } from './txt.ts'

export type Service = {
  /** Where it listens. */
  origin: string
  /** Makes the first admin, once; null when there is one. */
  bootstrapToken: string | null
  /** Stops taking requests, lets those in flight finish, then ends jobs and connections. */
  close(): Promise<void>
}

/**
 * Starts the service.
 * @throws StartError with one sentence for the operator
 */
export async function startService(config: Config, log: FastifyBaseLogger, clock: Clock = systemClock): Promise<Service> {
  const opened = await openDatabase(config, log)
  const ends = [() => opened.close()]
  try {
    await migrate(opened, log)
    const secret = loadSecret(config)
    const jobs = await startJobs({ opened, log })
    ends.unshift(() => jobs.stop())
    const context: Context = { db: opened.db, clock, config, jobs }
    await jobs.work('submissions-end', endSubmissions(context))
    await jobs.work('submissions-announce', announceSubmissions(context))
    await jobs.work('mail', deliverMail(context, chooseTransport(config, log), log))
    await jobs.work('retention', sweepRetention(context, log))
    await jobs.work('grant-requests', settleRequests(context))
    await jobs.work('seal', async (_payload, signal) => void (await sealJournal(opened.db, clock.now, signal)))
    await jobs.work('attempts', tellAttempts(context))
    const txt = dnsTxt()
    await jobs.work('claims', checkClaims(context, txt))
    await jobs.work('grants', sweepGrants(context))
    await jobs.work('compromises', suspendCompromised(context))
    let draining = false
    const keys = await openKeys(opened.db, secret, config.publicUrl, clock.now(), config.signingAlgorithm)
    const ready = async () => !draining && (await opened.ready())
    const app = await createApp({ context, keys, ready, secret, txt, logger: log })
    ends.unshift(() => app.close())
    await app.listen({ host: config.host, port: config.port }).catch(tellWhere(config))
    ends.unshift(async () => {
      draining = true
    })
    const bootstrapToken = await ensureBootstrapToken(context) // only now: the one shown before stays good while no start succeeds
    // Beside the first requests, which need not wait for it; who has no place left to try it signs people in already.
    tellSlowHashing(config, log).catch(() => undefined)
    const { port } = app.server.address() as AddressInfo
    return { origin: originOf(config.host, port), bootstrapToken, close: () => endAll(ends) }
  } catch (error) {
    await endAll(ends)
    throw error
  }
}

/** Everything that could fail in the program itself has been made ready before: what is left is the address, and that is a setting. */
function tellWhere({ host, port }: Config): (error: NodeJS.ErrnoException) => never {
  return (error) => {
    const wanted = 'an address of this machine, and a port that this user may take and no other program has'
    throw new StartError(`HOST is "${host}" and PORT is "${port}": they want ${wanted} (${error.code}).`, { cause: error })
  }
}

async function endAll(ends: (() => Promise<unknown>)[]): Promise<void> {
  for (const end of ends.splice(0)) await end()
}
