/**
 * The door of provisioning: a client with a token of its own, and its own realm. Whatever the realm did not provision is not there, for
 * each account is found by what this realm calls it and by nothing else.
 */
import { and, eq } from 'drizzle-orm'
import { permitted } from '../authority/authorise.ts'
import { change } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import { type AccountFact, type ClientFact, question } from '../authority/facts.ts'
import type { Ask, Authority } from '../authority/judge.ts'
import { brokenConstraint } from '../database/errors.ts'
import type { Database } from '../database/open.ts'
import { externalAccounts } from '../database/tables.ts'
import type { Standing } from '../http/types.ts'
import type { Jobs } from '../jobs/jobs.ts'
import { Problem } from '../problem.ts'

/** Everything a step of provisioning is done with: one transaction, under the account's key. */
export type Work = { tx: Database; jobs: Jobs; authority: Authority; realm: string }

/** What became of one thing. */
export type Result = 'created' | 'changed' | 'unchanged'

/** Somebody else has just provisioned the same account; the transaction must end with it. */
export class Overtaken extends Error {}

/** The realm of the caller. @throws Problem the refusal of everybody but a client that speaks for itself. */
export async function realmOf(context: Context, { caller, ask, loaded }: Standing): Promise<string> {
  await permitted(context, caller, askAbout(ask, null), loaded)
  return (loaded.facts.client as ClientFact).realm
}

/**
 * Runs `work` for the account that the caller's realm calls `external`, or for none when it has no such: once more from the start when a
 * twin of this request has made it meanwhile. Throws the refusal.
 */
export async function provision<T>(
  context: Context,
  standing: Standing,
  external: string,
  work: (step: Work, account: AccountFact | null) => Promise<T>,
): Promise<T> {
  const realm = await realmOf(context, standing)
  const attempt = async (): Promise<T> => {
    const id = await findAccount(context.db, realm, external)
    const keys = { accounts: id === null ? [] : [id], unless: isUnchanged }
    return change(context, standing.caller, askAbout(standing.ask, id), keys, (tx, authority, loaded) =>
      work({ tx, jobs: context.jobs, authority, realm }, loaded.account),
    )
  }
  return attempt().catch((error: unknown) => {
    if (error instanceof Overtaken) return attempt()
    throw error
  })
}

/** What was put as it is already changes nobody's authority, however often it is put. */
function isUnchanged(done: unknown): boolean {
  const rows = (Array.isArray(done) ? done : [done]) as ({ result?: string } | undefined)[]
  return rows.every((one) => one?.result === 'unchanged')
}

/** One row, undone by itself if it fails, so that the transaction can go on; what it broke is told. */
export async function row<T>(step: Work, work: (step: Work) => Promise<T>): Promise<T> {
  try {
    return await step.tx.transaction((tx) => work({ ...step, tx }))
  } catch (error) {
    throw brokenConstraint(error) === 'contacts_active' ? roleTaken(error) : error
  }
}

/** A person is asked for what nobody holds: admins have routes of their own, where they answer for what they do themselves. */
function askAbout(ask: Ask, accountId: string | null): Ask {
  return {
    ...ask,
    named: accountId === null ? {} : { account: { id: accountId } },
    about: ({ facts }, action) => (facts.user === null ? question(action, accountId) : question('account.update', null)),
  }
}

async function findAccount(db: Database, realm: string, external: string): Promise<string | null> {
  const known = and(eq(externalAccounts.realm, realm), eq(externalAccounts.externalId, external))
  const [found] = await db.select({ id: externalAccounts.accountId }).from(externalAccounts).where(known)
  return found?.id ?? null
}

function roleTaken(cause: unknown): Problem {
  return new Problem('conflict', { detail: 'The same person is a contact of this account in this role already', cause })
}
