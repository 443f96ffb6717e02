/**
 * What a search looks through, in pages: everything that could be in the answer and little more. It decides nothing; each candidate is
 * asked about one by one. Only tickets, of which there are too many, come from what is in reach.
 */
import { type SQL, sql } from 'drizzle-orm'
import type { AccountFact, DomainFact, Facts, TicketFact } from '../authority/facts.ts'
import { accountColumns, domainColumns, objectOf, ticketColumns } from '../authority/objects.ts'
import { predicate, reach } from '../authority/reach.ts'
import type { Database } from '../database/open.ts'
import type { Action } from '../vocabulary.ts'

/** Where a page begins: after this one. */
export type After = readonly [string, string] | undefined
export type Candidate = { account: AccountFact; domain: DomainFact | null; ticket: TicketFact | null; position: readonly [string, string] }

type Search = { facts: Facts; action: Action /** The only account asked about; undefined for any. */; account: string | undefined }

const beginning = '00000000-0000-0000-0000-000000000000'

/** Whose accounts and domains may matter: those the subject has a row on; for staff all. */
function accountsOf({ facts: { staff, contacts, grants }, account }: Search): SQL {
  const stated = account === undefined ? sql`true` : sql`a.id = ${account}::uuid`
  if (staff !== null) return stated
  const ids = [...contacts, ...grants].map(({ accountId }) => accountId)
  return sql`${stated} and a.id = any(${sql.param([...new Set(ids)])}::uuid[])`
}

export async function accountCandidates(db: Database, search: Search, after: After, limit: number): Promise<Candidate[]> {
  const { rows } = await db.execute<{ account: AccountFact }>(sql`
    select ${objectOf(accountColumns)} as account from accounts a
    where ${accountsOf(search)} and a.id > ${after?.[0] ?? beginning}::uuid order by a.id limit ${limit}`)
  return rows.map(({ account }) => ({ account, domain: null, ticket: null, position: [account.id, ''] }))
}

/** Of accounts that only grants tie the subject to, just the domains of these. */
export async function domainCandidates(db: Database, search: Search, after: After, limit: number): Promise<Candidate[]> {
  const { staff, contacts, grants } = search.facts
  const whole = [...new Set(contacts.map(({ accountId }) => accountId))]
  const granted = [...new Set(grants.flatMap(({ domains }) => domains))]
  const own = sql`(d.account_id = any(${sql.param(whole)}::uuid[]) or d.id = any(${sql.param(granted)}::uuid[]))`
  const { rows } = await db.execute<{ account: AccountFact; domain: DomainFact }>(sql`
    select ${objectOf(accountColumns)} as account, ${objectOf(domainColumns)} as domain from domains d join accounts a on a.id = d.account_id
    where ${accountsOf(search)} and ${staff === null ? own : sql`true`}
      and d.id > ${after?.[0] ?? beginning}::uuid order by d.id limit ${limit}`)
  return rows.map(({ account, domain }) => ({ account, domain, ticket: null, position: [domain.id, ''] }))
}

export async function ticketCandidates(
  db: Database,
  { facts, action, account }: Search,
  after: After,
  limit: number,
): Promise<Candidate[]> {
  const clauses = reach(facts, action, facts.now).filter(
    (clause) => account === undefined || clause.account === 'all' || clause.account === account,
  )
  const { rows } = await db.execute<{ account: AccountFact; domain: DomainFact | null; ticket: TicketFact; at: string }>(sql`
    select ${objectOf(accountColumns)} as account, ${objectOf(ticketColumns)} as ticket, t.created_at::text as at,
      ${objectOf(domainColumns, sql`domains d where d.account_id = t.account_id and d.id = t.domain_id`)} as domain
    from tickets t join accounts a on a.id = t.account_id
    where ${predicate(clauses, columns)} and ${account === undefined ? sql`true` : sql`t.account_id = ${account}::uuid`}
      and ${after === undefined ? sql`true` : sql`(t.created_at, t.id) < (${after[0]}::timestamptz, ${after[1]}::uuid)`}
    order by t.created_at desc nulls last, t.id desc nulls last limit ${limit}`)
  return rows.map(({ at, ...row }) => ({ ...row, position: [at, row.ticket.id] }))
}

const columns = {
  accountId: sql`t.account_id`,
  domainId: sql`t.domain_id`,
  topic: sql`t.topic`,
  contactsOnly: sql`t.contacts_only`,
  grantId: sql`t.grant_id`,
  createdAt: sql`t.created_at`,
}
