/**
 * `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): the same request with the same key is carried out once and answered
 * alike; the key's row is written in the commit of its effect (`database/idempotency.ts`).
 */
import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { actionFor } from '../authority/asked.ts'
import type { Context } from '../authority/context.ts'
import { decide } from '../authority/decide.ts'
import { type Question, question, questionAboutTicket } from '../authority/facts.ts'
import { notFound } from '../authority/judge.ts'
import { type Caller, type Loaded, load, type StoredAnswer } from '../authority/load.ts'
import { reach } from '../authority/reach.ts'
import { sqlState } from '../database/errors.ts'
import { type Answer, explainWait, KeyTaken, type Made, type Repeatable } from '../database/idempotency.ts'
import { Problem } from '../problem.ts'
import type { Action, StaffAction } from '../vocabulary.ts'
import type { Standing } from './types.ts'

/** The key, quoted as the draft says or bare; undefined when there is none. 1 to 255 visible ASCII characters. */
export function idempotencyKey(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined
  const text = String(header).trim()
  const key = /^"(.*)"$/.exec(text)?.[1] ?? text
  if (!/^[\x21-\x7e]{1,255}$/.test(key) || key.includes('"')) {
    const detail = 'Send one key of 1 to 255 visible ASCII characters, e.g. Idempotency-Key: "5f1c0c9e-8a5c-4a26-b1f0-0f7f4b8e7d55"'
    throw new Problem('malformed_request', { detail })
  }
  return key
}

/** What makes two requests the same: method, route, parameters and body. */
export function fingerprint(request: FastifyRequest): Buffer {
  const parts = [request.method, request.routeOptions.url, request.params, request.query, request.body ?? null]
  return createHash('sha256').update(JSON.stringify(parts)).digest()
}

/** Answers with what was stored, if the request is the same and the caller may read now what it made. */
export async function replay(
  context: Context,
  standing: Standing,
  stored: StoredAnswer,
  repeatable: Repeatable,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const answer = await answerStored(context, standing, stored, repeatable)
  return send(reply.header('idempotency-replayed', 'true'), answer)
}

/** @throws Problem `idempotency_key_reused`, or `not_found` for who may not read any more what was made */
export async function answerStored(context: Context, standing: Standing, stored: StoredAnswer, repeatable: Repeatable): Promise<Answer> {
  demandSame(stored.fingerprint, repeatable)
  if (stored.made !== null) await demandSight(context, standing, stored.made)
  // Key and answer are one commit: a key that can be seen has its answer.
  const { status, headers, body } = stored as StoredAnswer & Required<Answer>
  return { status, headers, body }
}

/** The fingerprint as hex. @throws Problem `idempotency_key_reused` */
export function demandSame(fingerprint: string, repeatable: Repeatable): void {
  if (fingerprint === repeatable.fingerprint.toString('hex')) return
  const detail = 'This key belongs to another request; make a new key for a new request and keep it for its repetitions'
  throw new Problem('idempotency_key_reused', { detail })
}

async function demandSight(context: Context, standing: Standing, { grants, ...made }: Made): Promise<void> {
  if (grants === undefined) return demandSightOfOne(context, standing, made)
  await demandSightOfSome(context, standing, made)
  for (const grant of grants) await demandSightOfOne(context, standing, { ...made, grant })
}

async function demandSightOfOne(context: Context, standing: Standing, made: Made): Promise<void> {
  const { account, ticket, grant, submission } = made
  const named = { account: account === null ? undefined : { id: account }, ticket: ticket ?? undefined, grant, submission }
  const loaded = await load(context.db, context.clock.offset(), standing.caller, named)
  if (!decide(loaded.facts, aboutMade(actionOf(made, loaded), made, loaded), loaded.facts.now).permit) throw notFound()
}

/** Also of an answer that nothing came of: that there was nothing is not for who sees nothing of its kind there any more. */
async function demandSightOfSome(context: Context, { caller }: Standing, made: Made): Promise<void> {
  const account = String(made.account)
  const loaded = await load(context.db, context.clock.offset(), caller, { account: { id: account } })
  const clauses = reach(loaded.facts, actionOf(made, loaded), loaded.facts.now)
  if (!clauses.some((clause) => clause.account === 'all' || clause.account === account)) throw notFound()
}

function actionOf({ action, staffAction }: Made, loaded: Loaded): Action {
  return actionFor({ action: action as Action, staffAction: (staffAction ?? undefined) as StaffAction | undefined }, loaded)
}

/** The very thing that was made, with its domains: that something else of its kind is in reach shows nothing of this one. */
function aboutMade(action: Action, { account }: Made, { ticket, grant, submission, domains }: Loaded): Question {
  if (ticket === null) return question(action, account, { domains: grant?.domains ?? (submission === null ? [] : [submission.domain]) })
  return questionAboutTicket(action, ticket, domains.find(({ id }) => id === ticket.domainId) ?? null)
}

/**
 * Carries out a repeatable act and answers it; a request that lost to its twin gets the twin's answer. The reply is on its way when it
 * returns, so the result is of no type a handler could mistake for a body.
 */
export async function answering(
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  act: () => Promise<Answer>,
): Promise<never> {
  try {
    return send(reply, await act().catch((error: unknown) => tellWait(context, request.standing, error))) as never
  } catch (error) {
    const standing = request.standing
    if (!(error instanceof KeyTaken) || standing?.repeatable == null) throw error
    const { repeatable, caller } = standing
    const stored = await storedByTwin(context, caller, repeatable, error)
    return (await replay(context, standing, stored, repeatable, reply)) as never
  }
}

/** What was stored under a key that was taken meanwhile. @throws Problem `idempotency_in_progress` when it is gone again */
export async function storedByTwin({ db, clock }: Context, caller: Caller, { key }: Repeatable, taken: KeyTaken): Promise<StoredAnswer> {
  const { stored } = await load(db, clock.offset(), caller, { idempotencyKey: key })
  if (stored === null) throw inProgress(taken)
  return stored
}

async function tellWait(context: Context, standing: Standing | null, error: unknown): Promise<never> {
  if (standing?.repeatable == null || error instanceof Problem || sqlState(error) !== '55P03') throw error
  return explainWait(context.db, standing.repeatable, context.clock.now(), error)
}

function inProgress(cause: unknown): Problem {
  return new Problem('idempotency_in_progress', { detail: 'Repeat the request in a moment', headers: { 'retry-after': '1' }, cause })
}

function send(reply: FastifyReply, { status, headers, body }: Answer): FastifyReply {
  return reply
    .code(status)
    .headers(headers ?? {})
    .send(body)
}
