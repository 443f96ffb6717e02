import { Type } from '@sinclair/typebox'
import type { TicketRow } from '../authority/load.ts'
import type { Repeatable } from '../database/idempotency.ts'
import { domainRef } from '../http/access.ts'
import { problems } from '../http/contract.ts'
import { type App, type Feature, isStaff, listing, standingOf } from '../http/feature.ts'
import { answering } from '../http/idempotency.ts'
import { pageOf, pageQuery } from '../http/paging.ts'
import { notModified } from '../http/preconditions.ts'
import { invalid } from '../problem.ts'
import { openTicket } from './open.ts'
import { namedByBody } from './place.ts'
import { addMessage } from './reply.ts'
import { CreateMessage, CreateTicket, ListedTicket, Message, shared, Ticket, TicketFilters } from './schema.ts'
import { shownTicket } from './shown.ts'
import { closeTicket, reopenTicket } from './steps.ts'
import { listMessages, listTickets, type TicketFilter, ticketShown } from './store.ts'

const tags = ['tickets']
const TicketPath = Type.Object({ ticket: Type.String({ description: 'The ticket, by id' }) })
const keyProblems = ['idempotency_key_reused', 'idempotency_in_progress'] as const

export async function ticketRoutes(app: App, feature: Feature): Promise<void> {
  const { context } = feature
  for (const schema of shared) app.addSchema(schema)

  app.post(
    '/v1/tickets',
    {
      config: {
        access: { action: 'ticket.create', staffAction: 'staff.ticket.open', on: 'body', late: namedByBody, idempotency: 'required' },
      },
      schema: {
        tags,
        summary: 'Open a ticket',
        body: CreateTicket,
        response: {
          201: Type.Ref(Ticket),
          ...problems('not_authorised', 'details_missing', 'idempotency_key_missing', ...keyProblems),
        },
      },
    },
    (request, reply) => {
      const { caller, repeatable, loaded } = standingOf(request)
      const channel = loaded.facts.session?.kind === 'panel' ? ('panel' as const) : ('api' as const)
      const wanted = { caller, body: request.body, channel, repeatable: repeatable as Repeatable, loaded }
      return answering(context, request, reply, () => openTicket(context, wanted))
    },
  )

  app.get(
    '/v1/tickets',
    {
      config: { access: { action: 'ticket.read', staffAction: 'staff.ticket.work', on: 'everywhere' } },
      schema: {
        tags,
        summary: 'List the tickets within your authority, newest first; reading one shows details and completeness too',
        querystring: pageQuery(TicketFilters),
        response: { 200: pageOf(Type.Ref(ListedTicket)) },
      },
    },
    (request, reply) => {
      const standing = standingOf(request)
      const { query } = request
      const filter: TicketFilter = {
        ...query,
        account: query.account === undefined ? undefined : (standing.loaded.account?.id ?? null),
        domain: domainFilter(query.domain),
      }
      return listing(feature, {
        request,
        reply,
        query,
        position: ({ createdAt, id }) => [createdAt, id] as const,
        read: (after, limit) => listTickets(context.db, standing.clauses, filter, after, limit, isStaff(standing)),
      })
    },
  )

  app.get(
    '/v1/tickets/:ticket',
    {
      config: { access: { action: 'ticket.read', staffAction: 'staff.ticket.work', on: 'ticket', also: shownTicket } },
      schema: { tags, summary: 'Read a ticket', params: TicketPath, response: { 200: Type.Ref(Ticket), ...problems('not_found') } },
    },
    async (request, reply) => {
      const standing = standingOf(request)
      const ticket = ticketShown(standing.loaded, isStaff(standing))
      return notModified(request, reply, ticket.version) ? reply : ticket
    },
  )

  app.get(
    '/v1/tickets/:ticket/messages',
    {
      config: { access: { action: 'ticket.read', staffAction: 'staff.ticket.work', on: 'ticket' } },
      schema: {
        tags,
        summary: 'List the messages of a ticket, oldest first',
        params: TicketPath,
        querystring: pageQuery({}),
        response: { 200: pageOf(Type.Ref(Message)), ...problems('not_found') },
      },
    },
    (request, reply) => {
      const standing = standingOf(request)
      const { accountId, id } = standing.loaded.ticket as TicketRow
      return listing(feature, {
        request,
        reply,
        query: request.query,
        position: (message) => [message.createdAt, message.id] as const,
        read: (after, limit) => listMessages(context.db, accountId, id, after, limit, isStaff(standing)),
      })
    },
  )

  app.post(
    '/v1/tickets/:ticket/messages',
    {
      config: { access: { action: 'ticket.reply', staffAction: 'staff.ticket.work', on: 'ticket' } },
      schema: {
        tags,
        summary: 'Reply to a ticket, or leave an internal note',
        params: TicketPath,
        body: CreateMessage,
        response: { 201: Type.Ref(Message), ...problems('not_authorised', 'not_found', 'invalid_transition', ...keyProblems) },
      },
    },
    (request, reply) => answering(context, request, reply, () => addMessage(context, standingOf(request), request.body)),
  )

  const steps = {
    close: [closeTicket, 'Close a ticket; it can be reopened for some days'],
    reopen: [reopenTicket, 'Reopen a closed ticket'],
  } as const
  for (const [verb, [step, summary]] of Object.entries(steps)) {
    app.post(
      `/v1/tickets/:ticket/${verb}`,
      {
        config: { access: { action: 'ticket.close', staffAction: 'staff.ticket.work', on: 'ticket', also: shownTicket, ifMatch: true } },
        schema: {
          tags,
          summary,
          params: TicketPath,
          response: {
            200: Type.Ref(Ticket),
            ...problems(
              'not_authorised',
              'not_found',
              'precondition_required',
              'precondition_failed',
              'invalid_transition',
              ...keyProblems,
            ),
          },
        },
      },
      (request, reply) => answering(context, request, reply, () => step(context, standingOf(request))),
    )
  }
}

function domainFilter(text: string | undefined) {
  if (text === undefined) return undefined
  const domain = domainRef(text)
  if (domain === undefined)
    throw invalid({ parameter: 'domain', in: 'query', detail: 'must be a domain name or the id of a domain', code: 'format' })
  return domain
}
