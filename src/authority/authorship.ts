import { providerAccountId } from '../database/tables.ts'
import type { About, JournalEvent } from '../journal/append.ts'
import type { EventKind } from '../journal/kinds.ts'
import type { VerificationMethod } from '../vocabulary.ts'
import { type Authority, actorOf } from './judge.ts'

/** The columns that say who wrote a row and by which right. */
export function authorship(authority: Authority) {
  const { capacity, via } = authority
  return {
    actorUserId: actorOf(authority),
    clientId: authority.clientId,
    capacity,
    contactId: capacity === 'contact' ? via.id : null,
    grantId: capacity === 'grant' ? via.id : null,
    staffMemberId: capacity === 'staff' ? via.id : null,
    sessionId: authority.sessionId,
    verification: authority.verification,
    verificationLevel: authority.verificationLevel,
    verifiedAt: new Date(authority.verifiedAt),
  }
}

type Rest = Omit<About, 'kind' | 'at'>

/**
 * An event about what was done under an authority; what concerns no account is the provider's own. `anew` is how the actor has proven
 * himself by this very act.
 */
export function eventOf(authority: Authority, kind: EventKind, rest: Rest = {}, anew?: VerificationMethod): JournalEvent {
  const { verification, verificationLevel, verifiedAt } = authority
  const verified = anew === undefined ? { verification, verificationLevel, verifiedAt } : { verification: anew, verifiedAt: authority.at }
  return {
    accountId: authority.accountId ?? providerAccountId,
    kind,
    at: authority.at,
    actorUserId: authority.actorUserId,
    clientId: authority.clientId,
    capacity: authority.capacity,
    viaId: authority.via.id,
    sessionId: authority.sessionId,
    action: authority.action,
    decision: 'permit',
    requestId: authority.requestId,
    ...verified,
    ...rest,
  }
}

/** The domain that an event names: one it is about alone. Another would not be for who is limited to some of several. */
export function onlyOf([only = null, ...others]: readonly (string | null)[]): string | null {
  return others.length === 0 ? only : null
}

/** An event about what time did to an account's row, through `changeByTime`: nobody acted, and no right was needed. */
export function eventByTime(accountId: string, at: number, kind: EventKind, rest: Rest = {}): JournalEvent {
  return { ...rest, accountId, kind, at, actorUserId: null, capacity: null }
}
