/**
 * The one way a ticket comes to be. Every door ends here, with a proven caller and a question; there is no second way into the table.
 */
import { v7 as uuid } from 'uuid'
import { authorise } from '../authority/authorise.ts'
import { authorship, eventOf } from '../authority/authorship.ts'
import type { Context } from '../authority/context.ts'
import { type DomainFact, question } from '../authority/facts.ts'
import type { GuardValues } from '../authority/guard.ts'
import type { Ask, Authority } from '../authority/judge.ts'
import type { Caller, Loaded } from '../authority/load.ts'
import { type Answer, KeyTaken, keyLifeMs, type Repeatable } from '../database/idempotency.ts'
import { rowJson } from '../database/statement.ts'
import { idempotencyKeys, journalEvents, messages, tickets } from '../database/tables.ts'
import { demandDetails } from '../evidence/check.ts'
import { shippedTopics } from '../evidence/topics.ts'
import { ancestors, normaliseHostname } from '../hostname.ts'
import { eventKinds } from '../journal/kinds.ts'
import { invalid } from '../problem.ts'
import type { Channel, TopicKey } from '../vocabulary.ts'
import type { CreateTicket, Ticket } from './schema.ts'
import { toTicket } from './store.ts'
import { eventKeys, insertCountedTicket, insertTicket, keyKeys, messageKeys, ticketKeys } from './write.ts'

type Wanted = { caller: Caller; body: CreateTicket; channel: Channel; repeatable: Repeatable }

/** Opens a ticket. Throws the refusal, what is wrong with the evidence, or `KeyTaken`; a failure writes nothing and spends no use. */
export function openTicket(context: Context, wanted: Wanted): Promise<Answer> {
  const place = placeOf(wanted.body.domain)
  const ask: Ask = {
    action: 'ticket.create',
    staffAction: 'staff.ticket.open',
    named: { account: accountNamed(wanted.body.account), ...place.named },
    about: (loaded, action) => {
      const { topic, contactsOnly = false, domain } = wanted.body
      const domains = domain === null ? [] : [heldDomain(loaded, place)]
      return question(action, loaded.account?.id ?? null, { domains, topic, contactsOnly })
    },
  }
  return authorise(context, wanted.caller, ask, (authority, guard, loaded) => write(context, wanted, place, authority, guard, loaded))
}

type Place = { host: string | null; named: { domainIds: string[]; domainNames: string[] } }

const uuidForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

function accountNamed(text: string): { id: string } | { number: string } {
  return uuidForm.test(text) ? { id: text } : { number: text }
}

/** A stated domain: by id, or by a name that may be a host below a held one. */
function placeOf(stated: string | null): Place {
  if (stated === null) return { host: null, named: { domainIds: [], domainNames: [] } }
  if (uuidForm.test(stated)) return { host: null, named: { domainIds: [stated], domainNames: [] } }
  const normal = normaliseHostname(stated)
  if ('error' in normal) throw invalid({ pointer: '#/domain', detail: normal.error, code: 'format' })
  return { host: normal.name, named: { domainIds: [], domainNames: ancestors(normal.name) } }
}

/** The longest match inside the named account only; null when the account holds no such domain. */
function heldDomain(loaded: Loaded, place: Place): DomainFact | null {
  const longestFirst = [...loaded.domains].sort((a, b) => b.name.length - a.name.length)
  return longestFirst.find((domain) => place.host === null || domain.releasedAt === null) ?? null
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
  const { row, message } = rowsOf(wanted, place, authority, loaded, domain)
  const answer = answerOf(row, loaded, domain, authority)
  const grant = authority.via.capacity === 'grant' && authority.via.grant.maxUses !== null ? authority.via.id : null
  const run = grant === null ? insertTicket : insertCountedTicket
  const [written] = await run.run(context.db, {
    ...guard,
    spentGrant: grant,
    ticketRow: rowJson(tickets, ticketKeys, row),
    messageRow: rowJson(messages, messageKeys, message),
    eventRow: rowJson(journalEvents, eventKeys, eventRow(authority, row.id, row.domainId)),
    keyRow: rowJson(idempotencyKeys, keyKeys, keyRow(wanted.repeatable, answer, authority.at)),
  })
  if (written === undefined || !written.stood || !written.spendable) return undefined
  if (written.number === null) throw new KeyTaken()
  return { ...answer, body: { ...(answer.body as Ticket), number: `T-${written.number}` } }
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
    hostHeldByOtherAccount: loaded.heldElsewhere.some((name) => name.length > (domain?.name.length ?? 0)),
    topic,
    topicVersion: shippedTopics[topic].version,
    subject: body.subject,
    status: 'new' as const,
    priority: 'normal' as const,
    contactsOnly: body.contactsOnly ?? false,
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

/** The event's row for a one-statement write. */
export function eventRow(
  authority: Authority,
  ticketId: string,
  domainId: string | null,
  kind: keyof typeof eventKinds = 'ticket.created',
) {
  const event = eventOf(authority, kind, { resourceType: 'ticket', resourceId: ticketId, domainId })
  return { ...event, id: uuid(), at: new Date(event.at), audience: eventKinds[kind] }
}

/** The stored answer's row for a one-statement write. */
export function keyRow({ principalId, key, fingerprint }: Repeatable, answer: Answer, now: number) {
  const hex = `\\x${fingerprint.toString('hex')}` as unknown as Buffer
  const { status, headers, body, made } = answer
  return {
    principalId,
    key,
    fingerprint: hex,
    status,
    headers: headers ?? {},
    body,
    made: made ?? null,
    createdAt: new Date(now),
    expiresAt: new Date(now + keyLifeMs),
  }
}

function answerOf(row: ReturnType<typeof rowsOf>['row'], loaded: Loaded, domain: DomainFact | null, authority: Authority): Answer {
  const { account, facts } = loaded
  if (account === null || facts.user === null) throw new Error('permitted without an account or a user')
  const staff = authority.capacity === 'staff'
  const never = { requesterText: null, firstResponseAt: null, lastCustomerReplyAt: null, resolvedAt: null, closedAt: null }
  const ticket = {
    ...row,
    ...never,
    details: row.details as Record<string, unknown>,
    completeness: row.completeness as Record<string, unknown>,
  }
  const names = { domainName: domain?.name ?? null, requesterName: staff ? null : facts.user.name, actorName: facts.user.name }
  const body = toTicket({ ticket, account: { id: account.id, number: account.number, name: account.name }, ...names }, staff)
  return {
    status: 201,
    headers: { location: `/v1/tickets/${row.id}`, etag: '"v1"' },
    body,
    made: { action: 'ticket.read', staffAction: 'staff.ticket.work', account: account.id, ticket: row.id },
  }
}
