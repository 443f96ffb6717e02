/**
 * A panel's user: the panel says, signed, who has signed in there; we know him by issuer and subject only. Signing in makes nobody.
 */
import { and, eq, isNull } from 'drizzle-orm'
import { changeByProof } from '../authority/change.ts'
import type { Database } from '../database/open.ts'
import { clients, staffMembers, subjects, users } from '../database/tables.ts'
import { levelOfAmr } from '../identity/methods.ts'
import { type Assertion, isInstant, readAssertion } from './assertion.ts'
import type { Client } from './client.ts'
import { invalidClient, OAuthError } from './errors.ts'
import { required } from './form.ts'
import type { Plea } from './plea.ts'
import type { TokenAnswer } from './schema.ts'
import { takeOnce } from './single-use.ts'
import { begin, handOver, sessionLifeMs } from './token.ts'

/** RFC 7523bis names the type; older libraries send `JWT` or none. */
const types = ['authorization-grant+jwt', 'JWT', undefined]

/** `urn:ietf:params:oauth:grant-type:jwt-bearer` (RFC 7523, section 2.1). @throws OAuthError */
export async function panelToken({ feature, form, client, requestId }: Plea): Promise<TokenAnswer> {
  if (client === undefined) throw invalidClient()
  const { context } = feature
  const said = await read(required(form, 'assertion'), client, context.config.publicUrl, context.clock.now())
  const userId = await findSubject(context.db, client.realm, said.sub)
  if (userId === undefined) throw nobody()
  const session = await changeByProof(context, { users: [userId] }, async (tx, now) => {
    if (!(await stands(tx, client, said.sub, userId))) throw nobody()
    if (!(await takeOnce(tx, said, now))) throw refused('It was used before: make a new one, with another jti, for each request')
    const authenticatedAt = Math.min(said.authTime * 1000, now)
    const expiresAt = now + sessionLifeMs(context)
    const level = client.mayStepUp ? levelOfAmr(said.amr) : 'asserted'
    const who = { userId, clientId: client.id, kind: 'panel', method: 'panel', level } as const
    return { id: await begin(tx, { ...who, now, authenticatedAt, expiresAt, requestId }, 'session.started'), authenticatedAt, expiresAt }
  })
  return handOver(feature, {
    sub: userId,
    sid: session.id,
    client_id: client.id,
    // What a client that is not registered for it says of a sign-in never counts as a fresh one.
    auth_time: client.mayStepUp ? Math.floor(session.authenticatedAt / 1000) : 0,
    amr: client.mayStepUp ? said.amr : [],
    until: session.expiresAt,
  })
}

type Said = Assertion & { authTime: number; amr: string[] }

async function read(assertion: string, { realm, keysFor }: Client, audience: string, now: number): Promise<Said> {
  const found = await readAssertion(assertion, await keysFor(assertion), { audience, issuer: realm, types, lifeSeconds: 120, now })
  if ('fault' in found) throw refused(found.fault)
  const { auth_time: authTime, amr } = found.rest
  if (!isInstant(authTime) || authTime > found.iat) throw refused('Its auth_time must say when the user signed in: seconds since 1970')
  const isList = Array.isArray(amr) && amr.length <= 10 && amr.every((way) => typeof way === 'string' && way.length <= 64)
  if (!isList) throw refused('Its amr must say how the user signed in: a list of texts (RFC 8176)')
  return { ...found, authTime, amr }
}

async function findSubject(db: Database, issuer: string, subject: string): Promise<string | undefined> {
  const tied = and(eq(subjects.issuer, issuer), eq(subjects.subject, subject))
  const [row] = await db.select({ userId: subjects.userId }).from(subjects).where(tied)
  return row?.userId
}

/** Whether, under the user's key, it is still so: his tie, his status, the client's; and he is not of the provider's staff. */
async function stands(tx: Database, client: Client, subject: string, userId: string): Promise<boolean> {
  const [row] = await tx
    .select({ staff: staffMembers.id })
    .from(subjects)
    .innerJoin(users, and(eq(users.id, subjects.userId), eq(users.status, 'active')))
    .innerJoin(clients, and(eq(clients.id, client.id), eq(clients.status, 'active')))
    .leftJoin(staffMembers, and(eq(staffMembers.userId, users.id), isNull(staffMembers.endedAt)))
    .where(and(eq(subjects.issuer, client.realm), eq(subjects.subject, subject), eq(subjects.userId, userId)))
  return row !== undefined && row.staff === null
}

const refused = (why: string): OAuthError => new OAuthError('invalid_grant', `The assertion cannot be taken. ${why}`)

/** Unknown, suspended, or staff: the panel learns no difference. */
const nobody = (): OAuthError => refused('Its sub is no user of this realm who may sign in')
