import { change } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import type { AccountFact, DomainFact } from '../authority/facts.ts'
import { ifAltering } from '../authority/locks.ts'
import { giveUpDomain } from '../authority/releases.ts'
import type { Standing } from '../http/types.ts'

/** Releases a domain. It only takes away: it needs no version, and one that is released already stays as it is. Throws the refusal. */
export async function releaseDomain(context: Context, standing: Standing): Promise<void> {
  const { id: accountId } = standing.loaded.account as AccountFact
  const { id } = standing.loaded.domains[0] as DomainFact
  await change(context, standing.caller, standing.ask, ifAltering({ accounts: [accountId] }), (tx, authority) =>
    giveUpDomain(context.jobs, tx, authority, accountId, id),
  )
}
