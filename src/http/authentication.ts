/**
 * Who is asking, in the order of docs: 401 → 404 of the path (before the body is read) → … → 428 → stored answer → 403 → step-up.
 * A route that declares no access stops the start.
 */
import jwt from '@fastify/jwt'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { permitted } from '../authority/authorise.ts'
import { principalIsActive } from '../authority/conditions.ts'
import type { Context } from '../authority/context.ts'
import { actionFor, unauthenticated } from '../authority/judge.ts'
import { type Caller, load } from '../authority/load.ts'
import { reach } from '../authority/reach.ts'
import { Problem } from '../problem.ts'
import { type Access, askOfPath, isUuid, type Secured } from './access.ts'
import { fingerprint, idempotencyKey, replay } from './idempotency.ts'
import type { Keys } from './keys.ts'
import { ifMatch } from './preconditions.ts'
import type { RateLimit } from './rate-limit.ts'
import type { Standing } from './types.ts'

type Options = { context: Context; keys: Keys; issuer: string; rateLimit: RateLimit }

/** Adds `request.standing`, and refuses in the order of checks. */
export const authentication = fastifyPlugin(async (app: FastifyInstance, { context, keys, issuer, rateLimit }: Options) => {
  app.decorateRequest('standing', null)
  await app.register(jwt, jwtOptions(keys, issuer))
  app.addHook('onRoute', (route) => {
    if (route.config?.access === undefined) throw new Error(`${String(route.method)} ${route.url} declares no access`)
  })
  app.addHook('onRequest', async (request, reply) => {
    const access = request.routeOptions.config.access
    if (access === undefined || isUnused(access, request)) return rateLimit.charge(request, reply)
    const caller = await callerOf(context, issuer, request).catch((error: unknown) => {
      rateLimit.charge(request, reply)
      throw error
    })
    rateLimit.charge(request, reply, caller.userId)
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
  const ask = askOfPath(secured, request.params as Record<string, string>)
  const key = request.method === 'POST' ? idempotencyKey(request.headers['idempotency-key']) : undefined
  const loaded = await load(context.db, context.clock.offset(), caller, { ...ask.named, idempotencyKey: key })
  if (!principalIsActive(loaded.facts, loaded.facts.now)) throw unauthenticated()
  // Not to be seen: judged, recorded and refused like everything else, only before the body is read.
  if (ask.seen?.(loaded) === false) await permitted(context, caller, ask, loaded)
  const repeatable = key === undefined ? null : { principalId: caller.userId, key, fingerprint: Buffer.alloc(0) }
  return { caller, ask, loaded, clauses: [], repeatable, expectedVersion: null }
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
  const clauses = reach(loaded.facts, actionFor(secured, loaded), loaded.facts.now)
  const account = loaded.account?.id
  return secured.on === 'everywhere' ? clauses : clauses.filter((clause) => clause.account === 'all' || clause.account === account)
}

function keyMissing(): Problem {
  const detail = 'Send an Idempotency-Key header (for example a UUID) and repeat it when you repeat the request'
  return new Problem('idempotency_key_missing', { detail })
}

const requiredClaims = ['iss', 'aud', 'exp', 'iat', 'sub', 'jti', 'sid', 'client_id', 'auth_time']

function jwtOptions(keys: Keys, issuer: string) {
  return {
    secret: async (_request: FastifyRequest, token: { header?: { kid?: unknown } }) => {
      const kid = token.header?.kid
      const pem = typeof kid === 'string' ? keys.publicPem(kid) : undefined
      if (pem === undefined) throw unauthenticated()
      return pem
    },
    decode: { complete: true, checkTyp: 'at+jwt' },
    // Times are checked by us, with the service's own clock: the library knows only the machine's.
    verify: {
      algorithms: ['EdDSA'],
      allowedIss: issuer,
      allowedAud: issuer,
      requiredClaims,
      checkTyp: 'at+jwt',
      cache: false,
      ignoreExpiration: true,
      ignoreNotBefore: true,
    },
  } as never
}

type Claims = Record<'iss' | 'aud' | 'sub' | 'sid' | 'exp' | 'iat' | 'nbf' | 'auth_time', unknown>

const tokenLengthMax = 4_096
const futureSecondsMax = 5

/** The caller an access token names (RFC 9068). Whatever is wrong with a token, the answer is the same 401. */
async function callerOf(context: Context, issuer: string, request: FastifyRequest): Promise<Caller> {
  if ((request.headers.authorization?.length ?? 0) > tokenLengthMax) throw unauthenticated()
  const claims = await request.jwtVerify<Claims>().then(
    (payload) => payload,
    () => {
      throw unauthenticated()
    },
  )
  const { sub, sid, exp, iat, nbf, auth_time: authTime } = claims
  const now = context.clock.now() / 1000
  const inTime =
    isNumber(exp) && now < exp && isNumber(iat) && iat <= now + futureSecondsMax && (nbf === undefined || (isNumber(nbf) && nbf <= now))
  const ours = claims.iss === issuer && claims.aud === issuer && isUuid(sub) && isUuid(sid) && isNumber(authTime)
  if (!inTime || !ours) throw unauthenticated()
  return { userId: sub, sessionId: sid, requestId: request.id, authenticatedAt: authTime * 1000 }
}

const isNumber = (claim: unknown): claim is number => typeof claim === 'number' && Number.isFinite(claim)
