/** What an act that alters authority holds while it does, and the revisions it raises. */
import { inArray, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../database/open.ts'
import { statement, value } from '../database/statement.ts'
import { accounts, clients, users } from '../database/tables.ts'
import { accountClass, clientClass, userClass } from './guard.ts'
import type { Caller } from './load.ts'

/**
 * Whose authority an act alters. One key per change: suspending a user touches his row alone, however many accounts he serves.
 * `witnesses` are users, `services` clients and `grounds` accounts whose facts it reads: they stay as they are until it commits. `unless` says of what the act returned whether it
 * altered nothing after all.
 */
export type Keys = {
  users?: readonly string[]
  clients?: readonly string[]
  accounts?: readonly string[]
  witnesses?: readonly string[]
  services?: readonly string[]
  grounds?: readonly string[]
  unless?: (done: unknown) => boolean
}

/** The keys of an act whose work says whether it altered anything: one that is repeated, and finds it done, makes nobody start over. */
export const ifAltering = (keys: Omit<Keys, 'unless'>): Keys => ({ ...keys, unless: (altered) => altered === false })

/**
 * Exclusive keys and rows in the one order: users, clients, accounts, lower id first. Readers of the row (`for share` in the guard)
 * wait, foreign keys do not. Who only acts is locked shared, so that two people at work on one account meet only there.
 */
export async function lock(tx: Database, keys: Keys, actor: Pick<Caller, 'userId' | 'clientId'>): Promise<void> {
  await lockRows(tx, lockUser, keys.users ?? [], [actor.userId, ...(keys.witnesses ?? [])])
  await lockRows(tx, lockClient, keys.clients ?? [], [actor.clientId, ...(keys.services ?? [])])
  await lockRows(tx, lockAccount, keys.accounts ?? [], keys.grounds ?? [])
}

type Owners = typeof users | typeof clients | typeof accounts

/** One statement for key and row: the key is taken first, and the row, whatever became of it meanwhile, as it is when it is locked. */
function locking(table: Owners, lockClass: number) {
  const under = (take: string, strength: string) =>
    statement(
      `authority_${take}_${lockClass}`,
      sql`with held as materialized (select ${sql.raw(take)}(${sql.raw(String(lockClass))}, hashtext(${value('id', 'text')})))
        select from held, ${table} where ${table.id} = ${value('id', 'uuid')} for ${sql.raw(strength)} of ${table}`,
    )
  return { alone: under('pg_advisory_xact_lock', 'no key update'), shared: under('pg_advisory_xact_lock_shared', 'share') }
}

const lockUser = locking(users, userClass)
const lockClient = locking(clients, clientClass)
const lockAccount = locking(accounts, accountClass)

async function lockRows(
  tx: Database,
  { alone, shared }: ReturnType<typeof locking>,
  changed: readonly string[],
  read: readonly (string | null)[],
): Promise<void> {
  for (const id of [...new Set([...changed, ...read.filter((owner) => owner !== null)])].sort()) {
    await (changed.includes(id) ? alone : shared).run(tx, { id })
  }
}

/** Raises the revision of whoever's authority changed, so that every guarded write that decided before falls. */
export async function raise(tx: Database, keys: Keys): Promise<void> {
  await raiseRows(tx, users, keys.users ?? [])
  await raiseRows(tx, clients, keys.clients ?? [])
  await raiseRows(tx, accounts, keys.accounts ?? [])
}

/**
 * Common table expressions for an act that a proof carries and that is one statement: `u` is the row of an active user, his key held
 * and his revision raised, while everything that was read with `revision` still stands; otherwise there is none. Whatever takes a user's password, address,
 * factor or status away raises it.
 */
export const userAsRead: SQL = sql`
held as materialized (select pg_advisory_xact_lock(${sql.raw(String(userClass))}, hashtext(${value('user', 'text')}))),
u as (update users set authority_revision = authority_revision + 1 from held
  where users.id = ${value('user', 'uuid')} and users.authority_revision = ${value('revision', 'bigint')} and users.status = 'active'
  returning users.id)`

async function raiseRows(tx: Database, table: Owners, changed: readonly string[]): Promise<void> {
  if (changed.length === 0) return
  await tx
    .update(table)
    .set({ authorityRevision: sql`${table.authorityRevision} + 1` })
    .where(inArray(table.id, [...changed]))
}
