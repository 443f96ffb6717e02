/**
 * A name goes from one account to another. The row in the first ends and another one, with another id, begins in the second: a domain row
 * never changes account. Tickets, grants and events keep the first row, so the second account sees nothing from before.
 */
import { eq } from 'drizzle-orm'
import { permitted } from '../authority/authorise.ts'
import { notifyOwners } from '../authority/cascades.ts'
import type { Context } from '../authority/context.ts'
import { type AccountFact, question } from '../authority/facts.ts'
import { holdFreeDomain } from '../authority/holdings.ts'
import type { Ask, Authority } from '../authority/judge.ts'
import { load } from '../authority/load.ts'
import { giveUpDomain } from '../authority/releases.ts'
import type { Database } from '../database/open.ts'
import { domainNames, providerAccountId } from '../database/tables.ts'
import type { Standing } from '../http/types.ts'
import { newId } from '../id.ts'
import type { Jobs } from '../jobs/jobs.ts'
import { Problem } from '../problem.ts'

export type Holder = { accountId: string; domainId: string }

/** Who holds a name now. */
export async function holderOf(db: Database, name: string): Promise<Holder | undefined> {
  const [holder] = await db
    .select({ accountId: domainNames.accountId, domainId: domainNames.domainId })
    .from(domainNames)
    .where(eq(domainNames.name, name))
  return holder
}

/**
 * The other account that a move is about: who moves a name must be allowed in both. Null for one that is not there, which only staff are
 * told. Throws the refusal.
 */
export async function otherAccount(
  context: Context,
  standing: Standing,
  ref: { id: string } | { number: string },
): Promise<AccountFact | null> {
  const loaded = await load(context.db, context.clock.offset(), standing.caller, { account: ref })
  const about = { ...standing.ask, seen: undefined }
  await permitted(
    context,
    standing.caller,
    // One that is not there is nobody's; a question about no account would be one about the provider's own.
    { ...about, about: ({ account }, action) => question(action, account?.id ?? providerAccountId) },
    loaded,
  )
  return loaded.account
}

/**
 * What is asked of staff who give a name away over its holder, or without proof: a fresh sign-in. A client has none to show; it moves names
 * only between accounts of its own realm.
 */
export function overruling({ ask, loaded }: Standing): Ask {
  return { ...ask, stepUp: loaded.facts.staff !== null }
}

/**
 * Moves a name, under the keys of both accounts, and returns the id of the new domain. `from` is undefined for a name that is free.
 * @throws Problem `conflict` when somebody else has taken it meanwhile, or for an account that is closed
 */
export async function moveName(
  jobs: Jobs,
  tx: Database,
  authority: Authority,
  from: Holder | undefined,
  to: string,
  name: string,
  reason: string,
): Promise<string> {
  if (from !== undefined) await giveUpDomain(jobs, tx, { ...authority, accountId: from.accountId }, from.accountId, from.domainId, reason)
  const id = newId()
  if (!(await holdFreeDomain(tx, { ...authority, accountId: to }, to, { id, name }, reason))) throw taken()
  await notifyOwners(tx, jobs, to, 'domain_added_by_staff', id)
  return id
}

function taken(): Problem {
  return new Problem('conflict', { detail: 'Somebody else has taken the name meanwhile; look again' })
}
