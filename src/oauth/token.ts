/** Sessions that a proof begins, and the access tokens on them. */
import type { Context } from '../authority/context.ts'
import type { Database } from '../database/open.ts'
import { providerAccountId, sessions } from '../database/tables.ts'
import type { Feature } from '../http/feature.ts'
import type { AccessClaims } from '../http/keys.ts'
import { newId } from '../id.ts'
import { append, type JournalEvent } from '../journal/append.ts'
import type { SessionKind, VerificationLevel, VerificationMethod } from '../vocabulary.ts'
import type { TokenAnswer } from './schema.ts'

/** What a session is begun with; instants in epoch ms. */
export type Beginning = {
  userId: string | null
  clientId: string | null
  kind: SessionKind
  method: VerificationMethod
  level: VerificationLevel
  now: number
  authenticatedAt: number
  expiresAt: number
  parentId?: string
  requestId: string
}

/** Writes a session and its event, in the caller's transaction. */
export async function begin(tx: Database, beginning: Beginning, kind: 'session.started' | 'session.narrowed'): Promise<string> {
  const { now, authenticatedAt, expiresAt, requestId, userId, clientId, method, level } = beginning
  const id = newId()
  const instants = { createdAt: new Date(now), authenticatedAt: new Date(authenticatedAt), expiresAt: new Date(expiresAt) }
  await tx
    .insert(sessions)
    .values({ id, userId, clientId, kind: beginning.kind, method, level, parentId: beginning.parentId ?? null, ...instants })
  await append(tx, sessionEvent(kind, id, { userId, clientId, method, level, now, authenticatedAt, requestId }))
  return id
}

type Acting = Pick<Beginning, 'userId' | 'clientId' | 'method' | 'level' | 'now' | 'authenticatedAt' | 'requestId'>

/** An event about a session, by whoever it is of. */
export function sessionEvent(
  kind: JournalEvent['kind'],
  id: string,
  { userId, clientId, method, level, now, authenticatedAt, requestId }: Acting,
): JournalEvent {
  return {
    accountId: providerAccountId,
    kind,
    at: now,
    actorUserId: userId,
    clientId,
    capacity: userId === null ? 'client' : 'self',
    viaId: userId ?? clientId,
    sessionId: id,
    verification: method,
    verificationLevel: level,
    verifiedAt: authenticatedAt,
    resourceType: 'session',
    resourceId: id,
    requestId,
  }
}

type Held = Omit<AccessClaims, 'iat' | 'exp'> & {
  /** When it ends at the latest, in epoch ms. */
  until: number
}

/** An access token, in the answer that hands it over. It ends no later than `until`. */
export async function handOver({ context, keys }: Feature, { until, ...claims }: Held): Promise<TokenAnswer> {
  const iat = Math.floor(context.clock.now() / 1000)
  const exp = Math.min(iat + context.config.accessTokenSeconds, Math.floor(until / 1000))
  return { access_token: await keys.sign({ ...claims, iat, exp }), token_type: 'Bearer', expires_in: exp - iat }
}

/** How long a session of a panel or client lives at most. */
export const sessionLifeMs = ({ config }: Context): number => config.sessionHours * 3_600_000
