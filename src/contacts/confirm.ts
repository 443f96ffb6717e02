import { and, eq, sql } from 'drizzle-orm'
import { changeOnce } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import { type AccountFact, question } from '../authority/facts.ts'
import type { Ask } from '../authority/judge.ts'
import type { ContactRow } from '../authority/load.ts'
import { confirmedEvent } from '../authority/owners.ts'
import type { Answer } from '../database/idempotency.ts'
import { contacts } from '../database/tables.ts'
import { etagOf } from '../http/preconditions.ts'
import type { Standing } from '../http/types.ts'
import { append } from '../journal/append.ts'
import { hasEnded } from './problems.ts'
import { readContact } from './store.ts'

/**
 * An owner's yes to a contact that staff added. Whatever its role, only who may make an owner may say it: a manager's yes would be no
 * owner's. One that is confirmed already stays as it is. Throws the refusal, or `conflict` when the contact has ended.
 */
export function confirmContact(context: Context, standing: Standing): Promise<Answer> {
  const { id: accountId } = standing.loaded.account as AccountFact
  const ask: Ask = { ...standing.ask, about: (_loaded, action) => question(action, accountId, { targets: [{ role: 'owner' }] }) }
  let altered = false
  const keys = { accounts: [accountId], unless: () => !altered }
  return changeOnce(context, standing.caller, ask, keys, standing.repeatable, async (tx, authority, loaded) => {
    const contact = loaded.contact as ContactRow
    if (contact.status === 'ended') throw hasEnded()
    if (!contact.confirmed) {
      altered = true
      await tx
        .update(contacts)
        .set({ confirmedAt: new Date(authority.at), version: sql`${contacts.version} + 1` })
        .where(and(eq(contacts.accountId, accountId), eq(contacts.id, contact.id)))
      await append(tx, confirmedEvent(authority, accountId, contact.id))
    }
    const body = await readContact(tx, loaded.account as AccountFact, contact.id)
    return {
      status: 200,
      headers: { etag: etagOf(body.version) },
      body,
      made: { action: 'contact.read', staffAction: 'staff.directory.read', account: accountId, ticket: null },
    }
  })
}
