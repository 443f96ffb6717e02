/**
 * What a sign-in or step-up asks beside the password. Whoever has a confirmed factor shows a code of it, or a recovery code, or signs
 * with a passkey instead of the password (`passkeys.ts`).
 */
import { and, eq, isNotNull, isNull, lt, or, type SQL } from 'drizzle-orm'
import type { Context } from '../authority/context.ts'
import type { Database } from '../database/open.ts'
import { open } from '../database/secrets.ts'
import { secondFactors, type users } from '../database/tables.ts'
import { throttled } from '../database/throttle.ts'
import type { Feature } from '../http/feature.ts'
import { append } from '../journal/append.ts'
import { postSecurityNotice } from '../outbox/post.ts'
import { Problem } from '../problem.ts'
import type { FactorKind, VerificationMethod } from '../vocabulary.ts'
import { tellOfGuesses } from './guesses.ts'
import { codeBuckets } from './limits.ts'
import { selfEvent } from './newcomer.ts'
import { spendRecoveryCode } from './recovery-codes.ts'
import { stepOfCode } from './totp.ts'

/** What may be shown as a second factor. A passkey is shown at routes of its own, the others as `code`. */
export type Accepted = FactorKind | 'recovery_code'

/** Who tries, with what beside the password, and by which request. `instead` is what he has shown where it was not the password. */
export type CodeTry = { userId: string; code: string | undefined; requestId: string; instead?: VerificationMethod }

/** The code was wrong, or has been used; whoever lets it leave a transaction says what that means to the caller. */
export class WrongCode extends Error {
  readonly accepted: readonly Accepted[]

  constructor(accepted: readonly Accepted[]) {
    super('The code is wrong')
    this.accepted = accepted
  }
}

/**
 * How a person whose password was right is verified, once the code has been used up. Call it with the user's key held, so that no
 * factor comes or goes meanwhile. `now` in epoch ms.
 * @throws Problem `second_factor_required` without a code where one is needed @throws WrongCode
 */
export async function demandSecondFactor(
  tx: Database,
  feature: Pick<Feature, 'context' | 'factorKey'>,
  { userId, code, requestId, instead: verification = 'password+totp' }: CodeTry,
  now: number,
): Promise<VerificationMethod> {
  const accepted = await acceptedFactors(tx, userId)
  if (accepted.length === 0) return 'password'
  if (code === undefined)
    throw secondFactorRequired(accepted, 'Send a code of your second factor as well, or use a passkey instead of the password')
  const digits = code.replace(/\s/g, '')
  const right = /^\d{6}$/.test(digits)
    ? await spendTotpCode(tx, feature.factorKey, userId, digits, now)
    : await useRecoveryCode(tx, feature.context, { userId, code, requestId, verification }, now)
  if (!right) throw new WrongCode(accepted)
  return 'password+totp'
}

/** The kinds a user can show; none when he has no confirmed factor. */
export async function acceptedFactors(db: Database, userId: string): Promise<Accepted[]> {
  const kinds = await db
    .selectDistinct({ kind: secondFactors.kind })
    .from(secondFactors)
    .where(standing(userId))
    .orderBy(secondFactors.kind)
  return kinds.length === 0 ? [] : [...kinds.map(({ kind }) => kind), 'recovery_code']
}

/** The factors that count: confirmed, and not removed. */
export function standing(userId: string | typeof users.id): SQL | undefined {
  return and(eq(secondFactors.userId, userId), isNotNull(secondFactors.confirmedAt), isNull(secondFactors.removedAt))
}

/** `accepts` names what may be shown. It is only ever said to one whose password was right. */
export function secondFactorRequired(accepts: readonly Accepted[], detail: string): Problem {
  return new Problem('second_factor_required', { detail, members: { accepts }, headers: { 'www-authenticate': 'Bearer' } })
}

/**
 * Runs work that may find a code wrong, so often as tries of this user and network may be made; `refusal` says what a wrong one means.
 * Nothing is counted where no code was sent.
 */
export async function countingCodes<T>(
  context: Context,
  { userId, network, code }: { userId: string; network: string; code: string | undefined },
  work: () => Promise<T>,
  refusal: (wrong: WrongCode) => Problem,
): Promise<T> {
  if (code === undefined) return work()
  let wrong: WrongCode | undefined
  const check = () =>
    work().catch((error: unknown) => {
      if (!(error instanceof WrongCode)) throw error
      wrong = error
      return undefined
    })
  const whenSpent = tellOfGuesses(context, () => userId)
  const done = await throttled(context.db, context.clock.offset(), codeBuckets(userId, network), check, { whenSpent })
  if (wrong !== undefined) throw refusal(wrong)
  return done as T
}

/** A code serves once: the step of the last one that was right only ever grows, in one statement (RFC 6238, section 5.2). */
export async function spendStep(tx: Database, factorId: string, step: number, now: number): Promise<boolean> {
  const spent = await tx
    .update(secondFactors)
    .set({ lastStep: step, lastUsedAt: new Date(now) })
    .where(
      and(
        eq(secondFactors.id, factorId),
        isNull(secondFactors.removedAt),
        or(isNull(secondFactors.lastStep), lt(secondFactors.lastStep, step)),
      ),
    )
    .returning({ id: secondFactors.id })
  return spent.length > 0
}

async function spendTotpCode(tx: Database, factorKey: Buffer, userId: string, code: string, now: number): Promise<boolean> {
  const rows = await tx
    .select({ id: secondFactors.id, sealed: secondFactors.sealedSecret })
    .from(secondFactors)
    .where(and(standing(userId), eq(secondFactors.kind, 'totp')))
    .orderBy(secondFactors.id)
  for (const { id, sealed } of rows) {
    const step = stepOfCode(open(factorKey, sealed as Buffer, id), code, now)
    if (step !== undefined && (await spendStep(tx, id, step, now))) return true
  }
  return false
}

async function useRecoveryCode(
  tx: Database,
  { jobs }: Context,
  { userId, code, requestId, verification }: { userId: string; code: string; requestId: string; verification: VerificationMethod },
  now: number,
): Promise<boolean> {
  if (!(await spendRecoveryCode(tx, userId, code, now))) return false
  const about = { resourceType: 'user', resourceId: userId, verification }
  await append(tx, selfEvent('factor.recovery_code_used', userId, now, requestId, about))
  await postSecurityNotice(jobs, tx, 'recovery_code_used', userId)
  return true
}
