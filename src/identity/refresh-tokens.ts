/**
 * Refresh tokens of people: 256 bits, kept as a hash, replaced at every use (RFC 9700, section 4.14.2). One that is used again ends its
 * session, because one of the two who hold it has stolen it. Only two uses within seconds are one person's two windows: both get the
 * same successor, which is kept sealed under a key made from the token itself, so that nobody who reads the database can use it.
 */
import { randomBytes } from 'node:crypto'
import { and, eq, isNull } from 'drizzle-orm'
import { changeByProof } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import type { Database } from '../database/open.ts'
import { deriveKey, open, seal } from '../database/secrets.ts'
import { refreshTokens, sessions, users } from '../database/tables.ts'
import { append } from '../journal/append.ts'
import { postSecurityNotice } from '../outbox/post.ts'
import { hashOf } from '../outbox/secret.ts'
import type { VerificationMethod } from '../vocabulary.ts'
import { selfEvent } from './newcomer.ts'

/** Secret scanners find them by it. */
const prefix = 'mdt_rt_'

/** For how long a token that has just been replaced still gets its successor. */
export const graceMs = 10_000

/** Makes the first token of a session, or the next, in the caller's transaction. `now` in epoch ms. */
export async function issueRefreshToken(tx: Database, sessionId: string, now: number): Promise<string> {
  const token = newRefreshToken()
  await tx.insert(refreshTokens).values({ secretHash: hashOf(token), sessionId, createdAt: new Date(now) })
  return token
}

/** One that nothing is known of yet: whoever makes it stores its hash. */
export const newRefreshToken = (): string => `${prefix}${randomBytes(32).toString('base64url')}`

/** A session whose access token may be renewed, and its next refresh token. Instants in epoch ms. */
export type Refreshed = {
  token: string
  userId: string
  sessionId: string
  method: VerificationMethod
  /** When the person signed in: refreshing is no fresh sign-in, nor is it a step-up that another token of the session stands for. */
  signedInAt: number
  expiresAt: number
}

/** Uses a refresh token; undefined when it is unknown, its session or user is not live, or it was used before: that ends the session. */
export async function useRefreshToken(context: Context, token: string, requestId: string): Promise<Refreshed | undefined> {
  const known = await find(context.db, token)
  if (known === undefined) return undefined
  let ended = false
  return changeByProof(context, { users: [known.userId], unless: () => !ended }, async (tx, now) => {
    const row = (await find(tx, token)) as Row
    if (row.endedAt !== null || now >= row.expiresAt.getTime() || row.status !== 'active') return undefined
    const next = row.rotatedAt === null ? await rotate(tx, token, row, now) : successorOf(token, row, now)
    if (next === undefined) {
      ended = true
      return endStolen(context, tx, row, now, requestId)
    }
    const { userId, sessionId, method, signedInAt, expiresAt } = row
    return { token: next, userId, sessionId, method, signedInAt: signedInAt.getTime(), expiresAt: expiresAt.getTime() }
  })
}

/** Whose session a refresh token is of, used or not; undefined for what is none. */
export async function sessionOfRefreshToken(db: Database, token: string): Promise<{ userId: string; sessionId: string } | undefined> {
  const row = await find(db, token)
  return row && { userId: row.userId, sessionId: row.sessionId }
}

type Row = NonNullable<Awaited<ReturnType<typeof find>>>

async function find(db: Database, token: string) {
  const [row] = await db
    .select({
      secretHash: refreshTokens.secretHash,
      rotatedAt: refreshTokens.rotatedAt,
      sealedSuccessor: refreshTokens.sealedSuccessor,
      sessionId: sessions.id,
      method: sessions.method,
      signedInAt: sessions.createdAt,
      level: sessions.level,
      authenticatedAt: sessions.authenticatedAt,
      expiresAt: sessions.expiresAt,
      endedAt: sessions.endedAt,
      userId: users.id,
      status: users.status,
    })
    .from(refreshTokens)
    .innerJoin(sessions, eq(sessions.id, refreshTokens.sessionId))
    .innerJoin(users, eq(users.id, sessions.userId))
    .where(eq(refreshTokens.secretHash, hashOf(token)))
  return row
}

const keyOf = (token: string): Buffer => deriveKey(Buffer.from(token), 'refresh token successor')

async function rotate(tx: Database, token: string, { secretHash, sessionId }: Row, now: number): Promise<string> {
  const next = await issueRefreshToken(tx, sessionId, now)
  await tx
    .update(refreshTokens)
    .set({ rotatedAt: new Date(now), sealedSuccessor: seal(keyOf(token), next, sessionId) })
    .where(eq(refreshTokens.secretHash, secretHash))
  return next
}

/** A clock that was put back makes no grace longer. */
function successorOf(token: string, { rotatedAt, sealedSuccessor, sessionId }: Row, now: number): string | undefined {
  if (Math.abs(now - (rotatedAt as Date).getTime()) > graceMs) return undefined
  return open(keyOf(token), sealedSuccessor as Buffer, sessionId).toString()
}

async function endStolen({ jobs }: Context, tx: Database, row: Row, now: number, requestId: string) {
  const { userId, sessionId, method, level, authenticatedAt } = row
  await tx
    .update(sessions)
    .set({ endedAt: new Date(now) })
    .where(and(eq(sessions.id, sessionId), isNull(sessions.endedAt)))
  const about = { sessionId, resourceType: 'session', resourceId: sessionId, reason: 'refresh_token_reused' }
  // The token proves nothing anew: who used it was verified when its session was.
  const verified = { verification: method, verificationLevel: level, verifiedAt: authenticatedAt.getTime() }
  await append(tx, { ...selfEvent('session.ended', userId, now, requestId, about), ...verified })
  await postSecurityNotice(jobs, tx, 'refresh_token_reused', userId)
  return undefined
}
