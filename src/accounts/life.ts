/** The life of an account: `new → open → restricted ⇄ open → closed`, and open again. The provider decides, with a reason. */
import { eq, sql } from 'drizzle-orm'
import { eventOf } from '../authority/authorship.ts'
import { notifyOwners } from '../authority/cascades.ts'
import { changeOnce } from '../authority/change.ts'
import { endAllOf } from '../authority/closing.ts'
import type { Context } from '../authority/context.ts'
import type { AccountFact } from '../authority/facts.ts'
import type { Authority } from '../authority/judge.ts'
import { activeOwners } from '../authority/owners.ts'
import type { Answer } from '../database/idempotency.ts'
import type { Database } from '../database/open.ts'
import { accounts } from '../database/tables.ts'
import { etagOf, stale } from '../http/preconditions.ts'
import type { Standing } from '../http/types.ts'
import { append } from '../journal/append.ts'
import { Problem } from '../problem.ts'
import type { AccountState } from '../vocabulary.ts'
import type { Because } from './schema.ts'
import { readAccount } from './store.ts'

/** Where an account may go from where it is; `new` leaves by its first owner. */
const transitions: Readonly<Record<AccountState, readonly AccountState[]>> = {
  new: ['closed'],
  open: ['restricted', 'closed'],
  restricted: ['open', 'closed'],
  closed: ['open'],
}

type Verb = 'restricted' | 'closed' | 'reopened'

/** For example unpaid: no grant is live, contacts keep everything. Throws the refusal, or `invalid_transition`. */
export const restrictAccount = (context: Context, standing: Standing, body: Because): Promise<Answer> =>
  step(context, standing, 'restricted', body)

/** Ends grants, invitations, claims and domains, and resolves its tickets. Throws the refusal. */
export const closeAccount = (context: Context, standing: Standing, body: Because): Promise<Answer> =>
  step(context, standing, 'closed', body)

/** Open again, or `new` where nobody is its owner. Throws the refusal, `precondition_failed`, or `invalid_transition`. */
export const reopenAccount = (context: Context, standing: Standing, body: Because): Promise<Answer> =>
  step(context, standing, 'reopened', body)

function step(context: Context, standing: Standing, verb: Verb, { reason }: Because): Promise<Answer> {
  const { id } = standing.loaded.account as AccountFact
  const to = verb === 'reopened' ? 'open' : verb
  let altered = false
  const keys = { accounts: [id], unless: () => !altered }
  return changeOnce(context, standing.caller, standing.ask, keys, standing.repeatable, async (tx, authority, loaded) => {
    const { state, version } = loaded.account as AccountFact
    if (standing.expectedVersion !== null && standing.expectedVersion !== version) throw stale(version)
    // What only takes away is the same when repeated.
    if (state !== to || verb === 'reopened') {
      altered = true
      if (!transitions[state].includes(to)) throw invalidTransition(state, to)
      if (to === 'closed') await endAllOf(context.jobs, tx, authority, id)
      await become(context, tx, authority, id, to)
      const about = { resourceType: 'account', resourceId: id, changed: ['state'], value: { reason } }
      await append(tx, eventOf(authority, `account.${verb}`, about))
      await notifyOwners(tx, context.jobs, id, `account_${verb}`, id)
    }
    const body = await readAccount(tx, id)
    const made = { action: 'staff.provision', staffAction: 'staff.directory.read', account: id, ticket: null }
    return { status: 200, headers: { etag: etagOf(body.version) }, body, made }
  })
}

async function become({ config }: Context, tx: Database, { at }: Authority, id: string, to: AccountState): Promise<void> {
  const orphaned = to === 'open' && (await activeOwners(tx, id)).length === 0
  const accessUntil = to === 'closed' ? new Date(at + config.closedAccountDays * 86_400_000) : null
  await tx
    .update(accounts)
    .set({ state: orphaned ? 'new' : to, stateChangedAt: new Date(at), accessUntil, version: sql`${accounts.version} + 1` })
    .where(eq(accounts.id, id))
}

function invalidTransition(from: AccountState, to: AccountState): Problem {
  const allowed = transitions[from]
  return new Problem('invalid_transition', { detail: `From ${from} it can become ${allowed.join(', ')}`, members: { from, to, allowed } })
}
