import { type Static, Type } from '@sinclair/typebox'
import {
  closedWord,
  instantOf,
  maybeInstantOf,
  maybeOpenWord,
  maybeText,
  namedAccount,
  namedDomain,
  namedPerson,
  openWord,
  uuidOf,
} from '../http/shapes.ts'
import { type EventKind, eventKinds } from '../journal/kinds.ts'
import { audiences, capacities, verificationLevels, verificationMethods } from '../vocabulary.ts'

const kinds = Object.keys(eventKinds) as EventKind[]
const decisions = ['permit', 'deny'] as const

export const AuditEvent = Type.Object(
  {
    id: uuidOf('The event'),
    position: Type.Unsafe<number | null>({
      type: ['integer', 'null'],
      description: 'Its place in the one order of the whole trail; null for about a minute, until it is sealed',
    }),
    at: instantOf('When it happened'),
    kind: openWord(kinds, 'What happened'),
    audience: Type.Optional(openWord(audiences, 'Staff only: who may see events of this kind')),
    account: Type.Union([namedAccount('The account it concerns'), Type.Null()], { description: "Null: the provider's own" }),
    actor: Type.Union([namedPerson('Who acted'), Type.Null()]),
    capacity: maybeOpenWord(capacities, 'In which role he acted'),
    via: Type.Unsafe<string | null>({ type: ['string', 'null'], format: 'uuid', description: 'The row that justified it' }),
    onBehalfOf: Type.Union([namedAccount('The account he acted for'), Type.Null()], {
      description: 'Null where he acted for himself or for the provider',
    }),
    verification: maybeOpenWord(verificationMethods, 'How he was verified'),
    verificationLevel: maybeOpenWord(verificationLevels, 'How much that is worth'),
    verifiedAt: maybeInstantOf('When he was: on a session at its sign-in or last step-up; null also in events of before this was recorded'),
    action: maybeText('What he asked to do'),
    decision: maybeOpenWord(decisions, 'What was decided'),
    reason: maybeText('Why it was refused'),
    resource: Type.Union([Type.Object({ type: Type.String(), id: uuidOf('The resource') }, { additionalProperties: false }), Type.Null()], {
      description: 'What it was done to',
    }),
    domain: Type.Union([namedDomain('The domain it is about'), Type.Null()]),
    requestId: maybeText('The request it was done by'),
    changed: Type.Unsafe<string[] | null>({
      type: ['array', 'null'],
      items: { type: 'string' },
      description: 'The members that changed, not their values; null for what is new, and where none did',
    }),
    value: Type.Unsafe<Record<string, unknown> | null>({
      type: ['object', 'null'],
      additionalProperties: true,
      description: 'What was said or changed, while it is kept; it can be erased and the event stays',
    }),
  },
  { $id: 'AuditEvent', additionalProperties: false },
)
export type AuditEvent = Static<typeof AuditEvent>

export const EventFilters = {
  kind: Type.Optional(closedWord(kinds, 'Only of this kind')),
  actor: Type.Optional(uuidOf('Only what this user did or tried')),
  resource: Type.Optional(uuidOf('Only what was done to this ticket, grant, contact or other thing')),
  decision: Type.Optional(closedWord(decisions, 'Only with this decision')),
  from: Type.Optional(instantOf('Not before this instant')),
  to: Type.Optional(instantOf('Before this instant')),
}

export const ProviderEventFilters = {
  account: Type.Optional(Type.String({ minLength: 1, maxLength: 64, description: 'Only of this account, by id or number' })),
  ...EventFilters,
}

/** The lines of an export: events, now and then how far it is, and one last line about how it ended. */
export type ExportLine =
  | { event: AuditEvent }
  | { progress: { events: number } }
  | { end: { complete: boolean; events: number; reason: ExportEnd } }

/** Why it ended before it was complete; null: it is complete. */
export type ExportEnd = null | 'no_authority' | 'stopping' | 'unavailable'
