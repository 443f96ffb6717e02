/** The only SQL that reads facts, in three forms: about one account and what is below it, about all of the caller's, and about many. */
import { type SQL, sql } from 'drizzle-orm'
import { perShape } from '../database/shared-statement.ts'
import { statement, value } from '../database/statement.ts'
import { accountColumns, contactColumns, domainColumns, grantColumns, objectsOf, principal, ticketColumns } from './objects.ts'
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

/** A column a feature adds where a ticket is named: an expression on `t`, the ticket, which is null where there is none. Its name becomes part of the statement's. */
export type AlsoRead = { name: string; column: SQL }

/** All of it as one value: one column is described and parsed, and numbers of the database are numbers here, whichever driver. */
const asOne = (parts: SQL, from = sql``): SQL => sql`select row_to_json(f) as facts from (select ${parts}${from}) f`

export const factsOfOne = perShape<Shape, Facted>(
  'authority_facts_one',
  () => true,
  (has, also) => {
    const accountIds = [
      ...(has.id ? [value('account', 'uuid')] : []),
      ...(has.ticket ? [sql`t.account_id`] : []),
      ...(has.number ? [sql`(select n.account_id from account_numbers n where n.number = ${value('number', 'text')})`] : []),
    ]
    const domains = [
      ...(has.domainIds ? [sql`d.id = any(${value('domainIds', 'uuid[]')})`] : []),
      ...(has.ticket ? [sql`d.id = t.domain_id`] : []),
      ...(has.domainNames ? [sql`(d.name = any(${value('domainNames', 'text[]')}) and d.released_at is null)`] : []),
    ]
    const ticket = has.ticket ? sql` left join tickets t on t.id = ${value('ticket', 'uuid')}` : sql``
    const account = accountIds.length > 0 ? sql` left join accounts a on a.id = ${firstOf(accountIds)}` : sql``
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
    return asOne(sql.join(parts, sql`, `), sql` from (select) one${ticket}${account}`)
  },
)

const firstOf = (ids: readonly SQL[]): SQL => (ids.length === 1 ? (ids[0] as SQL) : sql`coalesce(${sql.join([...ids], sql`, `)})`)

export const factsOfAll = statement<Facted>(
  'authority_facts_all',
  sql`
with c as materialized (select * from contacts where user_id = ${value('caller', 'uuid')} and status = 'active'),
g as materialized (select * from grants where grantee_user_id = ${value('caller', 'uuid')} and approved_at is not null
  and coalesce(ended_at, 'infinity') > clock_timestamp() + ${value('clockOffset', 'bigint')} * interval '1 millisecond' - interval '90 days')
${asOne(sql`${principal},
  ${objectsOf(contactColumns('c'), sql`c`)} as contacts,
  ${objectsOf(grantColumns, sql`g`)} as grants,
  ${objectsOf(
    accountColumns,
    sql`accounts a where a.id = any(array(select account_id from c) || array(select account_id from g))`,
  )} as accounts`)}`,
)

/** `oneAccount`: one is named, by its id, and nothing else leads to an account. */
export type ShapeOfMany = Record<
  'everywhere' | 'oneAccount' | 'accountIds' | 'accountNumbers' | 'domainIds' | 'domainNames' | 'ticketIds',
  boolean
>

/** What is read for all that somebody has, or for many accounts, may be much: others must not wait for it. */
const isOfFew = ({ everywhere, accountIds }: ShapeOfMany): boolean => !everywhere && !accountIds

/**
 * Accounts are looked up by an array of ids, so that no plan reads all of them to find a few; the array is one the statement makes, since
 * of one that is given the plan for any values seems worse than one for these, and PostgreSQL would plan it anew each time.
 */
export const factsOfMany = perShape<ShapeOfMany, Facted>('authority_facts_many', isOfFew, (has) => {
  const one = value('account', 'uuid')
  const accountIds = [
    ...(has.everywhere ? [sql`select account_id from c`, sql`select account_id from g`] : []),
    ...(has.ticketIds ? [sql`select account_id from t`] : []),
    ...(has.accountIds ? [sql`select unnest(${value('accountIds', 'uuid[]')})`] : []),
    ...(has.accountNumbers
      ? [sql`select n.account_id from account_numbers n where n.number = any(${value('accountNumbers', 'text[]')})`]
      : []),
    sql`select null::uuid`,
  ]
  const isThere = (column: SQL): SQL => (has.oneAccount ? sql`${column} = ${one}` : sql`${column} = any(array(select id from a))`)
  const among = isThere(sql`d.account_id`)
  const domains = [
    ...(has.domainIds ? [sql`(${among} and d.id = any(${value('domainIds', 'uuid[]')}))`] : []),
    ...(has.ticketIds ? [sql`(${among} and d.id = any(array(select domain_id from t)))`] : []),
    ...(has.domainNames ? [sql`(${among} and d.name = any(${value('domainNames', 'text[]')}) and d.released_at is null)`] : []),
  ]
  const only = has.everywhere ? sql`` : sql` and ${isThere(sql`account_id`)}`
  const own = {
    c: sql`(select * from contacts where user_id = ${value('caller', 'uuid')} and status = 'active'${only})`,
    g: sql`(select * from grants where grantee_user_id = ${value('caller', 'uuid')} and approved_at is not null${only})`,
  }
  const ofOwn = [sql`c as materialized ${own.c}`, sql`g as materialized ${own.g}`]
  const accounts = sql`a as materialized (select * from accounts where id = any(array(${sql.join(accountIds, sql` union `)})))`
  const tables = [
    ...(has.ticketIds ? [sql`t as materialized (select * from tickets where id = any(${value('ticketIds', 'uuid[]')}))`] : []),
    ...(has.everywhere ? ofOwn : []),
    ...(has.oneAccount ? [] : [accounts]),
  ]
  const parts = [
    principal,
    sql`${objectsOf(accountColumns, has.oneAccount ? sql`accounts a where a.id = ${one}` : sql`a`)} as accounts`,
    sql`${objectsOf(contactColumns('c'), has.everywhere ? sql`c` : sql`${own.c} c`)} as contacts`,
    sql`${objectsOf(grantColumns, has.everywhere ? sql`g` : sql`${own.g} g`)} as grants`,
    ...(has.ticketIds ? [sql`${objectsOf(ticketColumns, sql`t`)} as tickets`] : []),
    ...(domains.length > 0 ? [sql`${objectsOf(domainColumns, sql`domains d where ${sql.join(domains, sql` or `)}`)} as domains`] : []),
  ]
  return sql`${tables.length === 0 ? sql`` : sql`with ${sql.join(tables, sql`, `)} `}${asOne(sql.join(parts, sql`, `))}`
})
