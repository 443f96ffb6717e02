/**
 * The one way a ticket comes to be. Every door ends here, with a proven caller and a question; there is no second way into the table.
 */
import { v7 as uuid } from 'uuid'
import { authorise } from '../authority/authorise.ts'
import { authorship } from '../authority/authorship.ts'
import type { Context } from '../authority/context.ts'
import { type DomainFact, question } from '../authority/facts.ts'
import type { GuardValues } from '../authority/guard.ts'
import type { Ask, Authority } from '../authority/judge.ts'
import type { Caller, Loaded } from '../authority/load.ts'
import { type Answer, KeyTaken, type Repeatable } from '../database/idempotency.ts'
import { rowJson } from '../database/rows.ts'
import { idempotencyKeys, journalEvents, messages, tickets } from '../database/tables.ts'
import { demandDetails } from '../evidence/check.ts'
import { shippedTopics } from '../evidence/topics.ts'
import { accountRef } from '../http/access.ts'
import { invalid } from '../problem.ts'
import type { Channel, TopicKey } from '../vocabulary.ts'
import { heldDomain, type Place, placeOf } from './place.ts'
import { eventRow, keyRow, madeOf } from './rows.ts'
import type { CreateTicket, Ticket } from './schema.ts'
import { toTicket } from './store.ts'
import { eventKeys, insertCountedTicket, insertTicket, keyKeys, messageKeys, ticketKeys } from './write.ts'

/** `loaded`: the facts about what the body names, where they are read already. */
type Wanted = { caller: Caller; body: CreateTicket; channel: Channel; repeatable: Repeatable; loaded?: Loaded }

/** Opens a ticket. Throws the refusal, what is wrong with the evidence, or `KeyTaken`; a failure writes nothing and spends no use. */
export function openTicket(context: Context, wanted: Wanted): Promise<Answer> {
  const place = placeOf(wanted.body.domain)
  const ask: Ask = {
    action: 'ticket.create',
    staffAction: 'staff.ticket.open',
    named: { account: accountRef(wanted.body.account), ...place.named, idempotencyKey: wanted.repeatable.key },
    about: (loaded, action) => {
      const { topic, contactsOnly = false, domain } = wanted.body
      const domains = domain === null ? [] : [heldDomain(loaded, place)]
      return question(action, loaded.account?.id ?? null, { domains, topic, contactsOnly })
    },
  }
  return authorise(
    context,
    wanted.caller,
    ask,
    (authority, guard, loaded) => write(context, wanted, place, authority, guard, loaded),
    wanted.loaded,
  )
}

async function write(
  context: Context,
  wanted: Wanted,
  place: Place,
  authority: Authority,
  guard: GuardValues,
  loaded: Loaded,
): Promise<Answer | undefined> {
  const domain = wanted.body.domain === null ? null : heldDomain(loaded, place)
  demandNamed(wanted.body, loaded, domain)
  const { row, message } = rowsOf(wanted, place, authority, loaded, domain)
  const answer = answerOf(row, loaded, domain, authority)
  const grant = authority.via.capacity === 'grant' && authority.via.grant.maxUses !== null ? authority.via.id : null
  const run = grant === null ? insertTicket : insertCountedTicket
  const [written] = await run.run(context.db, {
    ...guard,
    spentGrant: grant,
    ticketRow: rowJson(tickets, ticketKeys, row),
    messageRow: rowJson(messages, messageKeys, message),
    eventRow: rowJson(journalEvents, eventKeys, eventRow(authority, row.id, row.domainId, 'ticket.created')),
    keyRow: rowJson(idempotencyKeys, keyKeys, keyRow(wanted.repeatable, answer, authority.at)),
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

function rowsOf(wanted: Wanted, place: Place, authority: Authority, loaded: Loaded, domain: DomainFact | null) {
  const { body, channel } = wanted
  const topic = body.topic as TopicKey
  const evidence = demandDetails(topic, body.details ?? {}, { domain: domain?.name ?? null, now: authority.at })
  const at = new Date(authority.at)
  const host = place.host !== null && place.host !== domain?.name ? place.host : null
  const staff = authority.capacity === 'staff'
  const row = {
    accountId: authority.accountId as string,
    id: uuid(),
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
    channel: staff ? ('phone' as const) : channel,
    requesterUserId: staff ? null : authority.actorUserId,
    ...authorship(authority),
    details: evidence.details,
    completeness: evidence.completeness,
    createdAt: at,
    arrivedAt: at,
    authorityRevision: 0,
    version: 1,
  }
  const message = {
    accountId: row.accountId,
    ticketId: row.id,
    id: uuid(),
    kind: 'reply' as const,
    ...authorship(authority),
    body: body.message,
    createdAt: at,
  }
  return { row, message }
}

function answerOf(row: ReturnType<typeof rowsOf>['row'], loaded: Loaded, domain: DomainFact | null, authority: Authority): Answer {
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
  const names = { domainName: domain?.name ?? null, requesterName: staff ? null : user.name, actorName: user.name }
  const body = toTicket({ ticket, account: { id: account.id, number: account.number, name: account.name }, ...names }, staff)
  return {
    status: 201,
    headers: { location: `/v1/tickets/${row.id}`, etag: '"v1"' },
    body,
    made: madeOf(row),
  }
}
