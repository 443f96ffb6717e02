/**
 * Staff let something through after a telephone call with somebody who may decide: he told them a support code, or was called back at a
 * number that has stood for days. They give nobody authority by it: the ticket is theirs, in the words of the submitter, and the owners
 * are told.
 */
import { and, eq, lte } from 'drizzle-orm'
import { loadThrough } from '../authority/absent.ts'
import { eventOf } from '../authority/authorship.ts'
import { changeOnce } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import { decide } from '../authority/decide.ts'
import { type AccountFact, question } from '../authority/facts.ts'
import { guardValues } from '../authority/guard.ts'
import { type Authority, actorOf } from '../authority/judge.ts'
import { load, personOf, type SubmissionRow } from '../authority/load.ts'
import { spokenTo } from '../authority/spoken.ts'
import type { Answer } from '../database/idempotency.ts'
import type { Database } from '../database/open.ts'
import { contacts, users } from '../database/tables.ts'
import { stale } from '../http/preconditions.ts'
import type { Standing } from '../http/types.ts'
import { append } from '../journal/append.ts'
import { postNotice } from '../outbox/post.ts'
import { invalid, Problem } from '../problem.ts'
import { fileTicket } from '../tickets/file.ts'
import { placeOf } from '../tickets/place.ts'
import type { Ticket } from '../tickets/schema.ts'
import type { ReleaseSubmission } from './act-schema.ts'
import { filingOf } from './approve.ts'
import { after, answerOf, concludeFirst, type Held, namedIn } from './decide.ts'

/** How long a number must have stood before it is called back, in milliseconds. */
const standsMs = 7 * 86_400_000

/** Releases. @throws what is wrong with the way, or Problem `conflict` for what is decided, over, or of an account that is not open */
export async function release(context: Context, standing: Standing, body: ReleaseSubmission): Promise<Answer> {
  if ((body.supportCode === undefined) === (body.callBack === undefined)) throw oneWay()
  const { accountId, submission } = namedIn(standing)
  // Who agrees is held too, with the service by which he made his code: whoever is suspended has agreed to nothing that follows.
  const agrees = await whoAgrees(context.db, personOf(standing.caller), submission, body, standing.loaded.facts.now)
  const keys = {
    accounts: [accountId],
    witnesses: [submission.submitterUserId, ...(agrees ? [agrees.userId] : [])],
    services: agrees?.clientId ? [agrees.clientId] : [],
  }
  return changeOnce(context, standing.caller, standing.ask, keys, standing.repeatable, async (tx, authority, loaded) => {
    const now = namedIn({ loaded }).submission
    const held = await concludeFirst(tx, now, 'released', authority)
    if (standing.expectedVersion !== null && standing.expectedVersion !== now.version) throw stale(now.version)
    if ((loaded.account as AccountFact).state !== 'open')
      throw new Problem('conflict', { detail: 'The account is not open; what is held for it waits', members: { reason: 'account_state' } })
    const contactId = await consenting(context, tx, authority, now, body, agrees)
    return letThrough(context, tx, standing, authority, now, held, { ...body, contactId })
  })
}

/** Who agrees, and the service he made his code through; null when it is none, or he was called back. */
type Agreed = { userId: string; clientId: string | null }

/** The contact who agreed on the telephone, and may. */
async function consenting(
  context: Context,
  tx: Database,
  agent: Authority,
  submission: SubmissionRow,
  body: ReleaseSubmission,
  held: Agreed | undefined,
): Promise<string> {
  const { domain, submitterUserId } = submission
  const agrees = await whoAgrees(tx, actorOf(agent), submission, body, agent.at)
  const pointer = body.callBack === undefined ? '#/supportCode' : '#/callBack'
  if (agrees === undefined || agrees.userId !== held?.userId || agrees.userId === submitterUserId) throw noWay(pointer)
  const { facts } = await loadThrough(tx, context.clock.offset(), agrees, { account: { id: domain.accountId } })
  const decision = decide(facts, question('submission.decide', domain.accountId, { domains: [domain] }), facts.now)
  if (!decision.permit) throw noWay(pointer)
  return decision.via.id
}

/** The user who told the agent a code that fits, or whom he called back; `now` in epoch ms. */
async function whoAgrees(
  db: Database,
  agentUserId: string,
  { domain }: SubmissionRow,
  { supportCode, callBack }: ReleaseSubmission,
  now: number,
): Promise<Agreed | undefined> {
  if (callBack !== undefined) return called(db, domain.accountId, callBack, now)
  const spoken = await spokenTo(db, agentUserId, supportCode as string, now)
  const fits =
    spoken?.accountId === domain.accountId && spoken.contactId !== null && (spoken.domainId === null || spoken.domainId === domain.id)
  return fits ? spoken : undefined
}

async function called(tx: Database, accountId: string, contactId: string, now: number): Promise<Agreed | undefined> {
  const stands = lte(contacts.phoneStoredAt, new Date(now - standsMs))
  const [contact] = await tx
    .select({ userId: contacts.userId })
    .from(contacts)
    .where(and(eq(contacts.accountId, accountId), eq(contacts.id, contactId), eq(contacts.status, 'active'), stands))
  return contact?.userId ? { userId: contact.userId, clientId: null } : undefined
}

async function letThrough(
  context: Context,
  tx: Database,
  { caller }: Standing,
  authority: Authority,
  before: SubmissionRow,
  held: Held,
  { reason, supportCode, contactId }: ReleaseSubmission & { contactId: string },
): Promise<Answer> {
  const accountId = authority.accountId as string
  const place = placeOf(held.statedDomain)
  const clockOffset = context.clock.offset()
  const loaded = await load(tx, clockOffset, caller, { account: { id: accountId }, ...place.named })
  const [submitter] = await tx.select({ id: users.id, name: users.name }).from(users).where(eq(users.id, held.submitterUserId))
  const filing = { ...filingOf(accountId, held), requester: submitter as { id: string; name: string } }
  const opened = await fileTicket(tx, filing, place, authority, guardValues(loaded, authority.via, accountId, clockOffset), loaded)
  if (opened === undefined) throw new Problem('unavailable', { headers: { 'retry-after': '1' } })
  const ticket = (opened.body as Ticket).id
  const way = supportCode === undefined ? 'call_back' : 'support_code'
  const about = { resourceType: 'submission', resourceId: held.id, domainId: before.domain.id, changed: ['verdict'] }
  await append(tx, eventOf(authority, 'submission.released', { ...about, value: { reason, way, contact: contactId, ticket } }))
  await tell(context, tx, accountId, held)
  return answerOf(accountId, after(before, held), authority.at, { grant: null, ticket })
}

async function tell({ jobs }: Context, tx: Database, accountId: string, { id, submitterUserId }: Held): Promise<void> {
  const owners = and(eq(contacts.accountId, accountId), eq(contacts.role, 'owner'), eq(contacts.status, 'active'))
  const rows = await tx.select({ userId: contacts.userId }).from(contacts).where(owners).orderBy(contacts.id)
  for (const { userId } of rows)
    await postNotice(jobs, tx, { kind: 'submission_released', accountId, subjectId: id, recipientUserId: userId as string })
  await postNotice(jobs, tx, { kind: 'submission_accepted', accountId, subjectId: id, recipientUserId: submitterUserId })
}

const oneWay = (): Problem => invalid({ pointer: '#/supportCode', detail: 'or callBack is needed, and not both', code: 'way' })

function noWay(pointer: string): Problem {
  const detail = 'must be by a contact who may decide about this: a code he told you in this call, or his number, stored for 7 days'
  return invalid({ pointer, detail, code: 'way' })
}
