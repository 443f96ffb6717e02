/**
 * Who is asking, in the order of docs: 401 → 404 of the path (before the body is read) → … → 428 → stored answer → 403 → step-up.
 * A route that declares no access stops the start.
 */
import jwt from '@fastify/jwt'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { actionsFor } from '../authority/asked.ts'
import { permitted } from '../authority/authorise.ts'
import { principalIsActive } from '../authority/conditions.ts'
import type { Context } from '../authority/context.ts'
import { unauthenticated } from '../authority/judge.ts'
import { type Caller, load, type Named, principalOf, unread } from '../authority/load.ts'
import { reach } from '../authority/reach.ts'
import { Problem } from '../problem.ts'
import { type Access, askOfPath, type Secured } from './access.ts'
import { jwtOptions } from './bearer.ts'
import { callerOf } from './caller.ts'
import { fingerprint, idempotencyKey, replay } from './idempotency.ts'
import type { Keys } from './keys.ts'
import { ifMatch } from './preconditions.ts'
import type { RateLimit } from './rate-limit.ts'
import type { Standing } from './types.ts'
import { verifiedTokens } from './verified-tokens.ts'

type Options = { context: Context; keys: Keys; issuer: string; rateLimit: RateLimit }

export type DeclaredRoute = { method: string; url: string; access: Access }

const declared = new WeakMap<FastifyInstance, DeclaredRoute[]>()

/** Every route of an application and who it says may use it: what the matrix of roles and routes is made from. */
export function declaredRoutes(app: FastifyInstance): readonly DeclaredRoute[] {
  return declared.get(app) ?? []
}

/** Adds `request.standing`, and refuses in the order of checks. */
export const authentication = fastifyPlugin(async (app: FastifyInstance, { context, keys, issuer, rateLimit }: Options) => {
  const routes: DeclaredRoute[] = []
  declared.set(app, routes)
  app.decorateRequest('standing', null)
  await app.register(jwt, jwtOptions(keys, issuer))
  const readToken = verifiedTokens(keys.publicPem)
  app.addHook('onRoute', (route) => {
    const access = route.config?.access
    if (access === undefined) throw new Error(`${String(route.method)} ${route.url} declares no access`)
    for (const method of [route.method].flat()) routes.push({ method, url: route.url, access })
  })
  app.addHook('onRequest', async (request, reply) => {
    const access = request.routeOptions.config.access
    if (access === undefined || isUnused(access, request)) return rateLimit.charge(request, reply)
    const caller = await callerOf(context, issuer, readToken, request).catch((error: unknown) => {
      rateLimit.charge(request, reply)
      throw error
    })
    rateLimit.charge(request, reply, principalOf(caller))
    request.standing = await stand(context, caller, access, request)
  })
  app.addHook('preHandler', async (request, reply) => {
    const access = request.routeOptions.config.access
    if (access === undefined || 'open' in access || request.standing === null) return
    return admit(context, access, request.standing, request, reply)
  })
})

const isUnused = (access: Access, request: FastifyRequest): boolean =>
  'open' in access && (access.open === true || request.headers.authorization === undefined)

const selfOnly: Secured = { action: 'self.read', on: 'nothing' }

/** 401, then 404 for what the path names: from one statement. */
async function stand(context: Context, caller: Caller, access: Access, request: FastifyRequest): Promise<Standing> {
  const secured = 'open' in access ? selfOnly : access
  const ask = askOfPath(secured, request.params as Record<string, string>, request.query as object)
  const key = request.method === 'POST' ? idempotencyKey(request.headers['idempotency-key']) : undefined
  const repeatable = key === undefined ? null : { principalId: principalOf(caller), key, fingerprint: Buffer.alloc(0) }
  const standing: Standing = { caller, ask, loaded: unread, clauses: [], repeatable, expectedVersion: null }
  if (secured.late === undefined) {
    await read(context, standing, ask.named)
    // Not to be seen: judged, recorded and refused like everything else, only before the body is read.
    if (ask.seen?.(standing.loaded) === false) await permitted(context, standing.caller, ask, standing.loaded)
  } else request.prove = () => read(context, { ...standing }, {})
  return standing
}

/** Reads the facts, and refuses who is not signed in. */
async function read(context: Context, standing: Standing, named: Named): Promise<void> {
  const { caller, repeatable } = standing
  const loaded = await load(context.db, context.clock.offset(), caller, { ...named, idempotencyKey: repeatable?.key })
  if (!principalIsActive(loaded.facts, loaded.facts.now)) throw unauthenticated()
  standing.loaded = loaded
  // What a panel says of its user's sign-in counts only while its client is registered to say it.
  if (loaded.facts.client?.mayStepUp === false) standing.caller = { ...caller, authenticatedAt: 0 }
}

/** After the body has its shape: 428, the stored answer, then authority on what the path names. */
async function admit(
  context: Context,
  secured: Secured,
  standing: Standing,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply | undefined> {
  if (standing.repeatable !== null) standing.repeatable.fingerprint = fingerprint(request)
  else if (secured.idempotency === 'required') throw keyMissing()
  if (secured.late === 'own') return undefined
  if (secured.late !== undefined) {
    await read(context, standing, secured.late(request.body as never))
    request.prove = null
  }
  if (secured.ifMatch === true) standing.expectedVersion = ifMatch(request, { required: true }) ?? null
  const { stored } = standing.loaded
  if (stored !== null && standing.repeatable !== null) return replay(context, standing, stored, standing.repeatable, reply)
  if (secured.on === 'body') return undefined
  if (secured.on === 'everywhere' || secured.list === true) standing.clauses = clausesOf(secured, standing)
  if (secured.on !== 'everywhere' && standing.clauses.length === 0) {
    standing.authority = await permitted(context, standing.caller, standing.ask, standing.loaded)
  }
  return undefined
}

function clausesOf(secured: Secured, { loaded }: Standing) {
  const clauses = actionsFor(secured, loaded).flatMap((action) => reach(loaded.facts, action, loaded.facts.now))
  const account = loaded.account?.id
  return secured.on === 'everywhere' ? clauses : clauses.filter((clause) => clause.account === 'all' || clause.account === account)
}

function keyMissing(): Problem {
  const detail = 'Send an Idempotency-Key header (for example a UUID) and repeat it when you repeat the request'
  return new Problem('idempotency_key_missing', { detail })
}
