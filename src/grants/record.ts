/** A refused attempt to give, change or end a grant stays in the account's journal, whatever it was that was wrong with it. */
import type { FastifyRequest } from 'fastify'
import type { Context } from '../authority/context.ts'
import { hasTie } from '../authority/reason.ts'
import { verificationOf } from '../authority/verification.ts'
import { toProblem } from '../http/problems.ts'
import type { Standing } from '../http/types.ts'
import { append } from '../journal/append.ts'
import type { Problem, ProblemCode } from '../problem.ts'

/** What is refused for want of authority is recorded where that is decided. */
const recorded: readonly ProblemCode[] = ['validation_error', 'invalid_transition', 'precondition_failed', 'conflict']

/** For the error handler of routes below an account whose action is `grant.manage`. */
export async function recordAttempt(context: Context, request: FastifyRequest, error: unknown): Promise<void> {
  const { access } = request.routeOptions.config
  const { standing } = request
  if (standing === null || access === undefined || 'open' in access || access.action !== 'grant.manage') return
  const { account, grant } = standing.loaded
  if (account !== null) await recordRefusal(context, standing, toProblem(error, request), account.id, grant?.id ?? null)
}

/** Of a caller with a tie; the words of the fields that were wrong, never what they held. */
export async function recordRefusal(
  { db }: Context,
  { caller, loaded: { facts }, ask }: Standing,
  problem: Problem,
  accountId: string,
  grantId: string | null,
): Promise<void> {
  if (!recorded.includes(problem.code) || !hasTie(facts, accountId, facts.now)) return
  const errors = (problem.members['errors'] ?? []) as { pointer?: string; code: string }[]
  const named = grantId === null ? { resourceType: 'account', resourceId: accountId } : { resourceType: 'grant', resourceId: grantId }
  await append(db, {
    ...named,
    accountId,
    kind: 'grant.refused',
    at: facts.now,
    actorUserId: caller.userId,
    clientId: facts.client?.id ?? null,
    capacity: facts.staff === null ? null : 'staff',
    sessionId: caller.sessionId,
    ...verificationOf(facts),
    action: ask.action,
    decision: 'deny',
    reason: problem.code,
    requestId: caller.requestId,
    ...(errors.length === 0 ? {} : { value: { errors: errors.map(({ pointer, code }) => ({ pointer, code })) } }),
  })
}
