/**
 * The process: settings → service → a signal → the end. Everything that is not about being a process is in `service.ts`.
 */
import pino from 'pino'
import { readConfig, StartError } from './config.ts'
import { startService } from './service.ts'

const closeWithinMs = 10_000

try {
  const config = readConfig(process.env)
  const log = pino({ level: config.logLevel })
  const service = await startService(config, log as never)
  log.info(`Mandate serves on ${service.origin}; the API reference is at ${service.origin}/docs`)
  if (service.bootstrapToken !== null) {
    console.log(`\nNo admin exists yet. Make the first one with this token, which is shown once:\n\n  ${service.bootstrapToken}\n`)
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      log.info(`${signal}: finishing what is in flight`)
      setTimeout(() => process.exit(1), closeWithinMs).unref()
      service.close().then(
        () => process.exit(0),
        () => process.exit(1),
      )
    })
  }
} catch (error) {
  if (!(error instanceof StartError)) throw error
  console.error(error.message)
  process.exitCode = 1
}
