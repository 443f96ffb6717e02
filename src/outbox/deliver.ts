/**
 * Sends what was queued in `post.ts`. A job carries ids only; whether its letter may still go, and what it says, is found out here. A
 * secret is made when its letter leaves and only its hash is kept, so that no job and no row ever holds one. Sending may be repeated: a
 * second letter has a new secret, and the one before it is void.
 */
import { and, eq, isNotNull } from 'drizzle-orm'
import type { Context } from '../authority/context.ts'
import type { Database, Log } from '../database/open.ts'
import { addresses, singleUseTokens } from '../database/tables.ts'
import type { JobHandler, JobPayload } from '../jobs/jobs.ts'
import { knownLetter, type Letter, noticeLetter, secretLetter } from './letters.ts'
import { readNotice } from './notice.ts'
import { type Offer, readOffer } from './offer.ts'
import { claimedLetter, declinedLetter, ownLetter } from './own-letters.ts'
import { type Notice, type NoticeKind, postAddressClaimed, postAddressKnown, type SecurityKind } from './post.ts'
import { newSecret } from './secret.ts'
import { securityLetter } from './security.ts'
import { type MailTransport, Undeliverable } from './transport.ts'

/** The handler of the `mail` queue. A letter that may not go any more is withheld, which the log tells; a failed one is tried again. */
export function deliverMail(context: Context, transport: MailTransport, log: Log): JobHandler {
  return async (payload) => {
    const ready = await letterOf(context, payload)
    if (ready === undefined) return log.info({ ...payload, outcome: 'withheld' }, 'a letter was withheld')
    const refused = await refusalOf(transport.send({ to: ready.to, ...ready.letter, at: context.clock.now() }))
    if (refused !== undefined) return log.warn({ ...payload, outcome: 'refused', reason: refused.message }, 'a letter was refused for good')
    log.info({ ...payload, outcome: 'sent' }, 'a letter was sent')
  }
}

/** That a mail was refused for good; any other failure is thrown on, so that its job is tried again. */
function refusalOf(sending: Promise<void>): Promise<Undeliverable | undefined> {
  return sending.then(
    () => undefined,
    (error: unknown) => {
      if (error instanceof Undeliverable) return error
      throw error
    },
  )
}

type Ready = { to: string; letter: Letter }

function letterOf(context: Context, payload: JobPayload): Promise<Ready | undefined> {
  switch (payload['letter']) {
    case 'token':
      return tokenLetter(context, String(payload['token']))
    case 'address_known':
      return aboutAddress(context, String(payload['address']), knownLetter)
    case 'address_claimed':
      return aboutAddress(context, String(payload['address']), claimedLetter)
    case 'staff_declined':
      return declined(context, String(payload['user']))
    case 'notice':
      return notice(context, payload)
    case 'security':
      return security(context, payload)
    default:
      throw new Error(`there is no letter ${JSON.stringify(payload['letter'])}`)
  }
}

/** With the row held: nobody uses the token between the look at it and the new hash. */
function tokenLetter(context: Context, id: string): Promise<Ready | undefined> {
  return context.db.transaction(async (tx) => {
    const offer = await readOffer(tx, context.clock.offset(), id, true)
    if (offer === undefined) return undefined
    const { address, owner, terms, expiresAt } = offer
    if (owner !== null && (terms.kind === 'proof' || terms.kind === 'addition')) return sayKnown(context, tx, offer, owner)
    if (owner !== null && terms.kind === 'staff') return undefined
    if (terms.kind === 'reset' && !owner?.active) return undefined
    const { secret, hash } = newSecret()
    const bound = terms.kind === 'reset' ? { userId: owner?.userId as string } : {}
    await tx
      .update(singleUseTokens)
      .set({ secretHash: hash, ...bound })
      .where(eq(singleUseTokens.id, id))
    const handed = { origin: context.config.publicUrl, secret, expiresAt }
    const letter = terms.kind === 'addition' || terms.kind === 'reset' ? ownLetter(terms, handed) : secretLetter(terms, handed)
    return { to: address, letter }
  })
}

/** What was asked for an address that has a user: the token is spent, and another letter says so instead, unless he asked himself. */
async function sayKnown(
  { jobs, clock }: Context,
  tx: Database,
  { token, terms, userId: askedBy }: Offer,
  { userId, addressId }: NonNullable<Offer['owner']>,
): Promise<undefined> {
  const spent = { usedAt: new Date(clock.now()), name: null, passwordHash: null }
  await tx.update(singleUseTokens).set(spent).where(eq(singleUseTokens.id, token))
  if (terms.kind === 'proof') await postAddressKnown(jobs, tx, addressId)
  else if (askedBy !== userId) await postAddressClaimed(jobs, tx, addressId)
}

async function aboutAddress(context: Context, id: string, letter: (origin: string) => Letter): Promise<Ready | undefined> {
  const [found] = await context.db
    .select({ address: addresses.address })
    .from(addresses)
    .where(and(eq(addresses.id, id), isNotNull(addresses.provenAt)))
  return found && { to: found.address, letter: letter(context.config.publicUrl) }
}

/** To the address he proved first. */
async function declined(context: Context, userId: string): Promise<Ready | undefined> {
  const own = await context.db
    .select({ to: addresses.address })
    .from(addresses)
    .where(and(eq(addresses.userId, userId), isNotNull(addresses.provenAt)))
    .orderBy(addresses.provenAt, addresses.id)
    .limit(1)
  return own.map(({ to }) => ({ to, letter: declinedLetter(context.config.publicUrl) }))[0]
}

function security({ db, config }: Context, payload: JobPayload): Promise<Ready | undefined> {
  const { kind, user, address } = payload as { kind: SecurityKind; user: string; address?: string }
  return securityLetter(db, config.publicUrl, kind, user, address)
}

async function notice(context: Context, payload: JobPayload): Promise<Ready | undefined> {
  const kind = String(payload['kind']) as NoticeKind
  const subjectId = String(payload['subject'])
  const asked: Notice = { kind, accountId: String(payload['account']), subjectId, recipientUserId: String(payload['recipient']) }
  const told = await readNotice(context, asked)
  return told && { to: told.to, letter: noticeLetter(kind, { origin: context.config.publicUrl, subjectId, ...told }) }
}
