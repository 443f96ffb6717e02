import type { Context } from '../authority/context.ts'
import type { Keys } from '../authority/locks.ts'
import type { Database } from '../database/open.ts'
import { adminKeys } from '../identity/admins.ts'
import { findToken, refusedToken } from '../identity/tokens.ts'
import { type ContactTerms, type GrantTerms, type Offer, readOffer, type StaffTerms } from '../outbox/offer.ts'
import { Problem } from '../problem.ts'
import type { Invitation } from './schema.ts'

/** An offer that an invitation makes. */
export type InvitationOffer = Offer & { terms: ContactTerms | GrantTerms | StaffTerms }

/**
 * The offer behind a mailed secret, if it can be accepted.
 * @throws Problem the same for every token that is not, or no longer, good for an invitation; `conflict` when it makes a staff user and
 * its address has a user already
 */
export async function findOffer(context: Context, secret: string): Promise<InvitationOffer> {
  const offer = await readInvitation(context, secret)
  if (offer.terms.kind === 'staff' && offer.owner !== null) throw staffIsNew()
  return offer
}

/** The offer behind a mailed secret. @throws Problem the same for every token that is not, or no longer, good for an invitation. */
export async function readInvitation({ db, clock }: Context, secret: string): Promise<InvitationOffer> {
  const { id } = await findToken(db, clock.offset(), secret, ['contact_invitation', 'grant_invitation', 'staff_invitation'])
  return offerOf(db, clock.offset(), id)
}

/** The offer as it is now that nobody else can change it. Throws the refusal. */
export function stands({ clock }: Context, tx: Database, { token }: InvitationOffer): Promise<InvitationOffer> {
  return offerOf(tx, clock.offset(), token)
}

async function offerOf(db: Database, clockOffset: number, token: string): Promise<InvitationOffer> {
  const offer = await readOffer(db, clockOffset, token)
  if (offer === undefined) throw refusedToken()
  return offer as InvitationOffer
}

/** Who invited stays as he is meanwhile: what is offered stands on him. */
export const keysOf = ({ terms, invitedBy }: InvitationOffer): Keys =>
  terms.kind === 'staff' ? adminKeys : { accounts: [terms.account.id], witnesses: invitedBy === null ? [] : [invitedBy.id] }

/** Staff are never contacts or developers, so they are always new users. */
export function staffIsNew(): Problem {
  const detail = 'The invited address belongs to a user, and staff are always new users: ask for an invitation to an address of its own'
  return new Problem('conflict', { detail })
}

/** What is offered, by whom and on which terms: exactly what accepting it gives. */
export async function showInvitation(context: Context, secret: string): Promise<Invitation> {
  const { terms, address, name, invitedBy, expiresAt, owner } = await findOffer(context, secret)
  return {
    kind: terms.kind,
    address,
    name,
    invitedBy: invitedBy?.name ?? null,
    expiresAt: new Date(expiresAt).toISOString(),
    next: owner === null ? 'sign_up' : 'sign_in',
    account: accountOf(terms),
    contact: terms.kind === 'contact' ? { role: terms.role, domains: terms.domains } : null,
    grant: terms.kind === 'grant' ? grantOf(terms) : null,
    staff: terms.kind === 'staff' ? { role: terms.role } : null,
  }
}

/** The account as it is named on the wire; null for staff. */
export function accountOf(terms: InvitationOffer['terms']): Invitation['account'] {
  return terms.kind === 'staff' ? null : { id: terms.account.id, number: terms.account.number, name: terms.account.name }
}

function grantOf({ domains, actions, topics, reach, maxUses, purpose, notBefore, expiresAt }: GrantTerms): Invitation['grant'] {
  const period = { notBefore: new Date(notBefore).toISOString(), expiresAt: new Date(expiresAt).toISOString() }
  return { domains, actions: actions as NonNullable<Invitation['grant']>['actions'], topics, reach, maxUses, purpose, ...period }
}
