/** Changing a client, its secret, or ending its use: under its exclusive key, so that every guarded act through it is decided again. */
import { eq, sql } from 'drizzle-orm'
import { eventOf } from '../authority/authorship.ts'
import { changeOnce } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import { type Authority, notFound } from '../authority/judge.ts'
import { brokenConstraint } from '../database/errors.ts'
import type { Answer } from '../database/idempotency.ts'
import type { Database } from '../database/open.ts'
import { clients } from '../database/tables.ts'
import { isUuid } from '../http/access.ts'
import { etagOf, stale } from '../http/preconditions.ts'
import type { Standing } from '../http/types.ts'
import { append } from '../journal/append.ts'
import { Problem } from '../problem.ts'
import { readKeys } from './keys.ts'
import { demandAllowed, nameTaken, proofless } from './register.ts'
import type { Client, UpdateClient } from './schema.ts'
import { newClientSecret, shownOnce } from './secret.ts'
import { readClient } from './store.ts'

/** Changes name, scopes, step-up or keys; from then on, what it may no longer do it cannot do, with tokens it has either. */
export async function updateClient(context: Context, standing: Standing, id: string, body: UpdateClient): Promise<Answer> {
  const wanted = { ...body, ...(body.keys !== undefined && { keys: (await readKeys(body.keys)) as Client['keys'] }) }
  demandAllowed(context, body.keysUrl)
  return alter(context, standing, id, async (tx, authority, client) => {
    const { expectedVersion } = standing
    if (expectedVersion !== null && expectedVersion !== client.version) throw stale(client.version)
    if (client.status !== 'active') throw disabled()
    const { keys, keysUrl, hasSecret } = { ...client, ...wanted }
    if (keys.length === 0 && keysUrl === null && !hasSecret) throw proofless()
    const changed = (Object.keys(wanted) as (keyof UpdateClient)[]).filter(
      (key) => JSON.stringify(wanted[key]) !== JSON.stringify(client[key]),
    )
    if (changed.length === 0) return
    await write(tx, id, wanted as Row)
    const value = { ...wanted, ...(wanted.keys && { keys: wanted.keys.map(({ kid }) => kid) }) }
    await append(tx, eventOf(authority, 'client.updated', { resourceType: 'client', resourceId: id, changed, value }))
  }).catch((error: unknown) => {
    throw brokenConstraint(error) === 'clients_name' ? nameTaken(body.name as string) : error
  })
}

const formerSecretMs = 24 * 3_600_000

/** Makes a new secret, shown once; the one before serves for another day, and the one before that no longer. */
export function rotateSecret(context: Context, standing: Standing, id: string): Promise<Answer> {
  const { secret, hash } = newClientSecret()
  return alter(
    context,
    standing,
    id,
    async (tx, authority, client) => {
      if (client.status !== 'active') throw disabled()
      const formerSecretEndsAt = client.hasSecret ? new Date(authority.at + formerSecretMs) : null
      await write(tx, id, { secretHash: hash, formerSecretHash: sql`${clients.secretHash}`, formerSecretEndsAt })
      await append(tx, eventOf(authority, 'client.secret_made', { resourceType: 'client', resourceId: id }))
    },
    (client) => ({ body: { client, secret }, storedBody: { client, secret: null, note: shownOnce } }),
  )
}

/** Ends the use of a client: every token of it fails from then on. One that is disabled already stays as it is. */
export function disableClient(context: Context, standing: Standing, id: string): Promise<Answer> {
  return alter(context, standing, id, async (tx, authority, client) => {
    if (client.status === 'disabled') return
    await write(tx, id, { status: 'disabled', disabledAt: new Date(authority.at) })
    await append(tx, eventOf(authority, 'client.disabled', { resourceType: 'client', resourceId: id }))
  })
}

type Row = Parameters<ReturnType<Database['update']>['set']>[0]

async function write(tx: Database, id: string, row: Row): Promise<void> {
  await tx
    .update(clients)
    .set({ ...row, version: sql`${clients.version} + 1` })
    .where(eq(clients.id, id))
}

async function alter(
  context: Context,
  { caller, ask, repeatable }: Standing,
  id: string,
  work: (tx: Database, authority: Authority, client: Client) => Promise<void>,
  answer: (client: Client) => Pick<Answer, 'body' | 'storedBody'> = (client) => ({ body: client }),
): Promise<Answer> {
  if (!isUuid(id)) throw notFound()
  let altered = false
  return changeOnce(context, caller, ask, { clients: [id], unless: () => !altered }, repeatable, async (tx, authority) => {
    const client = await readClient(tx, id)
    if (client === undefined) throw notFound()
    await work(tx, authority, client)
    const now = (await readClient(tx, id)) as Client
    altered = now.version > client.version
    const made = { action: 'staff.client.manage', staffAction: 'staff.client.manage', account: null, ticket: null }
    return { status: 200, headers: { etag: etagOf(now.version) }, ...answer(now), made }
  })
}

function disabled(): Problem {
  return new Problem('conflict', { detail: 'The client is disabled, and stays so: register another one' })
}
