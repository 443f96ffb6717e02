/** Whom an account has muted, as those who may decide about submissions see it. */
import { type SQL, sql } from 'drizzle-orm'
import type { DomainFact } from '../authority/facts.ts'
import { domainColumns, ms, objectOf } from '../authority/objects.ts'
import { type Clause, predicate } from '../authority/reach.ts'
import type { Database } from '../database/open.ts'
import { toUnicode } from '../hostname.ts'
import type { Mute } from './mute-schema.ts'

type Row = Omit<Mute, 'domain' | 'mutedAt'> & { domain: DomainFact | null; mutedAt: string | number }

/** What lies within the clauses: of a mute for all of the account nobody hears who is limited. */
const select = (accountId: string, clauses: readonly Clause[], condition: SQL): SQL => sql`
select m.id, json_build_object('id', u.id, 'name', u.name) as submitter, case when d.id is not null then ${objectOf(domainColumns)} end as domain,
  json_build_object('contact', c.id, 'user', json_build_object('id', cu.id, 'name', cu.name)) as "mutedBy", ${ms(sql`m.created_at`)} as "mutedAt"
from submission_mutes m join users u on u.id = m.submitter_user_id
  join contacts c on c.account_id = m.account_id and c.id = m.contact_id join users cu on cu.id = c.user_id
  left join domains d on d.account_id = m.account_id and d.id = m.domain_id
where m.account_id = ${accountId} and ${predicate(clauses, { accountId: sql`m.account_id`, domainId: sql`m.domain_id` })} and ${condition}`

/** Those in force, newest first, after the position of a cursor. */
export async function listMutes(
  db: Database,
  accountId: string,
  clauses: readonly Clause[],
  after: readonly [string, string] | undefined,
  limit: number,
): Promise<Mute[]> {
  const older = after === undefined ? sql`true` : sql`(m.created_at, m.id) < (${after[0]}::timestamptz, ${after[1]}::uuid)`
  const { rows } = await db.execute<Row>(sql`${select(accountId, clauses, sql`m.lifted_at is null and ${older}`)}
    order by m.created_at desc nulls last, m.id desc nulls last limit ${limit}`)
  return rows.map(toMute)
}

/** What a mute is about, lifted or not: a domain, or null for all of the account; undefined for one that is not within the clauses. */
export async function findMute(
  db: Database,
  accountId: string,
  clauses: readonly Clause[],
  id: string,
): Promise<{ domain: DomainFact | null } | undefined> {
  const { rows } = await db.execute<Row>(select(accountId, clauses, sql`m.id = ${id}`))
  return rows[0] && { domain: rows[0].domain }
}

function toMute({ domain, mutedAt, ...row }: Row): Mute {
  const named = domain && { id: domain.id, name: domain.name, unicode: toUnicode(domain.name) }
  return { ...row, domain: named, mutedAt: new Date(Number(mutedAt)).toISOString() }
}
