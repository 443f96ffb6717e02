/** An act on a grant that is there: under the account's key, on the version that was seen, answered once. */
import { changeOnce } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import type { AccountFact } from '../authority/facts.ts'
import type { Ask, Authority } from '../authority/judge.ts'
import type { GrantRow, Loaded } from '../authority/load.ts'
import type { Answer } from '../database/idempotency.ts'
import type { Database } from '../database/open.ts'
import { etagOf, stale } from '../http/preconditions.ts'
import type { Standing } from '../http/types.ts'
import type { GrantStatus } from '../vocabulary.ts'
import { statusAt } from './life.ts'
import type { Moment } from './moment.ts'
import { readRow, type StoredGrant } from './row.ts'
import { readGrant } from './store.ts'

export type Act = {
  context: Context
  tx: Database
  authority: Authority
  loaded: Loaded
  grant: StoredGrant
  /** Where it stands at this instant, recorded or not. */
  status: GrantStatus
}

/**
 * Carries out an act on the grant that the path names and answers with the grant as it is then. `work` says whether it altered anything
 * of it. `ask` is the route's own unless the body says more about what is asked. @throws Problem the refusal, `precondition_failed`, or what `work` throws
 */
export function actOnGrant(
  context: Context,
  standing: Standing,
  work: (act: Act) => Promise<boolean>,
  ask: Ask = standing.ask,
  answer: (tx: Database, of: Of, moment: Moment) => Promise<Answer> = showGrant,
): Promise<Answer> {
  const { id: accountId } = standing.loaded.account as AccountFact
  let altered = false
  const keys = { accounts: [accountId], unless: () => !altered }
  return changeOnce(context, standing.caller, ask, keys, standing.repeatable, async (tx, authority, loaded) => {
    const { id } = loaded.grant as GrantRow
    const act = await startAct(context, tx, authority, loaded, { accountId, id }, standing.expectedVersion)
    altered = await work(act)
    return answer(tx, { accountId, id }, { now: authority.at, answerDays: context.config.invitationDays })
  })
}

export type Of = { accountId: string; id: string }

async function showGrant(tx: Database, { accountId, id }: Of, moment: Moment): Promise<Answer> {
  const grant = await readGrant(tx, accountId, id, moment)
  return { status: 200, headers: { etag: etagOf(grant.version) }, body: grant, made: madeGrant(accountId, id) }
}

/** The grant as the act finds it. Under the account's exclusive key nobody else changes this version before the commit. */
export async function startAct(
  context: Context,
  tx: Database,
  authority: Authority,
  loaded: Loaded,
  of: Of,
  expectedVersion: number | null,
): Promise<Act> {
  const grant = await readRow(tx, of.accountId, of.id)
  if (expectedVersion !== null && expectedVersion !== grant.version) throw stale(grant.version)
  return { context, tx, authority, loaded, grant, status: statusAt(grant, authority.at, context.config.invitationDays) }
}

/** By which right the answer about a grant may be read again. */
export const madeGrant = (account: string, grant: string) =>
  ({ action: 'grant.read', staffAction: 'staff.directory.read', account, ticket: null, grant }) as const
