/**
 * The guard: a write happens only while everything `decide` read still stands. It locks and compares the revision of every owner of
 * a fact (`for share`, which makes it sound: after a concurrent change commits, the row is read again and no longer matches) behind
 * shared advisory locks (which only make it fair: a revoker waits for the writers before him, not for those after).
 *
 * Order of keys and rows everywhere: user → client → account → ticket, lower id first.
 */
import { type SQL, sql } from 'drizzle-orm'
import { value } from '../database/statement.ts'
import { sessionOf } from './conditions.ts'
import type { Via } from './facts.ts'
import type { Loaded } from './load.ts'

/** Classes of advisory locks (first key of two). */
export const userClass = 1
export const accountClass = 2
export const clientClass = 3

export type GuardValues = Record<string, unknown>

/**
 * Common table expressions that end in `g`: one row while the ground stands, none when it moved. Join it in the same statement as the
 * write; `now` is the instant of the decision and `until` the end of what justified it.
 */
export const guardOfAccount: SQL = sql`
gl as materialized (select count(pg_advisory_xact_lock_shared(${sql.raw(String(userClass))}, hashtext(k))) from unnest(${value('guardUsers', 'text[]')}) k),
gu as materialized (select u.id from gl, users u
  where (u.id = ${value('guardUser1', 'uuid')} and u.authority_revision = ${value('guardRevision1', 'bigint')})
     or (u.id = ${value('guardUser2', 'uuid')} and u.authority_revision = ${value('guardRevision2', 'bigint')})
  order by u.id for share of u),
gk as materialized (select pg_advisory_xact_lock_shared(${sql.raw(String(clientClass))}, hashtext(k))
  from (select count(*) from gu) c, unnest(array[${value('guardClient', 'text')}]) k where k is not null),
gc as materialized (select cl.id from (select count(*) from gk) c, clients cl
  where cl.id = ${value('guardClient', 'uuid')} and cl.authority_revision = ${value('guardClientRevision', 'bigint')} for share of cl),
gm as materialized (select pg_advisory_xact_lock_shared(${sql.raw(String(accountClass))}, hashtext(${value('guardAccount', 'text')}))
  from (select count(*) from gc) c),
ga as materialized (select a.id from gm, accounts a
  where a.id = ${value('guardAccount', 'uuid')} and a.authority_revision = ${value('guardAccountRevision', 'bigint')} for share of a),
g0 as materialized (select 1 as stands from ga where (select count(*) from gu) = cardinality(${value('guardUsers', 'text[]')})
  and (${value('guardClient', 'uuid')} is null or exists (select from gc))
  and floor(extract(epoch from clock_timestamp()) * 1000)::bigint + ${value('clockOffset', 'bigint')} < ${value('guardUntil', 'bigint')})`

/** The guard of an act that makes something new for an account. */
export const guardOfNew: SQL = sql`${guardOfAccount}, g as materialized (select stands from g0)`

/** The guard of an act on a ticket: also locks the ticket and compares its own revision. */
export const guardOfTicket: SQL = sql`${guardOfAccount},
gt as materialized (select tt.* from g0, tickets tt where tt.account_id = ${value('guardAccount', 'uuid')} and tt.id = ${value('guardTicket', 'uuid')}
  and tt.authority_revision = ${value('guardTicketRevision', 'bigint')} for update of tt),
g as materialized (select 1 as stands from gt)`

/** Stands for an owner there is none of. No row matches it, so an account that was not read lets nothing through. */
const nobody = { id: null, revision: null }

/** What the guard compares, from the facts that were read and the row that justified. The session's end bounds it too. */
export function guardValues(loaded: Loaded, via: Via, accountId: string, clockOffset: number): GuardValues {
  const { user, client, accounts } = loaded.facts
  const owners = new Map<string, number>()
  if (user !== null) owners.set(user.id, user.revision)
  const grantor = via.capacity === 'grant' ? via.grant.grantor : null
  if (grantor !== null) owners.set(grantor.userId, grantor.userRevision)
  const [first = nobody, second = nobody] = [...owners].sort(([a], [b]) => (a < b ? -1 : 1)).map(([id, revision]) => ({ id, revision }))
  const [account = nobody] = accounts.filter(({ id }) => id === accountId)
  const end = sessionOf(loaded.facts).expiresAt
  return {
    guardUsers: [...owners.keys()].sort(),
    guardUser1: first.id,
    guardRevision1: first.revision,
    guardUser2: second.id,
    guardRevision2: second.revision,
    guardClient: client?.id ?? null,
    guardClientRevision: client?.revision ?? null,
    guardAccount: accountId,
    guardAccountRevision: account.revision,
    guardUntil: via.capacity === 'grant' ? Math.min(end, via.expiresAt) : end,
    guardTicket: loaded.ticket?.id ?? null,
    guardTicketRevision: loaded.ticket?.revision ?? null,
    clockOffset,
  }
}
