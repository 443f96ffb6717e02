import { normaliseAddress } from '../address.ts'
import { changeOnce } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import { type AccountFact, question } from '../authority/facts.ts'
import type { Ask } from '../authority/judge.ts'
import type { Answer } from '../database/idempotency.ts'
import { etagOf } from '../http/preconditions.ts'
import type { Standing } from '../http/types.ts'
import { inviteContact } from '../outbox/contact-invitation.ts'
import { invalid } from '../problem.ts'
import { isLimitedOwner, limitedOwner, namedBy, readLimit, resolveLimit } from './limit.ts'
import type { InviteContact } from './schema.ts'
import { readContact } from './store.ts'

/**
 * Invites a contact. The new role is part of the question, so that nobody makes one who holds more than he does himself. The answer is
 * the same whether anybody is known by the address or not. Throws the refusal, or what is wrong with a field.
 */
export function invite(context: Context, standing: Standing, { address: stated, role, domains = 'all' }: InviteContact): Promise<Answer> {
  const { id: accountId } = standing.loaded.account as AccountFact
  const address = readAddress(stated)
  const limit = readLimit(domains)
  if (isLimitedOwner(role, limit !== null)) throw limitedOwner()
  const ask: Ask = {
    ...standing.ask,
    named: { ...standing.ask.named, ...namedBy(limit) },
    about: (_loaded, action) => question(action, accountId, { targets: [{ role }] }),
  }
  return changeOnce(context, standing.caller, ask, { accounts: [accountId] }, standing.repeatable, async (tx, authority, loaded) => {
    const id = await inviteContact(context, tx, authority, { accountId, role, address, limit: resolveLimit(limit, loaded) })
    return {
      status: 201,
      headers: { location: `/v1/accounts/${accountId}/contacts/${id}`, etag: etagOf(1) },
      body: await readContact(tx, loaded.account as AccountFact, id),
      made: { action: 'contact.read', staffAction: 'staff.directory.read', account: accountId, ticket: null },
    }
  })
}

function readAddress(text: string): string {
  const normal = normaliseAddress(text)
  if ('error' in normal) throw invalid({ pointer: '#/address', detail: normal.error, code: 'format' })
  return normal.address
}
