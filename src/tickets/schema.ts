import { type Static, Type } from '@sinclair/typebox'
import { Completeness } from '../evidence/completeness.ts'
import { DetailsInput, StoredDetails } from '../evidence/fields.ts'
import {
  closedWord,
  instantOf,
  lineOf,
  maybeInstantOf,
  maybeText,
  namedAccount,
  namedDomain,
  namedPerson,
  openWord,
  orNull,
  uuidOf,
} from '../http/shapes.ts'
import { channels, messageKinds, priorities, ticketOrigins, ticketStatuses, topicKeys } from '../vocabulary.ts'
import { Author, Person } from './author-schema.ts'

/** What a list shows of a ticket. */
const listed = {
  id: uuidOf('The ticket'),
  number: Type.String({ description: 'For people; never a proof of anything', examples: ['T-100001'] }),
  account: namedAccount('The account'),
  domain: orNull(namedDomain('The domain it is about')),
  host: maybeText('The host below the domain that was named, if any'),
  hostHeldByOtherAccount: Type.Optional(Type.Boolean({ description: 'Staff only: another account holds this host or a name above it' })),
  topic: Type.String(),
  topicVersion: Type.Integer(),
  subject: Type.String(),
  status: openWord(ticketStatuses, 'Where the ticket stands'),
  priority: openWord(priorities, 'How urgent it is'),
  contactsOnly: Type.Boolean({ description: 'Never shown to a developer under a grant' }),
  origin: openWord(ticketOrigins, 'Where the ticket comes from'),
  channel: openWord(channels, 'By which door it came'),
  requester: orNull(namedPerson('Whose words it carries; null for a ticket of the provider itself')),
  openedBy: Type.Ref(Author),
  recordedBy: orNull(
    Type.Object(
      { user: Type.Ref(Person), via: uuidOf('His staff row') },
      { additionalProperties: false, description: 'By telephone: the agent who wrote down what the requester said' },
    ),
  ),
  createdAt: instantOf('When it became a ticket'),
  arrivedAt: instantOf('When it arrived'),
  firstResponseAt: maybeInstantOf('First reply of staff'),
  lastCustomerReplyAt: maybeInstantOf('Last reply of the customer'),
  resolvedAt: maybeInstantOf('When it was closed by either side; it can be reopened for a time'),
  closedAt: maybeInstantOf('When it was closed for good'),
  version: Type.Integer(),
}

export const ListedTicket = Type.Object(listed, { $id: 'ListedTicket', additionalProperties: false })
export type ListedTicket = Static<typeof ListedTicket>

export const Ticket = Type.Object(
  { ...listed, details: StoredDetails, completeness: Completeness },
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
    topic: closedWord(topicKeys, 'What it is about; GET /v1/topics tells what each asks for'),
    subject: lineOf(200, 'What it is about, on one line'),
    message: prose('What happened, in your words; Markdown is kept as text'),
    details: Type.Optional(DetailsInput),
    supportCode: Type.Optional(
      Type.String({ format: 'uuid', description: 'Staff only: the verified support code of who is on the telephone, by id' }),
    ),
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
  status: Type.Optional(closedWord(ticketStatuses, 'Only in this status')),
  topic: Type.Optional(closedWord(topicKeys, 'Only of this topic')),
  number: Type.Optional(Type.String({ pattern: '^T-[0-9]{1,12}$', description: 'Only this one' })),
}

export const Message = Type.Object(
  {
    id: uuidOf('The message'),
    ticket: uuidOf('The ticket'),
    kind: openWord(messageKinds, 'A reply everyone on the ticket sees, or an internal note of staff'),
    author: Type.Ref(Author),
    body: Type.String(),
    createdAt: instantOf('When it was written'),
  },
  { $id: 'Message', additionalProperties: false },
)
export type Message = Static<typeof Message>

export const CreateMessage = Type.Object(
  {
    kind: Type.Optional(closedWord(messageKinds, 'An internal `note` is for staff only; `reply` is the default')),
    body: prose('Plain text; Markdown is kept as text'),
    status: Type.Optional(
      closedWord(['open', 'waiting_on_customer', 'on_hold', 'resolved'] as const, 'Staff only: where the ticket stands after this reply'),
    ),
  },
  { $id: 'CreateMessage', additionalProperties: false },
)
export type CreateMessage = Static<typeof CreateMessage>

/** Schemas other schemas refer to by `$id`. */
export const shared = [Person, Author, ListedTicket, Ticket, Message]
