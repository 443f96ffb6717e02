/**
 * The one way a ticket comes to be. Every door ends here, with a proven caller and a question; there is no second way into the table.
 */
import { loadAbsent } from '../authority/absent.ts'
import { authorise } from '../authority/authorise.ts'
import type { Context } from '../authority/context.ts'
import { decide } from '../authority/decide.ts'
import { question } from '../authority/facts.ts'
import { type GuardValues, guardValues } from '../authority/guard.ts'
import type { Ask, Authority } from '../authority/judge.ts'
import type { Caller, Loaded } from '../authority/load.ts'
import type { Answer, Repeatable } from '../database/idempotency.ts'
import type { Database } from '../database/open.ts'
import { accountRef } from '../http/access.ts'
import { Problem } from '../problem.ts'
import type { Channel, DenyReason } from '../vocabulary.ts'
import { type Filing, fileTicket } from './file.ts'
import { heldDomain, placeOf } from './place.ts'
import type { CreateTicket } from './schema.ts'
import { openSpoken } from './spoken.ts'

/** `loaded`: the facts about what the body names, where they are read already. */
type Wanted = { caller: Caller; body: CreateTicket; channel: Channel; repeatable: Repeatable; loaded?: Loaded }

/** Opens a ticket. Throws the refusal, what is wrong with the evidence, or `KeyTaken`; a failure writes nothing and spends no use. */
export function openTicket(context: Context, wanted: Wanted): Promise<Answer> {
  if (wanted.body.supportCode !== undefined) return openSpoken(context, { ...wanted, supportCode: wanted.body.supportCode })
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
  const file = (authority: Authority, guard: GuardValues, loaded: Loaded) => {
    const filing = { ...wanted, channel: authority.capacity === 'staff' ? ('phone' as const) : wanted.channel }
    return fileTicket(context.db, filing, place, authority, guard, loaded)
  }
  return authorise(context, wanted.caller, ask, file, wanted.loaded)
}

/** What somebody submitted, and the grant by which the account has just agreed to it. */
export type Consented = {
  accountId: string
  grantId: string
  filing: Filing
  /** Who submitted it, how he was known then, and the request in which the account agreed. */
  submitter: Pick<Authority, 'sessionId' | 'clientId' | 'verification' | 'verificationLevel' | 'verifiedAt' | 'requestId'> & {
    userId: string
  }
}

/**
 * Opens a ticket in its submitter's name, in the transaction of the consent, which holds the account's key and the users of both. He is
 * judged like everyone else, and by nothing but the grant that the account gave for it. @throws Problem `conflict` when even that gives
 * him nothing, because of what he or the account is
 */
export async function openConsented(context: Context, tx: Database, { accountId, grantId, filing, submitter }: Consented): Promise<Answer> {
  const place = placeOf(filing.body.domain)
  const clockOffset = context.clock.offset()
  const all = await loadAbsent(tx, clockOffset, submitter.userId, { account: { id: accountId }, ...place.named })
  const facts = { ...all.facts, contacts: [], grants: all.facts.grants.filter(({ id }) => id === grantId) }
  const loaded = { ...all, facts }
  const asked = question('ticket.create', accountId, { domains: [heldDomain(loaded, place)], topic: filing.body.topic })
  const decision = decide(facts, asked, facts.now)
  if (!decision.permit) throw notYet(decision.reason)
  const { userId, ...known } = submitter
  const { via } = decision
  const authority = { ...known, at: facts.now, accountId, actorUserId: userId, capacity: via.capacity, via, action: asked.action }
  const done = await fileTicket(tx, filing, place, authority, guardValues(loaded, via, accountId, clockOffset), loaded)
  if (done === undefined) throw new Problem('unavailable', { headers: { 'retry-after': '1' } })
  return done
}

function notYet(reason: DenyReason): Problem {
  const detail = 'It cannot become a ticket now, because of what its submitter or the account is; it stays held'
  return new Problem('conflict', { detail, members: { reason } })
}
