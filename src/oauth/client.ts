/** Which client asks: by a signed assertion, or by its secret. */
import { timingSafeEqual } from 'node:crypto'
import { eq } from 'drizzle-orm'
import type { FastifyRequest } from 'fastify'
import type { JWK } from 'jose'
import type { Context } from '../authority/context.ts'
import { clients } from '../database/tables.ts'
import { isUuid } from '../http/access.ts'
import type { Feature } from '../http/feature.ts'
import type { KeySetUnread } from '../http/key-sets.ts'
import { ownClient } from '../http/keys.ts'
import { hashOf } from '../outbox/secret.ts'
import { readAssertion, statedIssuer, statedKey } from './assertion.ts'
import { invalidClient, OAuthError } from './errors.ts'
import { type Form, required } from './form.ts'
import { takeOnce } from './single-use.ts'

/** `keysFor` are the keys that count for something it has signed. */
export type Client = { id: string; realm: string; mayStepUp: boolean; keysFor: (jwt: string) => Promise<readonly JWK[]> }

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const basicForm = /^basic +([A-Za-z0-9+/]+={0,2}) *$/i

type Credentials = { assertion: string } | { id: string; secret: string }

/**
 * The active client whose proof came with the request; undefined when none did. Used up or wrong, disabled or unknown, or one whose keys
 * cannot be read: one refusal.
 * @throws OAuthError `invalid_client`; `invalid_request` for two proofs at once (RFC 6749, section 2.3)
 */
export async function clientOf(feature: Feature, request: FastifyRequest, form: Form): Promise<Client | undefined> {
  const { context } = feature
  const credentials = credentialsOf(request.headers.authorization, form)
  if (credentials === undefined) {
    if (form.has('client_id') && form.get('client_id') !== ownClient) throw invalidClient()
    return undefined
  }
  const row = await findClient(context, 'assertion' in credentials ? statedIssuer(credentials.assertion) : credentials.id)
  if (row?.status !== 'active') throw invalidClient()
  const keysFor = (jwt: string) => keysOf(feature, row, jwt)
  const now = context.clock.now()
  const proven =
    'assertion' in credentials
      ? await isProven(context, row, await keysToProve(feature, row, credentials.assertion, now), credentials.assertion, now)
      : isSecret(row, credentials.secret, now)
  const another = form.has('client_id') && form.get('client_id') !== row.id
  if (!proven || another) throw invalidClient()
  return { id: row.id, realm: row.realm, mayStepUp: row.mayStepUp, keysFor }
}

type Row = typeof clients.$inferSelect

/** Those that are registered, and where the key is none of them those it publishes. */
async function keysOf({ keySets }: Feature, { keys, keysUrl }: Row, jwt: string): Promise<readonly JWK[]> {
  const kid = statedKey(jwt)
  const registered = keys as JWK[]
  if (keysUrl === null || registered.some((key) => key.kid === kid)) return registered
  return [...registered, ...(await keySets(keysUrl, kid))]
}

/**
 * The keys for its own proof. While those it publishes cannot be read, the registered ones serve alone; it is told to wait if it signs with
 * one that it had published, which proves nothing else; to everybody else it is like a client that does not exist, for its id is no secret.
 */
async function keysToProve(feature: Feature, row: Row, assertion: string, now: number): Promise<readonly JWK[]> {
  try {
    return await keysOf(feature, row, assertion)
  } catch (error) {
    const said = (keys: readonly JWK[]) => readAssertion(assertion, keys, expectedOf(feature.context, row, now))
    const registered = row.keys as JWK[]
    if (!('fault' in (await said(registered)))) return registered
    const before = await said((error as KeySetUnread).former)
    throw 'fault' in before || before.sub !== row.id ? invalidClient() : error
  }
}

async function findClient({ db }: Context, id: unknown): Promise<Row | undefined> {
  if (!isUuid(id)) return undefined
  const [row] = await db.select().from(clients).where(eq(clients.id, id))
  return row
}

function credentialsOf(authorization: string | undefined, form: Form): Credentials | undefined {
  const ways = [authorization === undefined ? [] : basicOf(authorization), assertionOf(form), secretOf(form)].flat()
  if (ways.length > 1) throw new OAuthError('invalid_request', 'The client proves itself in more than one way')
  return ways[0]
}

/** RFC 6749, section 2.3.1: both halves are form-encoded before they are put together. */
function basicOf(authorization: string): Credentials {
  const [, encoded] = basicForm.exec(authorization) ?? []
  const [, id, secret] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded ?? '', 'base64').toString()) ?? []
  try {
    if (id !== undefined && secret !== undefined) return { id: unescaped(id), secret: unescaped(secret) }
  } catch {
    // Half an escape is no name.
  }
  throw invalidClient()
}

const unescaped = (text: string): string => decodeURIComponent(text.replaceAll('+', ' '))

function assertionOf(form: Form): Credentials[] {
  const assertion = form.get('client_assertion')
  if (assertion === undefined && !form.has('client_assertion_type')) return []
  if (form.get('client_assertion_type') !== assertionType)
    throw new OAuthError('invalid_request', `client_assertion_type takes ${assertionType}`)
  return [{ assertion: required(form, 'client_assertion') }]
}

function secretOf(form: Form): Credentials[] {
  const secret = form.get('client_secret')
  return secret === undefined ? [] : [{ id: required(form, 'client_id'), secret }]
}

/** RFC 7523, sections 2.2 and 3: by the client, about itself, to us alone, for a minute, once. */
async function isProven(context: Context, row: Row, keys: readonly JWK[], assertion: string, now: number): Promise<boolean> {
  const read = await readAssertion(assertion, keys, expectedOf(context, row, now))
  return !('fault' in read) && read.sub === row.id && (await takeOnce(context.db, read, now))
}

const expectedOf = ({ config }: Context, { id }: Row, now: number) => ({
  audience: config.publicUrl,
  issuer: id,
  types: ['client-authentication+jwt'],
  lifeSeconds: 60,
  now,
})

/** The present secret, or the former one while it still serves. */
function isSecret({ secretHash, formerSecretHash, formerSecretEndsAt }: Row, secret: string, now: number): boolean {
  const given = hashOf(secret)
  const isFormer = formerSecretEndsAt !== null && now < formerSecretEndsAt.getTime() && isSame(formerSecretHash, given)
  return isSame(secretHash, given) || isFormer
}

const isSame = (kept: Buffer | null, given: Buffer): boolean => kept !== null && timingSafeEqual(kept, given)
