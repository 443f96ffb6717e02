/**
 * The application put together: the server, who may enter, and the list of features. Nothing is found by itself; what is not named
 * here does not exist.
 */
import type { FastifyBaseLogger, FastifyServerOptions } from 'fastify'
import { accessTokenRoutes } from './access-tokens/routes.ts'
import { accountRoutes } from './accounts/routes.ts'
import { addressRoutes } from './addresses/routes.ts'
import { attemptRoutes } from './audit/attempt-routes.ts'
import { auditExportRoutes } from './audit/export-routes.ts'
import { auditRoutes } from './audit/routes.ts'
import type { Context } from './authority/context.ts'
import { countStrangers } from './authority/strangers.ts'
import { bootstrapRoutes } from './bootstrap/routes.ts'
import { readPublishedKeys } from './clients/keys.ts'
import { clientRoutes } from './clients/routes.ts'
import { contactRoutes } from './contacts/routes.ts'
import { deriveKey } from './database/secrets.ts'
import { explainRoutes } from './decisions/explain-routes.ts'
import { decisionRoutes } from './decisions/routes.ts'
import { domainRoutes } from './domains/routes.ts'
import { factorRoutes } from './factors/routes.ts'
import { requestCodeRoutes } from './grants/code-routes.ts'
import { myGrantRoutes } from './grants/mine-routes.ts'
import { grantRequestRoutes } from './grants/request-routes.ts'
import { grantRoutes } from './grants/routes.ts'
import { healthRoutes } from './health/routes.ts'
import { authentication } from './http/authentication.ts'
import { registerDocs } from './http/docs.ts'
import type { App, Feature } from './http/feature.ts'
import { keyRoutes } from './http/key-routes.ts'
import { createKeySets } from './http/key-sets.ts'
import type { Keys } from './http/keys.ts'
import { registerOpenapi } from './http/openapi.ts'
import { createPaging } from './http/paging.ts'
import { problemRoutes } from './http/problem-routes.ts'
import { createRateLimit } from './http/rate-limit.ts'
import { createServer } from './http/server.ts'
import { consentRoutes } from './intake/consent-routes.ts'
import { muteRoutes } from './intake/mute-routes.ts'
import { submissionRoutes } from './intake/routes.ts'
import { invitationRoutes } from './invitations/routes.ts'
import { joiningRoutes } from './joining/routes.ts'
import { signingKeyRoutes } from './keys/routes.ts'
import { meRoutes } from './me/routes.ts'
import { oauthMetadataRoutes } from './oauth/metadata.ts'
import { oauthRoutes } from './oauth/routes.ts'
import { passwordRoutes } from './passwords/routes.ts'
import { provisioningRoutes } from './provisioning/routes.ts'
import { sessionRoutes } from './sessions/routes.ts'
import { speakerRoutes } from './speakers/routes.ts'
import { staffRoutes } from './staff/routes.ts'
import { supportCodeRoutes } from './support-codes/routes.ts'
import { ticketRoutes } from './tickets/routes.ts'
import { topicRoutes } from './topics/routes.ts'
import { noTxt, type TxtResolver } from './txt.ts'
import { userRoutes } from './users/routes.ts'
import { version } from './version.ts'

export type Parts = {
  context: Context
  keys: Keys
  /** Whether requests should be sent here. */
  ready: () => Promise<boolean>
  /** The service's secret; every other key is derived from it. */
  secret: Buffer
  /** Absent: nothing can be looked up, and asking for it is an error. */
  txt?: TxtResolver
  logger: Exclude<FastifyServerOptions['logger'], undefined> | FastifyBaseLogger
}

/** The routes that need a proven caller and declare what he must be allowed. */
const secured = [
  decisionRoutes,
  explainRoutes,
  accountRoutes,
  domainRoutes,
  contactRoutes,
  speakerRoutes,
  auditRoutes,
  auditExportRoutes,
  attemptRoutes,
  grantRoutes,
  grantRequestRoutes,
  myGrantRoutes,
  requestCodeRoutes,
  ticketRoutes,
  submissionRoutes,
  consentRoutes,
  muteRoutes,
  supportCodeRoutes,
  topicRoutes,
  bootstrapRoutes,
  userRoutes,
  sessionRoutes,
  factorRoutes,
  passwordRoutes,
  addressRoutes,
  joiningRoutes,
  meRoutes,
  invitationRoutes,
  staffRoutes,
  clientRoutes,
  signingKeyRoutes,
  accessTokenRoutes,
  provisioningRoutes,
  oauthRoutes,
  oauthMetadataRoutes,
] satisfies ((app: App, feature: Feature) => Promise<void>)[]

/** Builds the application on an open, migrated database. It listens to nothing yet. */
export async function createApp({ context: given, keys, ready, secret, logger, txt = noTxt }: Parts): Promise<App> {
  const { config, clock, db } = given
  const issuer = config.publicUrl
  const paging = createPaging({ key: deriveKey(secret, 'cursors') })
  const app: App = createServer({
    logger,
    trustProxy: config.trustProxy,
    corsOrigins: config.corsOrigins,
    hsts: issuer.startsWith('https:'),
    now: () => clock.now(),
    bodyLimit: config.bodyLimitBytes,
  })
  const strangers = countStrangers({ db, clock, log: app.log })
  app.addHook('onClose', () => strangers.stop())
  const context: Context = { ...given, strangers }
  const feature: Feature = {
    context,
    keys,
    paging,
    factorKey: deriveKey(secret, 'second factors'),
    codeKey: deriveKey(secret, 'support codes'),
    keySets: createKeySets({ allowed: given.config.clientKeyUrls, usable: readPublishedKeys, log: app.log }),
    txt,
  }
  const rateLimit = createRateLimit({ quota: config.rateLimitRequests, windowSeconds: config.rateLimitSeconds, now: () => clock.now() })
  await app.register(authentication, { context, keys, issuer, rateLimit })
  registerOpenapi(app, { version })
  registerDocs(app)
  await app.register(problemRoutes)
  await app.register(keyRoutes, { keys })
  await app.register(healthRoutes, { ready })
  for (const routes of secured) await app.register(routes, feature)
  await app.ready()
  return app
}
