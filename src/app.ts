/**
 * The application put together: the server, who may enter, and the list of features. Nothing is found by itself; what is not named
 * here does not exist.
 */
import type { FastifyBaseLogger, FastifyServerOptions } from 'fastify'
import type { Context } from './authority/context.ts'
import type { OpenDatabase } from './database/open.ts'
import { deriveKey } from './database/secrets.ts'
import { healthRoutes } from './health/routes.ts'
import { authentication } from './http/authentication.ts'
import { registerDocs } from './http/docs.ts'
import type { App, Feature } from './http/feature.ts'
import { type Keys, openKeys } from './http/keys.ts'
import { registerOpenapi } from './http/openapi.ts'
import { createPaging } from './http/paging.ts'
import { problemRoutes } from './http/problem-routes.ts'
import { createRateLimit } from './http/rate-limit.ts'
import { createServer } from './http/server.ts'
import { ticketRoutes } from './tickets/routes.ts'
import { topicRoutes } from './topics/routes.ts'
import { version } from './version.ts'

export type Parts = {
  context: Context
  opened: Pick<OpenDatabase, 'ready'>
  /** The service's secret; every other key is derived from it. */
  secret: Buffer
  logger: Exclude<FastifyServerOptions['logger'], undefined> | FastifyBaseLogger
}

/** The routes that need a proven caller and declare what he must be allowed. */
const secured = [ticketRoutes, topicRoutes] satisfies ((app: App, feature: Feature) => Promise<void>)[]

/** Builds the application on an open, migrated database. It listens to nothing yet. */
export async function createApp({ context, opened, secret, logger }: Parts): Promise<{ app: App; keys: Keys }> {
  const { config, clock, db } = context
  const issuer = config.publicUrl ?? 'http://localhost'
  const keys = await openKeys(db, deriveKey(secret, 'signing keys'), issuer, clock.now())
  const feature: Feature = { context, keys, paging: createPaging({ key: deriveKey(secret, 'cursors') }) }
  const app: App = createServer({
    logger,
    trustProxy: config.trustProxy,
    corsOrigins: config.corsOrigins,
    hsts: issuer.startsWith('https:'),
    now: () => clock.now(),
    bodyLimit: config.bodyLimitBytes,
  })
  const rateLimit = createRateLimit({ quota: config.rateLimitRequests, windowSeconds: config.rateLimitSeconds, now: () => clock.now() })
  await app.register(authentication, { context, keys, issuer, rateLimit })
  registerOpenapi(app, { version })
  registerDocs(app)
  await app.register(problemRoutes)
  await app.register(healthRoutes, { ready: () => opened.ready() })
  for (const routes of secured) await app.register(routes, feature)
  await app.ready()
  return { app, keys }
}
