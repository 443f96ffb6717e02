/**
 * The rows of a new ticket and their one statement. Every door comes through here with an authority that was decided and the guard that
 * holds while it stands.
 */
import { authorship } from '../authority/authorship.ts'
import type { DomainFact } from '../authority/facts.ts'
import type { GuardValues } from '../authority/guard.ts'
import type { Authority } from '../authority/judge.ts'
import type { Loaded } from '../authority/load.ts'
import { type Answer, KeyTaken, type Repeatable } from '../database/idempotency.ts'
import type { Database } from '../database/open.ts'
import { rowJson } from '../database/rows.ts'
import { idempotencyKeys, journalEvents, messages, tickets } from '../database/tables.ts'
import { demandDetails } from '../evidence/check.ts'
import { shippedTopics } from '../evidence/topics.ts'
import { newId } from '../id.ts'
import { eventKeys } from '../journal/append.ts'
import { invalid } from '../problem.ts'
import type { Channel, TopicKey } from '../vocabulary.ts'
import { keyKeys, messageKeys, ticketKeys } from './columns.ts'
import { heldDomain, type Place } from './place.ts'
import { eventRow, keyRow, madeOf } from './rows.ts'
import type { CreateTicket, Ticket } from './schema.ts'
import { toTicket } from './store.ts'
import { insertCountedTicket, insertTicket } from './write.ts'

/** What is to become a ticket. */
export type Filing = {
  body: CreateTicket
  channel: Channel
  repeatable: Repeatable
  /** When it came, if it was held before it became a ticket; epoch ms. */
  arrivedAt?: number
  /** By telephone: the agent, and in what authority he writes down what the requester said. */
  recordedBy?: { authority: Authority; user: { id: string; name: string } }
  /** Whose words staff file, if they are anybody's. */
  requester?: { id: string; name: string }
}

/**
 * Writes the ticket, its first message, event, use and stored answer. Undefined when the ground moved. `loaded` are the facts of whoever
 * has the authority. @throws what is wrong with the evidence, or `KeyTaken`; a failure writes nothing and spends no use
 */
export async function fileTicket(
  db: Database,
  filing: Filing,
  place: Place,
  authority: Authority,
  guard: GuardValues,
  loaded: Loaded,
): Promise<Answer | undefined> {
  const domain = filing.body.domain === null ? null : heldDomain(loaded, place)
  demandNamed(filing.body, loaded, domain)
  const { row, message } = rowsOf(filing, place, authority, loaded, domain)
  const answer = answerOf(filing, row, loaded, domain, authority)
  const grant = authority.via.capacity === 'grant' && authority.via.grant.maxUses !== null ? authority.via.id : null
  const run = grant === null ? insertTicket : insertCountedTicket
  const [written] = await run.run(db, {
    ...guard,
    spentGrant: grant,
    ticketRow: rowJson(tickets, ticketKeys, row),
    messageRow: rowJson(messages, messageKeys, message),
    eventRow: rowJson(
      journalEvents,
      eventKeys,
      eventRow(filing.recordedBy?.authority ?? authority, row.id, row.domainId, 'ticket.created'),
    ),
    keyRow: rowJson(idempotencyKeys, keyKeys, keyRow(filing.repeatable, answer, authority.at)),
  })
  if (written === undefined || !written.stood || !written.spendable) return undefined
  if (written.number === null) throw new KeyTaken()
  return { ...answer, body: { ...(answer.body as Ticket), number: `T-${written.number}` } }
}

/** Staff alone come this far with a name that is not there; nothing is filed under another account or as "not about a domain" instead. */
function demandNamed({ domain: stated }: CreateTicket, { account }: Loaded, domain: DomainFact | null): void {
  if (account === null) throw invalid({ pointer: '#/account', detail: 'there is no such account', code: 'unknown' })
  if (stated !== null && domain === null)
    throw invalid({ pointer: '#/domain', detail: 'the account holds no such domain', code: 'unknown' })
}

function rowsOf(filing: Filing, place: Place, authority: Authority, loaded: Loaded, domain: DomainFact | null) {
  const { body, channel } = filing
  const topic = body.topic as TopicKey
  const evidence = demandDetails(topic, body.details ?? {}, { domain: domain?.name ?? null, now: authority.at })
  const at = new Date(authority.at)
  const host = place.host !== null && place.host !== domain?.name ? place.host : null
  const staff = authority.capacity === 'staff'
  const row = {
    accountId: authority.accountId as string,
    id: newId(),
    number: 0,
    domainId: domain?.id ?? null,
    host,
    hostHeldByOtherAccount: domain !== null && loaded.heldElsewhere.some((name) => name.length > domain.name.length),
    topic,
    topicVersion: shippedTopics[topic].version,
    subject: body.subject,
    status: 'new' as const,
    priority: 'normal' as const,
    contactsOnly: body.contactsOnly === true,
    origin: staff ? ('staff' as const) : ('live' as const),
    channel,
    requesterUserId: staff ? (filing.requester?.id ?? null) : authority.actorUserId,
    recordedByStaffId: filing.recordedBy?.authority.via.id ?? null,
    ...authorship(authority),
    details: evidence.details,
    completeness: evidence.completeness,
    createdAt: at,
    arrivedAt: filing.arrivedAt === undefined ? at : new Date(filing.arrivedAt),
    authorityRevision: 0,
    version: 1,
  }
  const message = {
    accountId: row.accountId,
    ticketId: row.id,
    id: newId(),
    kind: 'reply' as const,
    ...authorship(authority),
    body: body.message,
    createdAt: at,
  }
  return { row, message }
}

function answerOf(
  filing: Filing,
  row: ReturnType<typeof rowsOf>['row'],
  loaded: Loaded,
  domain: DomainFact | null,
  authority: Authority,
): Answer {
  const account = loaded.account as NonNullable<typeof loaded.account>
  const user = loaded.facts.user as NonNullable<typeof loaded.facts.user>
  const staff = authority.capacity === 'staff'
  const never = { requesterText: null, firstResponseAt: null, lastCustomerReplyAt: null, resolvedAt: null, closedAt: null }
  const ticket = {
    ...row,
    ...never,
    details: row.details as Record<string, unknown>,
    completeness: row.completeness as Record<string, unknown>,
  }
  const names = {
    domainName: domain?.name ?? null,
    requesterName: staff ? (filing.requester?.name ?? null) : user.name,
    actorName: user.name,
    recorderName: filing.recordedBy?.user ?? null,
  }
  const body = toTicket({ ticket, account: { id: account.id, number: account.number, name: account.name }, ...names }, staff)
  return {
    status: 201,
    headers: { location: `/v1/tickets/${row.id}`, etag: '"v1"' },
    body,
    made: madeOf(row),
  }
}
