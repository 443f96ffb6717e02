import { changeOnce } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import type { AccountFact } from '../authority/facts.ts'
import { holdDomains, type NewDomain, readDomainNames } from '../authority/holdings.ts'
import type { Answer } from '../database/idempotency.ts'
import { etagOf } from '../http/preconditions.ts'
import type { Standing } from '../http/types.ts'
import type { CreateDomain } from './schema.ts'
import { readDomain } from './store.ts'

/** The provider puts a domain into an account. Throws the refusal, what is wrong with the name, or the conflict when it is held or the account is closed. */
export function addDomain(context: Context, standing: Standing, { name }: CreateDomain): Promise<Answer> {
  const [wanted] = readDomainNames([{ text: name, pointer: '#/name' }]) as [NewDomain]
  const { id: accountId } = standing.loaded.account as AccountFact
  const keys = { accounts: [accountId] }
  return changeOnce(context, standing.caller, standing.ask, keys, standing.repeatable, async (tx, authority, loaded) => {
    await holdDomains(tx, authority, accountId, [wanted])
    return {
      status: 201,
      headers: { location: `/v1/accounts/${accountId}/domains/${wanted.id}`, etag: etagOf(1) },
      body: await readDomain(tx, loaded.account as AccountFact, wanted.id),
      made: { action: 'staff.provision', staffAction: 'staff.directory.read', account: accountId, ticket: null },
    }
  })
}
