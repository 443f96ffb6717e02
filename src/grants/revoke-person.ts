/** Everything a person holds or is offered of an account, gone in one commit: what somebody who is alarmed needs. */
import { and, eq, inArray, isNotNull, or, sql } from 'drizzle-orm'
import { actionFor } from '../authority/asked.ts'
import { changeOnce } from '../authority/change.ts'
import { endContact } from '../authority/contact-terms.ts'
import type { Context } from '../authority/context.ts'
import { decide } from '../authority/decide.ts'
import { type AccountFact, type DomainFact, question } from '../authority/facts.ts'
import type { Ask, Authority } from '../authority/judge.ts'
import type { Loaded } from '../authority/load.ts'
import type { Keys } from '../authority/locks.ts'
import { predicate, reach } from '../authority/reach.ts'
import type { Answer } from '../database/idempotency.ts'
import type { Database } from '../database/open.ts'
import { addresses, contacts, grants } from '../database/tables.ts'
import { isUuid } from '../http/access.ts'
import { keepWhole, onceInPart, partsDone } from '../http/idempotency-parts.ts'
import type { Standing } from '../http/types.ts'
import { startAct } from './act.ts'
import { endWherever } from './end.ts'
import type { EndGrant } from './schema.ts'
import { domainSet } from './store.ts'
import { demandReason } from './suspend.ts'
import type { RevokedPerson } from './upkeep-schema.ts'

/**
 * Ends what the caller may end of one account; nothing, for one whom it does not know. A contact who is limited to some domains ends what
 * lies within them.
 */
export function revokePerson(context: Context, standing: Standing, user: string, { reason }: EndGrant): Promise<Answer> {
  demandReason(standing, reason)
  const { id: account } = standing.loaded.account as AccountFact
  const ask = askWithin(standing, account)
  return changeOnce(context, standing.caller, ask, keysOf(account), standing.repeatable, async (tx, authority, loaded) => {
    const body = await revokeIn({ context, tx, authority, loaded }, account, user, reason)
    const made = { action: 'grant.read', staffAction: 'staff.directory.read', account, ticket: null }
    // What one who is limited has ended lies within his limit, as the account does not.
    return { status: 200, body, made: body.invitations.length > 0 ? made : { ...made, grants: body.grants } }
  })
}

const made = { action: 'staff.grant.end', staffAction: 'staff.grant.end', account: null, ticket: null } as const

/** Staff end it on every account, one after the other, and say why. What an earlier try has ended is told again, and not looked for. */
export async function revokeEverywhere(context: Context, standing: Standing, { reason }: EndGrant): Promise<Answer> {
  demandReason(standing, reason)
  const { id: user } = standing.loaded.user as NonNullable<Loaded['user']>
  const ended: RevokedPerson = { grants: [], invitations: [] }
  const done = await partsDone(context, standing.repeatable)
  for (const account of new Set([...done, ...(await accountsOf(context.db, user))])) {
    const about: Ask['about'] = (_loaded, action) => question(action, account)
    const ask: Ask = { action: 'staff.grant.end', staffAction: 'staff.grant.end', named: { account: { id: account } }, about }
    const { body } = await onceInPart(context, standing, account, (repeatable) =>
      changeOnce(context, standing.caller, ask, keysOf(account), repeatable, async (tx, authority, loaded) => {
        const acting = { context, tx, authority, loaded }
        return { status: 200, body: await revokeIn(acting, account, user, reason), made }
      }),
    )
    ended.grants.push(...(body as RevokedPerson).grants)
    ended.invitations.push(...(body as RevokedPerson).invitations)
  }
  return keepWhole(context, standing.repeatable, { status: 200, body: ended, made })
}

/** Of a person who has nothing of an account, or nothing any more, nothing ends. */
const keysOf = (account: string): Keys => ({ accounts: [account], unless: (done) => endedNothing((done as Answer).body as RevokedPerson) })
const endedNothing = ({ grants, invitations }: RevokedPerson): boolean => grants.length + invitations.length === 0

/** One who is limited is asked about a domain of his limit, since the account as a whole is not his. */
function askWithin({ ask, clauses }: Standing, account: string): Ask {
  const limits = clauses.flatMap(({ domains }) => (domains === 'all' ? [] : [domains.slice(0, 1)]))
  const within = limits.length < clauses.length ? [] : (limits[0] as string[])
  return {
    ...ask,
    named: { ...ask.named, domainIds: within },
    about: ({ domains }, action) =>
      question(action, account, { domains: within.map((id) => domains.find((domain) => domain.id === id) as DomainFact) }),
  }
}

type Acting = { context: Context; tx: Database; authority: Authority; loaded: Loaded }

async function revokeIn(acting: Acting, account: string, user: string, reason: string | undefined): Promise<RevokedPerson> {
  const ended: RevokedPerson = { grants: [], invitations: [] }
  if (!isUuid(user)) return ended
  const { context, tx, authority, loaded } = acting
  for (const id of await grantsOf(acting, account, user)) {
    const act = await startAct(context, tx, authority, loaded, { accountId: account, id }, null)
    if (await endWherever(act, reason)) ended.grants.push(id)
  }
  for (const { id, role, userId } of await invitationsOf(tx, account, user)) {
    const action = actionFor({ action: 'contact.manage', staffAction: 'staff.provision' }, loaded)
    if (!decide(loaded.facts, question(action, account, { targets: [{ role }] }), authority.at).permit) continue
    await endContact(context.jobs, tx, authority, { accountId: account, id, userId, status: 'invited' }, role)
    ended.invitations.push(id)
  }
  return ended
}

const addressesOf = (tx: Database, user: string) =>
  tx
    .select({ address: addresses.address })
    .from(addresses)
    .where(and(eq(addresses.userId, user), isNotNull(addresses.provenAt)))

/** Of what is in the caller's reach: given to him, asked for by him, or offered to an address of his. */
async function grantsOf({ tx, authority, loaded }: Acting, account: string, user: string): Promise<string[]> {
  const clauses = reach(loaded.facts, authority.action, authority.at)
  const his = or(eq(grants.granteeUserId, user), and(eq(grants.status, 'invited'), inArray(grants.granteeAddress, addressesOf(tx, user))))
  const inReach = predicate(clauses, { accountId: sql`${grants.accountId}`, domainSet })
  const rows = await tx
    .select({ id: grants.id })
    .from(grants)
    .where(and(eq(grants.accountId, account), sql`${grants.endedAt} is null`, his, inReach))
    .orderBy(grants.id)
  return rows.map(({ id }) => id)
}

function invitationsOf(tx: Database, account: string, user: string) {
  return tx
    .select({ id: contacts.id, role: contacts.role, userId: contacts.userId })
    .from(contacts)
    .where(and(eq(contacts.accountId, account), eq(contacts.status, 'invited'), inArray(contacts.invitedAddress, addressesOf(tx, user))))
    .orderBy(contacts.id)
}

async function accountsOf(db: Database, user: string): Promise<string[]> {
  const { rows } = await db.execute<{ id: string }>(sql`
    with his as (select address from addresses where user_id = ${user} and proven_at is not null)
    select account_id as id from grants where grantee_user_id = ${user} and ended_at is null
    union select account_id from grants where status = 'invited' and grantee_address in (select address from his)
    union select account_id from contacts where status = 'invited' and invited_address in (select address from his) order by 1`)
  return rows.map(({ id }) => id)
}
