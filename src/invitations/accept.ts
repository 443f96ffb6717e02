/**
 * Accepting an invitation. Whoever holds the mailed secret reads the invited mailbox: without a session that makes a new user with this
 * address, if nobody has proven it yet; with one, the user must be the one who has proven it.
 */
import { eventOf } from '../authority/authorship.ts'
import { change, changeByProof } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import { question } from '../authority/facts.ts'
import type { Ask } from '../authority/judge.ts'
import { brokenConstraint } from '../database/errors.ts'
import type { Database } from '../database/open.ts'
import type { Standing } from '../http/types.ts'
import { AddressTaken, createUser, selfEvent } from '../identity/newcomer.ts'
import { demandPassword, hashPassword } from '../identity/passwords.ts'
import { demandShownFactor } from '../identity/shown.ts'
import { spendToken } from '../identity/tokens.ts'
import { type FieldError, invalid, Problem } from '../problem.ts'
import { type Acceptor, type Effect, takeEffect } from './effect.ts'
import type { AcceptedInvitation, AcceptInvitation } from './schema.ts'
import { accountOf, findOffer, type InvitationOffer, keysOf, staffIsNew, stands } from './show.ts'

/** As the signed-in user, who has proven the address and his password just now. */
export async function acceptAsUser(context: Context, { caller }: Standing, { token }: AcceptInvitation): Promise<AcceptedInvitation> {
  const offer = await findOffer(context, token)
  if (offer.terms.kind === 'staff') throw signedInAsOther('Staff are always new users: repeat the request without an access token')
  const ask: Ask = { action: 'self.manage', named: {}, about: (_loaded, action) => question(action, null), stepUp: true }
  const { accepted, user } = await change(context, caller, ask, keysOf(offer), async (tx, authority, loaded) => {
    const { facts } = loaded
    const { id, name } = facts.user as NonNullable<typeof facts.user>
    const who: Acceptor = { userId: id, at: authority.at, event: (kind, rest) => eventOf(authority, kind, rest) }
    await demandShownFactor(tx, loaded, id)
    const still = await stands(context, tx, offer)
    if (still.owner?.userId !== id) {
      throw signedInAsOther(
        'This invitation is for another address: sign in as the user who has proven it, or repeat without an access token',
      )
    }
    if (facts.staff !== null) throw new Problem('conflict', { detail: 'Staff are never contacts or developers of an account' })
    return { accepted: await spend(context, tx, who, still), user: { id, name } }
  }).catch(translate)
  return answerOf(offer, user, accepted)
}

/** As a new person: the secret proves the address, and name and password make the user in the same commit. Signs nobody in. */
export async function acceptAsNewcomer(context: Context, body: AcceptInvitation, requestId: string): Promise<AcceptedInvitation> {
  const offer = await findOffer(context, body.token)
  if (offer.owner !== null) throw signInFirst()
  const { name, password } = demandPerson(body, offer)
  const passwordHash = await hashPassword(context.config, password)
  const { id, accepted } = await changeByProof(context, keysOf(offer), async (tx, now) => {
    const still = await stands(context, tx, offer)
    const verification = 'email:proven'
    const userId = await createUser(tx, { name, address: offer.address, passwordHash, verification }, now, requestId)
    const who: Acceptor = { userId, at: now, event: (kind, rest) => selfEvent(kind, userId, now, requestId, { verification, ...rest }) }
    return { id: userId, accepted: await spend(context, tx, who, still) }
  }).catch((error: unknown) => {
    if (error instanceof AddressTaken) throw offer.terms.kind === 'staff' ? staffIsNew() : signInFirst()
    throw error
  })
  return answerOf(offer, { id, name }, accepted)
}

async function spend(context: Context, tx: Database, who: Acceptor, offer: InvitationOffer): Promise<Effect> {
  await spendToken(tx, offer.token, who.at)
  return takeEffect(context, tx, who, offer)
}

/** @throws Problem `validation_error` naming what a new user needs */
function demandPerson(body: AcceptInvitation, offer: InvitationOffer): { name: string; password: string } {
  const { name = offer.name ?? undefined, password } = body
  const missing: FieldError[] = []
  const detail = 'is required: nobody has proven this address yet, so accepting makes a new user'
  if (name === undefined) missing.push({ pointer: '#/name', detail, code: 'required' })
  if (password === undefined) missing.push({ pointer: '#/password', detail, code: 'required' })
  if (name === undefined || password === undefined) throw invalid(...missing)
  demandPassword(password, offer.address)
  return { name, password }
}

function answerOf({ terms }: InvitationOffer, user: AcceptedInvitation['user'], accepted: Effect): AcceptedInvitation {
  return { kind: terms.kind, user, account: accountOf(terms), ...accepted }
}

function translate(error: unknown): never {
  if (brokenConstraint(error) !== 'contacts_active') throw error
  throw new Problem('conflict', { detail: 'You are a contact of this account in this role already', cause: error })
}

/** Who holds the secret reads the mailbox, so he may know that its address has a user. */
function signInFirst(): Problem {
  return new Problem('unauthenticated', {
    detail: 'The invited address belongs to a user: sign in with it (POST /v1/sessions) and repeat the request with the access token',
    headers: { 'www-authenticate': 'Bearer' },
  })
}

function signedInAsOther(detail: string): Problem {
  return new Problem('not_authorised', { detail, members: { next: [{ rel: 'sign-in', href: '/v1/sessions', detail }] } })
}
