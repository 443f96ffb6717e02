/**
 * The gate for acts *under* authority: the only way a feature writes for an account. Facts, decide, then one guarded write; when the
 * ground moved in between, start over.
 */
import { KeyTaken } from '../database/idempotency.ts'
import { append } from '../journal/append.ts'
import { Problem } from '../problem.ts'
import type { Context } from './context.ts'
import { type GuardValues, guardValues } from './guard.ts'
import { type Ask, type Authority, judge, type Verdict } from './judge.ts'
import { type Caller, type Loaded, load } from './load.ts'

const attemptsMax = 5

/**
 * Runs `work` under the authority the caller has for what he asks. `work` joins the guard's values to its one statement and returns
 * undefined when the guard let nothing through. `first` are facts already loaded for this request. Throws the refusal (recorded, when
 * the caller has a tie), or `unavailable` when the ground does not come to rest.
 */
export async function authorise<T>(
  context: Context,
  caller: Caller,
  ask: Ask,
  work: (authority: Authority, guard: GuardValues, loaded: Loaded) => Promise<T | undefined>,
  first?: Loaded,
): Promise<T> {
  const clockOffset = context.clock.offset()
  for (let attempt = 1; attempt <= attemptsMax; attempt++) {
    const loaded = attempt === 1 && first !== undefined ? first : await load(context.db, clockOffset, caller, ask.named)
    // A twin of this request has done it meanwhile: its answer goes before what its effect would make of this one.
    if (loaded.stored !== null) throw new KeyTaken()
    const authority = await permitted(context, caller, ask, loaded)
    const guard = guardValues(loaded, authority.via, authority.accountId as string, clockOffset)
    const done = await work(authority, guard, loaded)
    if (done !== undefined) return done
  }
  throw new Problem('unavailable', { detail: 'Too many changes at once; repeat the request', headers: { 'retry-after': '1' } })
}

/** The authority, or the refusal thrown after it was recorded. */
export async function permitted(context: Context, caller: Caller, ask: Ask, loaded: Loaded): Promise<Authority> {
  const verdict = judge(ask, loaded, caller, context.config.stepUpSeconds)
  if ('authority' in verdict) return verdict.authority
  return refuse(context, caller, ask, verdict)
}

/** Records a refusal, of a caller with a tie as an event and of a stranger as a count, and throws it. */
export async function refuse(context: Context, caller: Caller, ask: Ask, verdict: Extract<Verdict, { refused: unknown }>): Promise<never> {
  if (verdict.event !== null) await append(context.db, verdict.event)
  if (verdict.stranger === true) context.strangers?.note(caller, ask.named.account as NonNullable<typeof ask.named.account>)
  throw verdict.refused
}
