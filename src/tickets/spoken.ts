/**
 * A ticket by telephone: the words are the caller's, and he must be permitted like everyone else, through the service he made his code by;
 * the agent writes them down, and must be permitted too. The users of both and of a grantor are held from the start, and the statement compares the rest.
 */
import { loadThrough } from '../authority/absent.ts'
import { eventOf } from '../authority/authorship.ts'
import { change } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import { decide } from '../authority/decide.ts'
import { type Decision, question } from '../authority/facts.ts'
import { guardValues } from '../authority/guard.ts'
import { type Ask, type Authority, actorOf, next } from '../authority/judge.ts'
import type { Caller, Loaded } from '../authority/load.ts'
import { type Spoken, spokenTo } from '../authority/spoken.ts'
import type { Answer, Repeatable } from '../database/idempotency.ts'
import type { Database } from '../database/open.ts'
import { accountRef } from '../http/access.ts'
import { append } from '../journal/append.ts'
import { invalid, Problem } from '../problem.ts'
import { type DenyReason, levelOfMethod } from '../vocabulary.ts'
import { fileTicket } from './file.ts'
import { heldDomain, type Place, placeOf } from './place.ts'
import type { CreateTicket } from './schema.ts'

type Wanted = { caller: Caller; body: CreateTicket; repeatable: Repeatable; supportCode: string }

/** Opens a ticket for who is on the telephone. @throws the refusal of the agent or of the caller, or what is wrong with the code */
export async function openSpoken(context: Context, wanted: Wanted): Promise<Answer> {
  const { caller, body } = wanted
  const place = placeOf(body.domain)
  const named = { account: accountRef(body.account), ...place.named }
  // A service has no agent, and is refused like everybody else below.
  const code = caller.userId === null ? undefined : await spokenTo(context.db, caller.userId, wanted.supportCode, context.clock.now())
  const before = code && (await judgeCaller(context, context.db, code, place, body))
  const grantor =
    before?.decision.permit && before.decision.via.capacity === 'grant' ? before.decision.via.grant.grantor?.userId : undefined
  const ask: Ask = {
    action: 'ticket.create',
    staffAction: 'staff.ticket.open',
    named: { ...named, idempotencyKey: wanted.repeatable.key },
    about: (loaded, action) => {
      const domains = body.domain === null ? [] : [heldDomain(loaded, place)]
      return question(action, loaded.account?.id ?? null, { domains, topic: body.topic, contactsOnly: body.contactsOnly === true })
    },
  }
  const witnesses = [...(code ? [code.userId] : []), ...(grantor === undefined ? [] : [grantor])]
  const done = await change(context, caller, ask, { witnesses }, async (tx, agent, loaded) => {
    if (agent.capacity !== 'staff') throw invalid({ pointer: '#/supportCode', detail: 'is for staff alone', code: 'staff_only' })
    const spoken = await spokenTo(tx, actorOf(agent), wanted.supportCode, agent.at)
    demandCode(spoken, loaded, body.domain === null ? null : (heldDomain(loaded, place)?.id ?? null))
    return write(context, tx, wanted, place, agent, loaded, spoken as Spoken)
  })
  if (done === undefined) throw new Problem('unavailable', { headers: { 'retry-after': '1' } })
  if ('status' in done) return done
  await append(
    context.db,
    eventOf(done.agent, 'access.refused', {
      decision: 'deny',
      reason: done.reason,
      resourceType: 'account',
      resourceId: done.agent.accountId,
    }),
  )
  const detail = 'Who is on the telephone has no authority for this'
  throw new Problem('not_authorised', { detail, members: { reason: done.reason, next } })
}

/** The code must be one of this call, for this account, and for this domain if it is for one. */
function demandCode(spoken: Spoken | undefined, { account }: Loaded, domainId: string | null): void {
  if (spoken === undefined || spoken.accountId !== account?.id)
    throw invalid({ pointer: '#/supportCode', detail: 'is no code that was told to you in this call for this account', code: 'unknown' })
  if (spoken.domainId !== null && spoken.domainId !== domainId)
    throw invalid({ pointer: '#/domain', detail: 'must be the one that the support code is for', code: 'scope' })
}

async function write(
  context: Context,
  tx: Database,
  wanted: Wanted,
  place: Place,
  agent: Authority,
  { facts }: Loaded,
  spoken: Spoken,
): Promise<Answer | { reason: DenyReason; agent: Authority } | undefined> {
  const { loaded, decision } = await judgeCaller(context, tx, spoken, place, wanted.body)
  if (!decision.permit) return { reason: decision.reason, agent }
  const { via } = decision
  const requester: Authority = {
    ...agent,
    at: loaded.facts.now,
    actorUserId: spoken.userId,
    capacity: via.capacity,
    via,
    verification: 'support_code',
    verificationLevel: levelOfMethod.support_code,
    verifiedAt: spoken.verifiedAt,
    action: 'ticket.create',
  }
  const { id, name } = facts.user as NonNullable<typeof facts.user>
  const filing = { ...wanted, channel: 'phone' as const, recordedBy: { authority: agent, user: { id, name } } }
  const guard = guardValues(loaded, via, spoken.accountId, context.clock.offset())
  return fileTicket(tx, filing, place, requester, guard, loaded)
}

async function judgeCaller(
  context: Context,
  db: Database,
  spoken: Spoken,
  place: Place,
  { domain, topic, contactsOnly = false }: CreateTicket,
): Promise<{ loaded: Loaded; decision: Decision }> {
  const { accountId } = spoken
  const loaded = await loadThrough(db, context.clock.offset(), spoken, { account: { id: accountId }, ...place.named })
  const domains = domain === null ? [] : [heldDomain(loaded, place)]
  return {
    loaded,
    decision: decide(loaded.facts, question('ticket.create', accountId, { domains, topic, contactsOnly }), loaded.facts.now),
  }
}
