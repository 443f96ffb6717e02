/** Registering a client. It adds no authority to anybody: it may be used for its scopes at most, by the users of its realm. */
import { eventOf } from '../authority/authorship.ts'
import { changeOnce } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import type { Answer } from '../database/idempotency.ts'
import { clients } from '../database/tables.ts'
import { isUuid } from '../http/access.ts'
import { etagOf } from '../http/preconditions.ts'
import type { Standing } from '../http/types.ts'
import { newId } from '../id.ts'
import { append } from '../journal/append.ts'
import { invalid, Problem } from '../problem.ts'
import { readKeys } from './keys.ts'
import type { CreateClient } from './schema.ts'
import { newClientSecret, shownOnce } from './secret.ts'
import { readClient } from './store.ts'

/** @throws Problem the refusal, what is wrong with a field, or `conflict` for a name that is taken */
export async function registerClient(context: Context, { caller, ask, repeatable }: Standing, body: CreateClient): Promise<Answer> {
  const { name, realm, scopes, mayStepUp = false } = body
  if (isUuid(realm))
    throw invalid({ pointer: '#/realm', detail: 'must not look like a UUID: it could be taken for a client', code: 'format' })
  const keys = await readKeys(body.keys ?? [])
  const { keysUrl = null } = body
  demandAllowed(context, keysUrl)
  if (keys.length === 0 && keysUrl === null && body.secret === undefined) throw proofless()
  const secret = body.secret === undefined ? null : newClientSecret()
  return changeOnce(context, caller, ask, {}, repeatable, async (tx, authority) => {
    const id = newId()
    const row = { id, name, realm, scopes, mayStepUp, keys: keys as Record<string, unknown>[], keysUrl, secretHash: secret?.hash ?? null }
    const made = await tx
      .insert(clients)
      .values({ ...row, createdAt: new Date(authority.at) })
      .onConflictDoNothing()
      .returning({ id: clients.id })
    if (made.length === 0) throw nameTaken(name)
    const value = { name, realm, scopes, mayStepUp, kids: keys.map(({ kid }) => kid), keysUrl, secret: secret !== null }
    await append(tx, eventOf(authority, 'client.created', { resourceType: 'client', resourceId: id, value }))
    const client = await readClient(tx, id)
    return {
      status: 201,
      headers: { location: `/v1/clients/${id}`, etag: etagOf(1) },
      body: { client, secret: secret?.secret ?? null },
      storedBody: { client, secret: null, ...(secret !== null && { note: shownOnce }) },
      made: { action: 'staff.client.manage', staffAction: 'staff.client.manage', account: null, ticket: null },
    }
  })
}

/** Keys are read where the operator allows it, and nowhere an admin might be talked into. */
export function demandAllowed({ config }: Context, keysUrl: string | null | undefined): void {
  if (typeof keysUrl !== 'string' || config.clientKeyUrls.includes(keysUrl)) return
  throw invalid({ pointer: '#/keysUrl', detail: 'must be one of CLIENT_KEY_URLS, which the operator sets', code: 'not_allowed' })
}

/** A client that can prove itself by nothing is of no use. */
export function proofless(): Problem {
  return invalid({ pointer: '#/keys', detail: 'must have a key, or the client a secret', code: 'required' })
}

export function nameTaken(name: string): Problem {
  const errors = [{ pointer: '#/name', detail: 'is the name of another client', code: 'taken' }]
  return new Problem('conflict', { detail: `Another client has the name ${name}`, members: { errors } })
}
