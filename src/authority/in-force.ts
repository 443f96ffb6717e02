/** How a grant comes into force: the one way a row becomes `active`, whoever asked first and whoever agrees. */
import { and, eq, getTableColumns, sql } from 'drizzle-orm'
import type { Database } from '../database/open.ts'
import { grants } from '../database/tables.ts'
import type { Jobs } from '../jobs/jobs.ts'
import { type About, append, type JournalEvent } from '../journal/append.ts'
import type { EventKind } from '../journal/kinds.ts'
import { Problem } from '../problem.ts'
import type { AccountFact, GrantFact, GrantorFact } from './facts.ts'
import { loadPerson } from './holders.ts'
import { compromised, finished } from './objects.ts'
import { offerStands } from './offers.ts'

/** `grantor` is the contact who approves; absent where the one who offered it stands for it. */
export type Agreed = { account: Pick<AccountFact, 'id' | 'state'>; id: string; granteeUserId: string; grantor?: string }

/** Who agrees, when (epoch ms), and how an event about it is made. */
export type Agreeing = {
  jobs: Jobs
  userId: string
  at: number
  clockOffset: number
  event: (kind: EventKind, rest: About) => JournalEvent
}

/**
 * Brings an agreed grant into force, with its event, in the caller's transaction and under the account's key. What it supersedes ends in
 * the same commit, and its tickets stay in reach. Whether the grantor holds all of it is asked as at every use of it.
 * @throws Problem `conflict` for what cannot be had any more as it was shown
 */
export async function bringIntoForce(tx: Database, agreed: Agreed, who: Agreeing): Promise<GrantFact & { grantor: GrantorFact }> {
  const { account, id, granteeUserId, grantor } = agreed
  if (account.state !== 'open') throw overtaken('The account is not open at the moment; agree when it is')
  const instant = new Date(who.at)
  const lineage = await supersede(tx, agreed, who)
  const given = grantor === undefined ? {} : { grantorContactId: grantor, grantedAt: instant }
  const notBefore = sql`greatest(${grants.notBefore}, ${instant.toISOString()}::timestamptz)`
  await tx
    .update(grants)
    .set({ status: 'active', granteeUserId, ...given, approvedAt: instant, notBefore, lineage, version: sql`${grants.version} + 1` })
    .where(and(eq(grants.accountId, account.id), eq(grants.id, id)))
  const { facts } = await loadPerson(tx, who.clockOffset, granteeUserId, account.id)
  const fact = facts.grants.find((grant) => grant.id === id) as GrantFact
  if (!offerStands(fact)) throw overtaken('Who stands for this does not hold it any more; ask for a new offer')
  const standing = fact.grantor as GrantorFact
  if (standing.userId === granteeUserId) throw overtaken('Nobody gives permission to himself')
  const about = { accountId: account.id, resourceType: 'grant', resourceId: id }
  const approved = grantor !== undefined
  await append(
    tx,
    who.event(approved ? 'grant.approved' : 'grant.accepted', { ...about, changed: ['status', approved ? 'grantor' : 'grantee'] }),
  )
  return { ...fact, grantor: standing }
}

/** Ends the grant that this one takes the place of, and returns what of it and before it stays in reach. */
async function supersede(tx: Database, { account, id, granteeUserId, grantor }: Agreed, who: Agreeing): Promise<string[]> {
  const of = (grant: string) => and(eq(grants.accountId, account.id), eq(grants.id, grant))
  const [row] = await tx.select({ supersedes: grants.supersedes }).from(grants).where(of(id))
  const former = row?.supersedes ?? null
  if (former === null) return []
  const state = { compromised: givenInWrongHands, grantor: grantorUser, finished: sql<boolean>`${finished('grants')}` }
  const [found] = await tx
    .select({ ...getTableColumns(grants), ...state })
    .from(grants)
    .where(of(former))
  const old = found as NonNullable<typeof found>
  const inForce = (old.status === 'active' || old.status === 'suspended') && old.expiresAt.getTime() > who.at && !old.finished
  if (!inForce) throw overtaken('The grant whose place it was to take has ended; give a new one')
  // What was opened under it stays his who opened it.
  if (old.granteeUserId !== granteeUserId) throw overtaken('The grant whose place it was to take is for somebody else')
  if (old.suspensionCauses.includes('staff')) throw overtaken('The grant whose place it was to take is suspended by the provider')
  // An offer may be older than the suspension, and who accepts it is not who lifts that.
  if (grantor === undefined && old.suspensionCauses.includes('account'))
    throw overtaken('The grant whose place it was to take is suspended; it must be let go on first')
  if (old.compromised) throw overtaken('An owner must first adopt the grant whose place it was to take: who gave it was compromised')
  await tx
    .update(grants)
    .set({
      status: 'superseded',
      suspensionCauses: [],
      endedAt: new Date(who.at),
      endedBy: who.userId,
      version: sql`${grants.version} + 1`,
    })
    .where(of(former))
  await append(
    tx,
    who.event('grant.superseded', {
      accountId: account.id,
      resourceType: 'grant',
      resourceId: former,
      changed: ['status'],
      value: { by: id },
    }),
  )
  const letter = { letter: 'notice', kind: 'grant_superseded', account: account.id, subject: former }
  for (const recipient of new Set([granteeUserId, old.grantor]))
    if (recipient !== who.userId) await who.jobs.enqueue(tx, 'mail', { ...letter, recipient })
  return [former, ...old.lineage]
}

const grantorUser = sql<string>`(select gc.user_id from contacts gc where gc.account_id = ${grants.accountId} and gc.id = ${grants.grantorContactId})`

const givenInWrongHands = sql<boolean>`exists (select from contacts gc where gc.account_id = ${grants.accountId} and gc.id = ${grants.grantorContactId}
  and ${compromised('gc', 'grants')})`

/** What was shown cannot be had any more. */
function overtaken(detail: string): Problem {
  return new Problem('conflict', { detail })
}
