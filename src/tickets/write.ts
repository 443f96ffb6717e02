/**
 * The statements that write tickets and messages: each is one round trip that holds the guard, the idempotency key, the rows, their
 * event and the stored answer, so that nothing is half done.
 */
import { type SQL, sql } from 'drizzle-orm'
import { guardOfNew, guardOfTicket } from '../authority/guard.ts'
import { insertRow } from '../database/rows.ts'
import { statement, value } from '../database/statement.ts'
import { idempotencyKeys, journalEvents, messages, tickets } from '../database/tables.ts'
import { eventKeys } from '../journal/append.ts'
import { keyKeys, messageKeys, ticketKeys } from './columns.ts'

/** Takes the key where the source stands; a key that is taken and not expired yields nothing, and then nothing is written. */
const takeKey = (source: SQL, row: SQL): SQL => sql`${insertRow(idempotencyKeys, keyKeys, source, row)}
  on conflict (principal_id, key) do update set fingerprint = excluded.fingerprint, status = excluded.status, headers = excluded.headers,
    body = excluded.body, made = excluded.made, created_at = excluded.created_at, expires_at = excluded.expires_at
  where idempotency_keys.expires_at <= excluded.created_at
  returning 1`

/** The number is drawn inside the statement, so the answer that is stored gets it there too. */
const numbered = (row: SQL): SQL =>
  sql`${row} || jsonb_build_object('body', (${row} -> 'body') || jsonb_build_object('number', 'T-' || n.number))`

const numberOnce = (source: SQL): SQL => sql`n as materialized (select nextval('ticket_number') as number from ${source})`

const writeTicket = sql`
k as (${takeKey(sql`n`, numbered(value('keyRow', 'jsonb')))}),
w as (${insertRow(tickets, ticketKeys, sql`k, n`, sql`${value('ticketRow', 'jsonb')} || jsonb_build_object('number', n.number)`)} returning number),
m as (${insertRow(messages, messageKeys, sql`w`, value('messageRow', 'jsonb'))}),
e as (${insertRow(journalEvents, eventKeys, sql`w`, value('eventRow', 'jsonb'))})`

export type Written = { stood: boolean; spendable: boolean; number: string | null }

const outcome = (spendable: SQL): SQL =>
  sql`select exists (select from g) as stood, ${spendable} as spendable, (select number from w)::text as number`

/** A new ticket: key, ticket, first message and event. */
export const insertTicket = statement<Written>(
  'tickets_insert',
  sql`with ${guardOfNew}, ${numberOnce(sql`g`)}, ${writeTicket} ${outcome(sql`true`)}`,
)

/** The same under a grant that counts: one use is spent in the creating statement, and only if the ticket is made. */
export const insertCountedTicket = statement<Written>(
  'tickets_insert_counted',
  sql`with ${guardOfNew},
us as materialized (select gr.id from g, grants gr where gr.account_id = ${value('guardAccount', 'uuid')} and gr.id = ${value('spentGrant', 'uuid')}
  and gr.status = 'active' and gr.uses < gr.max_uses for no key update of gr),
${numberOnce(sql`us`)}, ${writeTicket},
sp as (update grants set uses = uses + 1 from w where account_id = ${value('guardAccount', 'uuid')} and id = ${value('spentGrant', 'uuid')})
${outcome(sql`exists (select from us)`)}`,
)

/** The members of a ticket that an act may change, and their columns. */
const alterable = [
  ['status', 'status'],
  ['firstResponseAt', 'first_response_at'],
  ['lastCustomerReplyAt', 'last_customer_reply_at'],
  ['resolvedAt', 'resolved_at'],
] as const

/** The event's row with those that did change, from `s`, the ticket as it was locked, to `u`, as it is then. */
const eventOfChange: SQL = sql`${value('eventRow', 'jsonb')} || jsonb_build_object('changed', nullif(array_remove(array[${sql.join(
  alterable.map(([member, column]) => {
    const name = sql.identifier(column)
    return sql`case when s.${name} is distinct from u.${name} then ${sql.raw(`'${member}'`)} end`
  }),
  sql`, `,
)}], null), array[]::text[]))`

const actOn = (key: SQL, source: SQL): SQL => sql`with ${guardOfTicket},
s as materialized (select gt.* from g, gt where gt.status = ${value('fromStatus', 'text')}
  and (${value('fromVersion', 'int')} is null or gt.version = ${value('fromVersion', 'int')})),
${key}
m as (${insertRow(messages, messageKeys, sql`${source} join (select 1 where ${value('messageRow', 'jsonb')} is not null) present on true`, value('messageRow', 'jsonb'))}),
u as (update tickets tu set status = ${value('toStatus', 'text')}, version = s.version + ${value('raise', 'int')},
    first_response_at = coalesce(s.first_response_at, ${value('firstResponseAt', 'timestamptz')}),
    last_customer_reply_at = coalesce(${value('lastCustomerReplyAt', 'timestamptz')}, s.last_customer_reply_at),
    resolved_at = case ${value('toStatus', 'text')} when 'resolved' then coalesce(s.resolved_at, ${value('at', 'timestamptz')}) when 'closed' then s.resolved_at end
  from s, ${source} where tu.account_id = s.account_id and tu.id = s.id
  returning tu.version, tu.status, tu.first_response_at, tu.last_customer_reply_at, tu.resolved_at),
e as (${insertRow(journalEvents, eventKeys, sql`s, u`, eventOfChange)})
select exists (select from g) as stood, exists (select from s) as "inState", (select version from u) as version`

export type Acted = { stood: boolean; inState: boolean; version: number | null }

/** A message on a ticket, a step of its life, or both: with the ticket's row locked and its state and version compared. */
export const actOnTicket = statement<Acted>('tickets_act', actOn(sql``, sql`(select 1 from s) src`))

/** The same, once per key. */
export const actOnTicketOnce = statement<Acted>(
  'tickets_act_once',
  actOn(sql`k as (${takeKey(sql`s`, value('keyRow', 'jsonb'))}),`, sql`(select 1 from k) src`),
)
