import { type Static, Type } from '@sinclair/typebox'
import { Completeness } from '../evidence/completeness.ts'
import { DetailsInput, StoredDetails } from '../evidence/fields.ts'
import {
  capacities,
  channels,
  messageKinds,
  priorities,
  ticketOrigins,
  ticketStatuses,
  topicKeys,
  verificationMethods,
} from '../vocabulary.ts'

const words = <T extends string>(list: readonly T[], description: string) =>
  Type.Unsafe<T>({ type: 'string', description, 'x-extensible-enum': list, examples: [list[0]] })
const closed = <T extends string>(list: readonly T[], description: string) => Type.Unsafe<T>({ type: 'string', enum: list, description })
const instant = (description: string) => Type.String({ format: 'date-time', description })
const maybe = <T extends ReturnType<typeof Type.String>>(schema: T) => Type.Unsafe<string | null>({ ...schema, type: ['string', 'null'] })
const id = (description: string) => Type.String({ format: 'uuid', description })

const Person = Type.Object({ id: id('The user'), name: Type.String() }, { $id: 'Person', additionalProperties: false })

/** Who acted, in what capacity and by which row, and how he was verified: on every ticket and message. */
const Author = Type.Object(
  {
    user: Type.Ref(Person),
    capacity: words(capacities, 'In which role: contact of the account, developer under a grant, or staff of the provider'),
    via: id('The contact, grant or staff row that justified it'),
    onBehalfOf: Type.Object({ account: id('The account'), number: Type.String(), name: Type.String() }, { additionalProperties: false }),
    verification: Type.Object(
      { method: words(verificationMethods, 'How the actor was verified'), at: instant('When') },
      { additionalProperties: false },
    ),
  },
  { $id: 'Author', additionalProperties: false },
)

export const Ticket = Type.Object(
  {
    id: id('The ticket'),
    number: Type.String({ description: 'For people; never a proof of anything', examples: ['T-100001'] }),
    account: Type.Object({ id: id('The account'), number: Type.String(), name: Type.String() }, { additionalProperties: false }),
    domain: Type.Union([
      Type.Object({ id: id('The domain'), name: Type.String(), unicode: Type.String() }, { additionalProperties: false }),
      Type.Null(),
    ]),
    host: maybe(Type.String({ description: 'The host below the domain that was named, if any' })),
    hostHeldByOtherAccount: Type.Optional(Type.Boolean({ description: 'Staff only: another account holds this host or a name above it' })),
    topic: Type.String(),
    topicVersion: Type.Integer(),
    subject: Type.String(),
    status: words(ticketStatuses, 'Where the ticket stands'),
    priority: words(priorities, 'How urgent it is'),
    contactsOnly: Type.Boolean({ description: 'Never shown to a developer under a grant' }),
    origin: words(ticketOrigins, 'Where the ticket comes from'),
    channel: words(channels, 'By which door it came'),
    requester: Type.Union([Type.Ref(Person), Type.Null()], {
      description: 'Whose words it carries; null for a ticket of the provider itself',
    }),
    openedBy: Type.Ref(Author),
    details: StoredDetails,
    completeness: Completeness,
    createdAt: instant('When it became a ticket'),
    arrivedAt: instant('When it arrived'),
    firstResponseAt: maybe(instant('First reply of staff')),
    lastCustomerReplyAt: maybe(instant('Last reply of the customer')),
    resolvedAt: maybe(instant('When it was closed by either side; it can be reopened for a time')),
    closedAt: maybe(instant('When it was closed for good')),
    version: Type.Integer(),
  },
  { $id: 'Ticket', additionalProperties: false },
)
export type Ticket = Static<typeof Ticket>

const prose = (description: string) => Type.String({ minLength: 1, maxLength: 32_768, pattern: '\\S', description })

export const CreateTicket = Type.Object(
  {
    account: Type.String({ minLength: 1, maxLength: 64, description: 'The account, by id or number' }),
    domain: Type.Unsafe<string | null>({
      type: ['string', 'null'],
      minLength: 1,
      maxLength: 255,
      description: 'A domain of the account, by name or id, or a host below one; null when it is not about a domain',
    }),
    topic: closed(topicKeys, 'What it is about; GET /v1/topics tells what each asks for'),
    subject: Type.String({ minLength: 1, maxLength: 200, pattern: '^[^\\x00-\\x1f\\x7f]*\\S[^\\x00-\\x1f\\x7f]*$' }),
    message: prose('What happened, in your words; Markdown is kept as text'),
    details: Type.Optional(DetailsInput),
    contactsOnly: Type.Optional(Type.Boolean({ default: false, description: 'Keep it from developers under a grant' })),
  },
  {
    $id: 'CreateTicket',
    additionalProperties: false,
    examples: [
      {
        account: 'C-10001',
        domain: 'example.com',
        topic: 'email-delivery',
        subject: 'Mail to info@ is not received',
        message: 'Mails from our customer bounce since this morning.',
        details: {
          occurredAt: { at: '2026-11-22T14:05:00+10:00[Australia/Brisbane]', precision: 'exact' },
          mailFrom: 'a@example.net',
          mailTo: 'info@example.com',
        },
      },
    ],
  },
)
export type CreateTicket = Static<typeof CreateTicket>

export const TicketFilters = {
  account: Type.Optional(Type.String({ minLength: 1, maxLength: 64, description: 'Only of this account, by id or number' })),
  domain: Type.Optional(Type.String({ minLength: 1, maxLength: 255, description: 'Only of this domain, by id or name' })),
  status: Type.Optional(closed(ticketStatuses, 'Only in this status')),
  topic: Type.Optional(closed(topicKeys, 'Only of this topic')),
  number: Type.Optional(Type.String({ pattern: '^T-[0-9]{1,12}$', description: 'Only this one' })),
}

export const Message = Type.Object(
  {
    id: id('The message'),
    ticket: id('The ticket'),
    kind: words(messageKinds, 'A reply everyone on the ticket sees, or an internal note of staff'),
    author: Type.Ref(Author),
    body: Type.String(),
    createdAt: instant('When it was written'),
  },
  { $id: 'Message', additionalProperties: false },
)
export type Message = Static<typeof Message>

export const CreateMessage = Type.Object(
  {
    kind: Type.Optional(closed(messageKinds, 'An internal `note` is for staff only; `reply` is the default')),
    body: prose('Plain text; Markdown is kept as text'),
    status: Type.Optional(
      closed(['open', 'waiting_on_customer', 'on_hold', 'resolved'] as const, 'Staff only: where the ticket stands after this reply'),
    ),
  },
  { $id: 'CreateMessage', additionalProperties: false },
)
export type CreateMessage = Static<typeof CreateMessage>

/** Schemas other schemas refer to by `$id`. */
export const shared = [Person, Author, Ticket, Message]
