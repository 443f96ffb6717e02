/**
 * The gate for acts that *alter* authority: contacts, grants, domains, account states, users, sessions, staff roles. One READ
 * COMMITTED transaction that takes the exclusive key of whose authority changes, and only then, in a later statement, reads the facts
 * and decides. It raises the revision, so every guarded write that decided before it falls.
 */
import { inArray, sql } from 'drizzle-orm'
import { type Answer, type Repeatable, storeAnswer, takeKey } from '../database/idempotency.ts'
import type { Database } from '../database/open.ts'
import { accounts, users } from '../database/tables.ts'
import { append } from '../journal/append.ts'
import type { Context } from './context.ts'
import { accountClass, userClass } from './guard.ts'
import { type Ask, type Authority, judge } from './judge.ts'
import { type Caller, type Loaded, load } from './load.ts'

/** Whose authority an act alters. One key per change: suspending a user touches his row alone, however many accounts he serves. */
export type Keys = { users?: readonly string[]; accounts?: readonly string[] }

/** Runs `work` in the transaction, under the authority the caller has at that moment. Throws the refusal. */
export async function change<T>(
  context: Context,
  caller: Caller,
  ask: Ask,
  keys: Keys,
  work: (tx: Database, authority: Authority, loaded: Loaded) => Promise<T>,
): Promise<T> {
  const outcome = await context.db.transaction(async (tx) => {
    await lock(tx, keys, [caller.userId])
    const loaded = await load(tx, context.clock.offset(), caller, ask.named)
    const verdict = judge(ask, loaded, caller, context.config.stepUpSeconds)
    if (!('authority' in verdict)) return verdict
    await raise(tx, keys)
    return { done: await work(tx, verdict.authority, loaded) }
  })
  if ('done' in outcome) return outcome.done
  if (outcome.event !== null) await append(context.db, outcome.event)
  throw outcome.refused
}

/** The same for an act that is answered once per `Idempotency-Key`: key, effect and stored answer are one commit. */
export async function changeOnce(
  context: Context,
  caller: Caller,
  ask: Ask,
  keys: Keys,
  repeatable: Repeatable | null,
  work: (tx: Database, authority: Authority, loaded: Loaded) => Promise<Answer>,
): Promise<Answer> {
  return change(context, caller, ask, keys, async (tx, authority, loaded) => {
    if (repeatable !== null) await takeKey(tx, repeatable, authority.at)
    const answer = await work(tx, authority, loaded)
    if (repeatable !== null) await storeAnswer(tx, repeatable, answer)
    return answer
  })
}

/**
 * For acts that a proof carries and no session: signing in, proving an address, accepting an invitation as a new person. The proof is
 * checked by `work`, after the keys are taken. `now` is the database's clock in epoch ms.
 */
export async function changeByProof<T>(context: Context, keys: Keys, work: (tx: Database, now: number) => Promise<T>): Promise<T> {
  return context.db.transaction(async (tx) => {
    await lock(tx, keys, [])
    const now = await readClock(tx, context.clock.offset())
    await raise(tx, keys)
    return work(tx, now)
  })
}

/** The database's clock with the offset of this process's (0 outside tests), epoch ms. */
export async function readClock(db: Database, clockOffset: number): Promise<number> {
  const { rows } = await db.execute<{ now: string | number }>(
    sql`select floor(extract(epoch from clock_timestamp()) * 1000)::bigint as now`,
  )
  return Number((rows[0] as { now: string | number }).now) + clockOffset
}

/**
 * Exclusive keys and rows in the one order: users before accounts, lower id first. Readers of the row (`for share` in the guard) wait,
 * foreign keys do not. Users who only act are locked shared, so that two people at work on one account meet only there.
 */
async function lock(tx: Database, keys: Keys, actors: readonly string[]): Promise<void> {
  const changed = new Set(keys.users ?? [])
  for (const id of [...new Set([...changed, ...actors])].sort()) {
    if (changed.has(id)) {
      await tx.execute(sql`select pg_advisory_xact_lock(${userClass}, hashtext(${id}))`)
      await tx.execute(sql`select from users where id = ${id} for no key update`)
    } else {
      await tx.execute(sql`select pg_advisory_xact_lock_shared(${userClass}, hashtext(${id}))`)
      await tx.execute(sql`select from users where id = ${id} for share`)
    }
  }
  for (const id of [...new Set(keys.accounts ?? [])].sort()) {
    await tx.execute(sql`select pg_advisory_xact_lock(${accountClass}, hashtext(${id}))`)
    await tx.execute(sql`select from accounts where id = ${id} for no key update`)
  }
}

async function raise(tx: Database, keys: Keys): Promise<void> {
  const changedUsers = [...(keys.users ?? [])]
  const changedAccounts = [...(keys.accounts ?? [])]
  if (changedUsers.length > 0) {
    await tx
      .update(users)
      .set({ authorityRevision: sql`${users.authorityRevision} + 1` })
      .where(inArray(users.id, changedUsers))
  }
  if (changedAccounts.length > 0) {
    await tx
      .update(accounts)
      .set({ authorityRevision: sql`${accounts.authorityRevision} + 1` })
      .where(inArray(accounts.id, changedAccounts))
  }
}
