/** A short code for the telephone. It says who is calling, by which right and through which service; what they may is asked again at every use. */
import { createHmac, randomInt } from 'node:crypto'
import { and, eq, isNull } from 'drizzle-orm'
import { topicClass } from '../authority/actions.ts'
import { eventOf } from '../authority/authorship.ts'
import { changeOnce } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import { decide } from '../authority/decide.ts'
import type { AccountFact, DomainFact, Facts, Question } from '../authority/facts.ts'
import { type Ask, actorOf } from '../authority/judge.ts'
import type { Loaded } from '../authority/load.ts'
import { longOver } from '../authority/spoken.ts'
import type { Answer } from '../database/idempotency.ts'
import { supportCodes } from '../database/tables.ts'
import { toUnicode } from '../hostname.ts'
import { domainRef } from '../http/access.ts'
import type { Standing } from '../http/types.ts'
import { newId } from '../id.ts'
import { append } from '../journal/append.ts'
import { invalid } from '../problem.ts'
import { type Action, topicKeys } from '../vocabulary.ts'
import type { CreateSupportCode } from './schema.ts'

const lifeMs = 15 * 60_000

/** Eight digits are few: without the service's key a stolen table tells none of them. */
export const hashOfCode = (key: Buffer, code: string): Buffer => createHmac('sha256', key).update(code.replace(' ', '')).digest()

/** Makes a code; the one he made before and has not told yet ends. @throws the refusal, or what is wrong with the domain */
export function makeCode(context: Context, codeKey: Buffer, standing: Standing, body: CreateSupportCode): Promise<Answer> {
  const ref = body.domain === undefined ? undefined : domainRef(body.domain)
  if (body.domain !== undefined && ref === undefined)
    throw invalid({ pointer: '#/domain', detail: 'must be a domain name or the id of a domain', code: 'format' })
  const named = {
    ...standing.ask.named,
    domainIds: ref !== undefined && 'id' in ref ? [ref.id] : [],
    domainNames: ref !== undefined && 'name' in ref ? [ref.name] : [],
  }
  const scope = (loaded: Loaded): (DomainFact | null)[] => (ref === undefined ? [] : [loaded.domains[0] ?? null])
  const about = (loaded: Loaded, action: Action) => {
    const asked = standing.ask.about(loaded, action)
    return asked && forPerson(loaded.facts, aboutCode(loaded.facts, { ...asked, domains: scope(loaded) }))
  }
  const ask: Ask = { ...standing.ask, named, about }
  // Held, so that a closing either finds the code or is found by it.
  const keys = { grounds: [(standing.loaded.account as AccountFact).id] }
  return changeOnce(context, standing.caller, ask, keys, standing.repeatable, async (tx, authority, loaded) => {
    const account = loaded.account as AccountFact
    const [domain = null] = scope(loaded)
    const digits = String(randomInt(100_000_000)).padStart(8, '0')
    const at = new Date(authority.at)
    const own = and(eq(supportCodes.accountId, account.id), eq(supportCodes.userId, actorOf(authority)), isNull(supportCodes.verifiedAt))
    await tx.update(supportCodes).set({ expiresAt: longOver }).where(own)
    const row = {
      accountId: account.id,
      id: newId(),
      codeHash: hashOfCode(codeKey, digits),
      userId: actorOf(authority),
      contactId: authority.capacity === 'contact' ? authority.via.id : null,
      grantId: authority.capacity === 'grant' ? authority.via.id : null,
      clientId: authority.clientId,
      domainId: domain?.id ?? null,
      createdAt: at,
      expiresAt: new Date(authority.at + lifeMs),
    }
    await tx.insert(supportCodes).values(row)
    await append(
      tx,
      eventOf(authority, 'support_code.created', { resourceType: 'support_code', resourceId: row.id, domainId: row.domainId }),
    )
    const answer = {
      id: row.id,
      code: null,
      account: { id: account.id, number: account.number, name: account.name },
      domain: domain && { id: domain.id, name: domain.name, unicode: toUnicode(domain.name) },
      expiresAt: row.expiresAt.toISOString(),
    }
    const made = { action: 'self.read', staffAction: null, account: null, ticket: null }
    return { status: 201, body: { ...answer, code: `${digits.slice(0, 4)} ${digits.slice(4)}` }, storedBody: answer, made }
  })
}

/**
 * Whoever tells the code is served as the person himself, for an hour. A narrowed token is good for less and ends sooner, so that it makes
 * none, as it does nothing else that is about him.
 */
function forPerson(facts: Facts, asked: Question): Question {
  const isTool = facts.ceiling !== null && decide(facts, asked, facts.now).permit
  return isTool ? { ...asked, action: 'self.manage' } : asked
}

const openTopics = topicKeys.filter((topic) => !topicClass(topic).confidential)

/**
 * A contact is asked for the code, a developer for what he would call about: a ticket on the domain, about any topic that a grant can be
 * about. Who is a contact for bills, too, has no code by that.
 */
export function aboutCode(facts: Facts, own: Question): Question {
  if (own.action !== 'ticket.create') return own
  const asked = openTopics.map((topic) => ({ ...own, topic }))
  return asked.find((one) => decide(facts, one, facts.now).permit) ?? (asked.at(-1) as Question)
}
