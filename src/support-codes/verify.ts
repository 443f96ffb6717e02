/** An agent types what the caller says. Right once, for this agent; five wrong ones burn whatever the account has. */
import { sql } from 'drizzle-orm'
import { loadThrough } from '../authority/absent.ts'
import { eventOf } from '../authority/authorship.ts'
import { change } from '../authority/change.ts'
import type { Context } from '../authority/context.ts'
import { decide } from '../authority/decide.ts'
import { type AccountFact, question } from '../authority/facts.ts'
import { type Authority, actorOf } from '../authority/judge.ts'
import { callMs } from '../authority/spoken.ts'
import type { Database } from '../database/open.ts'
import { toUnicode } from '../hostname.ts'
import type { Standing } from '../http/types.ts'
import { append } from '../journal/append.ts'
import { invalid } from '../problem.ts'
import { aboutCode, hashOfCode } from './make.ts'
import type { VerifiedSupportCode, VerifySupportCode } from './schema.ts'

const triesMost = 5

type Told = {
  id: string
  accountId: string
  userId: string
  contactId: string | null
  grantId: string | null
  clientId: string | null
  domainId: string | null
}

/** @throws Problem `validation_error`, the same for a wrong, used, burnt or expired code and for an account that does not exist */
export async function verifyCode(
  context: Context,
  codeKey: Buffer,
  standing: Standing,
  body: VerifySupportCode,
): Promise<VerifiedSupportCode> {
  const hash = hashOfCode(codeKey, body.code)
  const verified = await change(context, standing.caller, standing.ask, {}, async (tx, authority) => {
    const told = await take(tx, authority, body.account, hash)
    const shown = told && (await show(context, tx, authority, told))
    if (shown === undefined) await countWrong(tx, authority, body.account)
    return shown
  })
  if (verified === undefined)
    throw invalid({ pointer: '#/code', detail: 'is no code for this account that can be used now', code: 'refused' })
  return verified
}

async function take(tx: Database, authority: Authority, number: string, hash: Buffer): Promise<Told | undefined> {
  const at = new Date(authority.at).toISOString()
  const { rows } = await tx.execute<Told>(sql`
    update support_codes c set verified_at = ${at}::timestamptz, verified_by = ${actorOf(authority)}
    from account_numbers n where n.number = ${number} and c.account_id = n.account_id and c.code_hash = ${hash}
      and c.verified_at is null and c.expires_at > ${at}::timestamptz and c.wrong_tries < ${triesMost}
    returning c.id, c.account_id as "accountId", c.user_id as "userId", c.contact_id as "contactId", c.grant_id as "grantId",
        c.client_id as "clientId", c.domain_id as "domainId"`)
  return rows[0]
}

/** Counted on every code of the account that waits, so that five wrong tries burn them all and a new one is good again. */
async function countWrong(tx: Database, authority: Authority, number: string): Promise<void> {
  await tx.execute(sql`
    update support_codes c set wrong_tries = c.wrong_tries + 1
    from account_numbers n where n.number = ${number} and c.account_id = n.account_id and c.verified_at is null`)
  await append(tx, eventOf(authority, 'support_code.refused', { value: { account: number } }))
}

/** Who it is; undefined when he, or the service he made it through, may not do any more what it takes to make it. */
async function show(context: Context, tx: Database, authority: Authority, told: Told): Promise<VerifiedSupportCode | undefined> {
  const domainIds = told.domainId === null ? [] : [told.domainId]
  const loaded = await loadThrough(tx, context.clock.offset(), told, { account: { id: told.accountId }, domainIds })
  const { facts } = loaded
  const action = told.contactId === null ? 'ticket.create' : 'support_code.create'
  const asked = aboutCode(facts, question(action, told.accountId, { domains: loaded.domains }))
  if (!decide(facts, asked, facts.now).permit) return undefined
  const { id: accountId, number, name } = loaded.account as AccountFact
  const person = facts.user as NonNullable<typeof facts.user>
  const [domain] = loaded.domains
  const about = { accountId, resourceType: 'support_code', resourceId: told.id, domainId: told.domainId }
  await append(tx, eventOf(authority, 'support_code.verified', about))
  return {
    id: told.id,
    person: { id: person.id, name: person.name },
    account: { id: accountId, number, name },
    capacity: told.contactId === null ? 'grant' : 'contact',
    via: (told.contactId ?? told.grantId) as string,
    domain: domain === undefined ? null : { id: domain.id, name: domain.name, unicode: toUnicode(domain.name) },
    serves: new Date(authority.at + callMs).toISOString(),
  }
}
