/**
 * The process: settings → service → a signal → the end. Everything that is not about being a process is in `service.ts`.
 */
import pino from 'pino'
import { readConfig, StartError } from './config.ts'
import { startService } from './service.ts'

const closeWithinMs = 10_000

/** A line a request, written by itself, would cost as much as the request's way to the database. The end of the process writes what is left. */
const logBytes = 16_000
const logMs = 500

const exit = (code: number) => () => process.exit(code)

try {
  const config = readConfig(process.env)
  const log = pino({ level: config.logLevel }, pino.destination({ dest: 1, sync: false, minLength: logBytes, periodicFlush: logMs }))
  const service = await startService(config, log as never)
  log.info(`Mandate serves on ${service.origin}; the API reference is at ${service.origin}/docs`)
  if (service.bootstrapToken !== null) {
    console.log(`\nNo admin exists yet. Make the first one with this token, which is shown once:\n\n  ${service.bootstrapToken}\n`)
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      log.info(`${signal}: finishing what is in flight`)
      setTimeout(exit(1), closeWithinMs).unref()
      service.close().then(exit(0), exit(1))
    })
  }
} catch (error) {
  if (!(error instanceof StartError)) throw error
  console.error(error.message)
  process.exitCode = 1
}
