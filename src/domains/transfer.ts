import { changeOnce } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import type { AccountFact, DomainFact } from '../authority/facts.ts'
import { load } from '../authority/load.ts'
import type { Answer } from '../database/idempotency.ts'
import { accountRef } from '../http/access.ts'
import { etagOf, stale } from '../http/preconditions.ts'
import type { Standing } from '../http/types.ts'
import { invalid, Problem } from '../problem.ts'
import type { TransferDomain } from './claim-schema.ts'
import { moveName, otherAccount, overruling } from './move.ts'
import { readDomain } from './store.ts'

/**
 * The provider moves a domain into another account. Throws the refusal, what is wrong with the account, `precondition_failed`, or the
 * `conflict` of a domain that was released or an account that is closed.
 */
export async function transferDomain(context: Context, standing: Standing, { to: stated, reason }: TransferDomain): Promise<Answer> {
  const { id: from } = standing.loaded.account as AccountFact
  const to = await otherAccount(context, standing, accountRef(stated))
  if (to === null) throw invalid({ pointer: '#/to', detail: 'there is no such account', code: 'unknown' })
  if (to.id === from) throw invalid({ pointer: '#/to', detail: 'is the account that holds the domain', code: 'same' })
  const { caller, repeatable, expectedVersion } = standing
  return changeOnce(context, caller, overruling(standing), { accounts: [from, to.id] }, repeatable, async (tx, authority, loaded) => {
    const { id, name, releasedAt } = loaded.domains[0] as DomainFact
    if (releasedAt !== null) throw new Problem('conflict', { detail: 'The domain was released already' })
    const { version } = await readDomain(tx, loaded.account as AccountFact, id)
    if (expectedVersion !== null && expectedVersion !== version) throw stale(version)
    const account = (await load(tx, context.clock.offset(), caller, { account: { id: to.id } })).account as AccountFact
    const domainId = await moveName(context.jobs, tx, authority, { accountId: from, domainId: id }, to.id, name, reason)
    return {
      status: 201,
      headers: { location: `/v1/accounts/${to.id}/domains/${domainId}`, etag: etagOf(1) },
      body: await readDomain(tx, account, domainId),
      made: { action: 'staff.provision', staffAction: 'staff.directory.read', account: to.id, ticket: null },
    }
  })
}
