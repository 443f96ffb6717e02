/** What stands on a contact and falls with it: said before it is done, and kept by one who takes it upon himself in the same act. */
import { sql } from 'drizzle-orm'
import { adopt, readAdoptable } from '../authority/adoption.ts'
import type { Context } from '../authority/context.ts'
import type { Authority } from '../authority/judge.ts'
import type { Database } from '../database/open.ts'
import { toUnicode } from '../hostname.ts'
import { invalid } from '../problem.ts'
import type { Falls, How } from './schema.ts'

/** Rolls the transaction back and carries out of it what would have happened. */
class Rehearsed extends Error {
  readonly falls: Falls
  constructor(falls: Falls) {
    super('nothing was written')
    this.falls = falls
  }
}

/** The outcome of an act, or of one that was only rehearsed. */
export function outcomeOf<T>(acting: Promise<T>): Promise<T | Falls> {
  return acting.catch((error: unknown) => {
    if (error instanceof Rehearsed) return error.falls
    throw error
  })
}

/**
 * Carries out an act on a contact, in the caller's transaction and under the account's key. The grants to `adopt` are taken over first, so
 * that they do not fall; with `validateOnly` all of it is undone and what would have fallen is told.
 */
export async function actOnContact<T>(
  context: Context,
  tx: Database,
  authority: Authority,
  contact: { accountId: string; id: string },
  { adopt: ids = [], validateOnly = false }: How,
  work: () => Promise<T>,
): Promise<T> {
  await keep(context, tx, authority, contact, ids)
  if (!validateOnly) return work()
  const before = await standing(tx, contact.accountId)
  await work()
  const after = await standing(tx, contact.accountId)
  const grants = after.filter(({ id, version }) => before.some((grant) => grant.id === id && grant.version !== version))
  throw new Rehearsed({ grants: grants.map(({ version: _version, ...grant }) => ({ ...grant, domains: grant.domains.map(toUnicode) })) })
}

async function keep(
  { jobs }: Context,
  tx: Database,
  authority: Authority,
  { accountId, id: contactId }: { accountId: string; id: string },
  ids: readonly string[],
): Promise<void> {
  if (ids.length === 0) return
  const { via } = authority
  if (via.capacity !== 'contact' || via.id === contactId) throw notAdoptable('only another contact of the account can adopt them')
  const grants = await readAdoptable(tx, accountId, ids, authority.at)
  const its = grants.filter(({ grantorContactId }) => grantorContactId === contactId)
  if (its.length < new Set(ids).size) throw notAdoptable('must be grants in force that this contact stands for')
  for (const grant of its) await adopt(jobs, tx, authority, via.contact, grant)
}

const notAdoptable = (detail: string) => invalid({ parameter: 'adopt', in: 'query', detail, code: 'not_adoptable' })

type Standing = Falls['grants'][number] & { version: number }

async function standing(tx: Database, accountId: string): Promise<Standing[]> {
  const { rows } = await tx.execute<Standing>(sql`
    select g.id, g.status, g.version, to_json(g.suspension_causes) as "suspensionCauses", g.grantee_address as "granteeAddress",
      (select json_build_object('id', u.id, 'name', u.name) from users u where u.id = g.grantee_user_id) as grantee,
      (select coalesce(json_agg(d.name order by d.name), '[]'::json) from grant_domains l
        join domains d on d.account_id = l.account_id and d.id = l.domain_id where l.account_id = g.account_id and l.grant_id = g.id) as domains
    from grants g where g.account_id = ${accountId} order by g.id`)
  return rows
}
