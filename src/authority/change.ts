/**
 * The gate for acts that *alter* authority: contacts, grants, domains, account states, users, sessions, staff roles. One READ
 * COMMITTED transaction that takes the exclusive key of whose authority changes, and only then, in a later statement, reads the facts
 * and decides. It raises the revision, so every guarded write that decided before it falls.
 */
import { sql } from 'drizzle-orm'
import { type Answer, KeyTaken, type Repeatable, storeAnswer, takeKey } from '../database/idempotency.ts'
import type { Database } from '../database/open.ts'
import { refuse } from './authorise.ts'
import { recordClosed } from './closed.ts'
import type { Context } from './context.ts'
import { type Ask, type Authority, judge } from './judge.ts'
import { type Caller, type Loaded, load } from './load.ts'
import { type Keys, lock, raise } from './locks.ts'

/** Runs `work` in the transaction, under the authority the caller has at that moment. Throws the refusal. */
export async function change<T>(
  context: Context,
  caller: Caller,
  ask: Ask,
  keys: Keys,
  work: (tx: Database, authority: Authority, loaded: Loaded) => Promise<T>,
): Promise<T> {
  const acting = context.db.transaction(async (tx) => {
    await lock(tx, keys, caller)
    const loaded = await load(tx, context.clock.offset(), caller, ask.named)
    if (loaded.stored !== null) throw new KeyTaken()
    const verdict = judge(ask, loaded, caller, context.config.stepUpSeconds)
    if (!('authority' in verdict)) return verdict
    const done = await work(tx, verdict.authority, loaded)
    if (keys.unless?.(done) !== true) await raise(tx, keys)
    return { done }
  })
  const outcome = await acting.catch((error: unknown) => recordClosed(context.db, error))
  if ('done' in outcome) return outcome.done
  return refuse(context, caller, ask, outcome)
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
  const once = { ...ask, named: { ...ask.named, idempotencyKey: repeatable?.key } }
  return change(context, caller, once, keys, async (tx, authority, loaded) => {
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
  return unattended(context, keys, work)
}

/**
 * For acts that time performs, in a job: what has run out is recorded as ended. Nobody asks and nothing is decided, so `work` looks, under
 * the keys, at what is still so, and touches nothing else; its events are made by `eventByTime`. `now` is the database's clock in epoch ms.
 */
export async function changeByTime<T>(context: Context, keys: Keys, work: (tx: Database, now: number) => Promise<T>): Promise<T> {
  return unattended(context, keys, work)
}

async function unattended<T>(context: Context, keys: Keys, work: (tx: Database, now: number) => Promise<T>): Promise<T> {
  return context.db.transaction(async (tx) => {
    await lock(tx, keys, { userId: null, clientId: null })
    const now = await readClock(tx, context.clock.offset())
    const done = await work(tx, now)
    if (keys.unless?.(done) !== true) await raise(tx, keys)
    return done
  })
}

/** The database's clock with the offset of this process's (0 outside tests), epoch ms. */
export async function readClock(db: Database, clockOffset: number): Promise<number> {
  const { rows } = await db.execute<{ now: string | number }>(
    sql`select floor(extract(epoch from clock_timestamp()) * 1000)::bigint as now`,
  )
  return Number((rows[0] as { now: string | number }).now) + clockOffset
}
