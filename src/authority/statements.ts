/** The only SQL that reads facts, in three forms: about one account and what is below it, about all of the caller's, and about many. */
import { type SQL, sql } from 'drizzle-orm'
import { perShape, statement, value } from '../database/statement.ts'
import { accountObject, contactMembers, domainObject, grantObject, principal, ticketObject } from './objects.ts'
import {
  accountPart,
  contactPart,
  domainsPart,
  grantPart,
  heldElsewhere,
  ownContacts,
  ownGrants,
  storedPart,
  submissionPart,
  ticketPart,
  userPart,
} from './parts.ts'

/** What every one of them yields; `load.ts` knows its form. */
export type Facted = { facts: unknown }

/** What is named, as far as the statement depends on it: only what a request names is asked for, since a part costs even where it finds nothing. */
export type Shape = Record<
  'id' | 'number' | 'ticket' | 'contact' | 'grant' | 'user' | 'submission' | 'domainIds' | 'domainNames' | 'severalNames' | 'key',
  boolean
>

/** A column a feature adds where a ticket is named: a subquery on `t`, the ticket. Its name becomes part of the statement's. */
export type AlsoRead = { name: string; column: SQL }

/** All of it as one value: one column is described and parsed, and numbers of the database are numbers here, whichever driver. */
const asOne = (parts: SQL): SQL => sql`select row_to_json(f) as facts from (select ${parts}) f`

export const factsOfOne = perShape<Shape, Facted>('authority_facts_one', (has, also) => {
  const accountIds = [
    ...(has.id ? [value('account', 'uuid')] : []),
    ...(has.ticket ? [sql`(select account_id from t)`] : []),
    ...(has.number ? [sql`(select n.account_id from account_numbers n where n.number = ${value('number', 'text')})`] : []),
  ]
  const domains = [
    ...(has.domainIds ? [sql`d.id = any(${value('domainIds', 'uuid[]')})`] : []),
    ...(has.ticket ? [sql`d.id = (select domain_id from t)`] : []),
    ...(has.domainNames ? [sql`(d.name = any(${value('domainNames', 'text[]')}) and d.released_at is null)`] : []),
  ]
  const tables = [
    ...(has.ticket ? [sql`t as materialized (select * from tickets where id = ${value('ticket', 'uuid')})`] : []),
    ...(accountIds.length > 0
      ? [sql`a as materialized (select * from accounts where id = coalesce(${sql.join([...accountIds, sql`null::uuid`], sql`, `)}))`]
      : []),
  ]
  const ofAccount = [accountPart, ownContacts, ownGrants, ...(domains.length > 0 ? [domainsPart(sql.join(domains, sql` or `))] : [])]
  const below = [...(has.severalNames ? [heldElsewhere] : []), ...(has.ticket ? [ticketPart] : []), ...(has.contact ? [contactPart] : [])]
  const parts = [
    principal,
    ...(has.key ? [storedPart] : []),
    ...(has.user ? [userPart] : []),
    ...(accountIds.length > 0
      ? [...ofAccount, ...below, ...(has.grant ? [grantPart] : []), ...(has.submission ? [submissionPart] : [])]
      : []),
    ...(has.ticket && also !== undefined ? [sql`${also.column} as also`] : []),
  ]
  const withTables = tables.length > 0 ? sql`with ${sql.join(tables, sql`, `)} ` : sql``
  return sql`${withTables}${asOne(sql.join(parts, sql`, `))}`
})

export const factsOfAll = statement<Facted>(
  'authority_facts_all',
  sql`
with c as materialized (select * from contacts where user_id = ${value('caller', 'uuid')} and status = 'active'),
g as materialized (select * from grants where grantee_user_id = ${value('caller', 'uuid')} and approved_at is not null
  and coalesce(ended_at, 'infinity') > clock_timestamp() + ${value('clockOffset', 'bigint')} * interval '1 millisecond' - interval '90 days')
${asOne(sql`${principal},
  (select json_agg(json_build_object(${contactMembers('c')})) from c) as contacts,
  (select json_agg(${grantObject}) from g) as grants,
  (select json_agg(${accountObject}) from accounts a
    where a.id = any(array(select account_id from c union select account_id from g))) as accounts`)}`,
)

export type ShapeOfMany = Record<'everywhere' | 'accountIds' | 'accountNumbers' | 'domainIds' | 'domainNames' | 'ticketIds', boolean>

/** Accounts are looked up by an array of ids, so that no plan reads all of them to find a few. */
export const factsOfMany = perShape<ShapeOfMany, Facted>('authority_facts_many', (has) => {
  const accountIds = [
    ...(has.everywhere ? [sql`select account_id from c`, sql`select account_id from g`] : []),
    ...(has.ticketIds ? [sql`select account_id from t`] : []),
    ...(has.accountIds ? [sql`select unnest(${value('accountIds', 'uuid[]')})`] : []),
    ...(has.accountNumbers
      ? [sql`select n.account_id from account_numbers n where n.number = any(${value('accountNumbers', 'text[]')})`]
      : []),
    sql`select null::uuid`,
  ]
  const among = sql`d.account_id = any(array(select id from a))`
  const domains = [
    ...(has.domainIds ? [sql`(${among} and d.id = any(${value('domainIds', 'uuid[]')}))`] : []),
    ...(has.ticketIds ? [sql`(${among} and d.id = any(array(select domain_id from t)))`] : []),
    ...(has.domainNames ? [sql`(${among} and d.name = any(${value('domainNames', 'text[]')}) and d.released_at is null)`] : []),
  ]
  const only = has.everywhere ? sql`` : sql` and account_id = any(array(select id from a))`
  const tickets = has.ticketIds ? [sql`t as materialized (select * from tickets where id = any(${value('ticketIds', 'uuid[]')}))`] : []
  const own = [
    sql`c as materialized (select * from contacts where user_id = ${value('caller', 'uuid')} and status = 'active'${only})`,
    sql`g as materialized (select * from grants where grantee_user_id = ${value('caller', 'uuid')} and approved_at is not null${only})`,
  ]
  const accounts = [sql`a as materialized (select * from accounts where id = any(array(${sql.join(accountIds, sql` union `)})))`]
  const parts = [
    principal,
    sql`(select json_agg(${accountObject}) from a) as accounts`,
    sql`(select json_agg(json_build_object(${contactMembers('c')})) from c) as contacts`,
    sql`(select json_agg(${grantObject}) from g) as grants`,
    ...(has.ticketIds ? [sql`(select json_agg(${ticketObject}) from t) as tickets`] : []),
    ...(domains.length > 0
      ? [sql`(select json_agg(${domainObject('d')}) from domains d where ${sql.join(domains, sql` or `)}) as domains`]
      : []),
  ]
  const tables = has.everywhere ? [...tickets, ...own, ...accounts] : [...tickets, ...accounts, ...own]
  return sql`with ${sql.join(tables, sql`, `)} ${asOne(sql.join(parts, sql`, `))}`
})
