/**
 * What a change of authority brings down with it, within the same transaction: grants that their grantor no longer holds, or that have
 * no domain left. It only ever takes away; nothing here revives anything.
 */
import { and, eq, inArray, isNull, sql } from 'drizzle-orm'
import type { Database } from '../database/open.ts'
import { contacts, grants, singleUseTokens } from '../database/tables.ts'
import type { Jobs } from '../jobs/jobs.ts'
import { append, type JournalEvent } from '../journal/append.ts'
import type { ContactRole, SuspensionCause } from '../vocabulary.ts'
import { eventOf } from './authorship.ts'
import { grantorStands } from './conditions.ts'
import type { GrantFact, GrantorFact } from './facts.ts'
import type { Authority } from './judge.ts'

/**
 * After contacts or domains of the account changed: suspends each active grant whose grantor does not hold all of it any more
 * (`grantor_lost_authority`) or that has no unreleased domain (`no_domain`), adds the cause to those suspended already, and cancels
 * invitations in the same case. One event for each grant it touches, and a letter to both of its sides. Call it in a `change` that
 * holds the account's key. A suspended *user* suspends nothing here: his grants are not live while it lasts, and are again after it.
 */
export async function cascadeGrants(tx: Database, jobs: Jobs, authority: Authority, accountId: string): Promise<void> {
  const fallen = (await loadGrants(tx, accountId, authority.at)).flatMap(fall)
  if (fallen.length === 0) return
  const suspended = fallen.filter(({ row }) => row.status !== 'invited')
  const cancelled = fallen.filter(({ row }) => row.status === 'invited')
  if (suspended.length > 0) await suspend(tx, accountId, suspended)
  if (cancelled.length > 0) await cancel(tx, authority, accountId, idsOf(cancelled))
  await append(tx, ...fallen.map((grant) => eventAbout(grant, authority, accountId)))
  for (const { row } of fallen) {
    const kind = row.status === 'invited' ? 'grant_cancelled' : 'grant_suspended'
    const recipients = [row.granteeUserId, row.grantor.userId].filter((recipient) => recipient !== null)
    for (const recipient of recipients) await tell(jobs, tx, { kind, account: accountId, subject: row.id, recipient })
  }
}

/** What owners are told because somebody else did it. */
export type OwnersNotice =
  | 'contact_added_by_staff'
  | 'contact_ended'
  | 'domain_added_by_staff'
  | 'domain_released_by_staff'
  | 'domain_claim_refused'
  | 'account_restricted'
  | 'account_closed'
  | 'account_reopened'
  | 'account_attempted'

/** Letters to all active owners of an account about it, or about one of its contacts, domains or claims. */
export async function notifyOwners(tx: Database, jobs: Jobs, accountId: string, kind: OwnersNotice, subjectId: string): Promise<void> {
  const active = and(eq(contacts.accountId, accountId), eq(contacts.role, 'owner'), eq(contacts.status, 'active'))
  const owners = await tx.select({ userId: contacts.userId }).from(contacts).where(active).orderBy(contacts.id)
  for (const { userId } of owners) await tell(jobs, tx, { kind, account: accountId, subject: subjectId, recipient: userId as string })
}

type Row = {
  id: string
  accountId: string
  status: 'active' | 'suspended' | 'invited'
  granteeUserId: string | null
  actions: string[]
  causes: SuspensionCause[]
  domains: { id: string; held: boolean }[]
  grantor: { id: string; userId: string; active: boolean; role: ContactRole; limited: boolean; confirmed: boolean; domains: string[] }
}

/** Every grant that could fall, with its domains and its grantor as they are now; not those whose time is over anyway. */
async function loadGrants(tx: Database, accountId: string, now: number): Promise<Row[]> {
  const { rows } = await tx.execute<Row>(sql`
    select g.id, g.account_id as "accountId", g.status, g.grantee_user_id as "granteeUserId", to_json(g.actions) as actions, to_json(g.suspension_causes) as causes,
      (select coalesce(json_agg(json_build_object('id', d.id, 'held', d.released_at is null) order by d.id), '[]'::json)
        from grant_domains l join domains d on d.account_id = l.account_id and d.id = l.domain_id
        where l.account_id = g.account_id and l.grant_id = g.id) as domains,
      json_build_object('id', c.id, 'userId', c.user_id, 'active', c.status = 'active', 'role', c.role, 'limited', c.limited,
        'confirmed', c.confirmed_at is not null, 'domains', (select coalesce(json_agg(d.id), '[]'::json)
          from contact_domains l join domains d on d.account_id = l.account_id and d.id = l.domain_id and d.released_at is null
          where l.account_id = c.account_id and l.contact_id = c.id)) as grantor
    from grants g join contacts c on c.account_id = g.account_id and c.id = g.grantor_contact_id
    where g.account_id = ${accountId} and g.status in ('active', 'suspended', 'invited')
      and g.expires_at > ${new Date(now).toISOString()}::timestamptz
    order by g.id`)
  return rows
}

type Fallen = { row: Row; added: SuspensionCause[] }

function fall(row: Row): Fallen[] {
  const held = row.domains.filter((domain) => domain.held).map(({ id }) => id)
  const causes: SuspensionCause[] = []
  if (!isHeldByGrantor(row, held)) causes.push('grantor_lost_authority')
  if (held.length === 0) causes.push('no_domain')
  const added = causes.filter((cause) => !row.causes.includes(cause))
  return added.length === 0 ? [] : [{ row, added }]
}

/** `live` asks the same of a grant at every use, only of the grantor's user as well. */
function isHeldByGrantor({ accountId, actions, grantor }: Row, domains: readonly string[]): boolean {
  const standing: GrantorFact = { ...grantor, accountId, userStatus: 'active', userVerified: true, userRevision: 0, compromised: false }
  const grant: Pick<GrantFact, 'accountId' | 'actions' | 'domains' | 'grantor'> = { accountId, actions, domains, grantor: standing }
  return grantor.active && grantorStands(grant as GrantFact)
}

const idsOf = (fallen: readonly Fallen[]): string[] => fallen.map(({ row }) => row.id)

async function suspend(tx: Database, accountId: string, fallen: readonly Fallen[]): Promise<void> {
  const causes = fallen.map(({ row, added }) => [...row.causes, ...added].join(' '))
  await tx.execute(sql`
    update grants g set status = 'suspended', suspension_causes = string_to_array(n.causes, ' '), version = g.version + 1
    from unnest(${sql.param(idsOf(fallen))}::uuid[], ${sql.param(causes)}::text[]) n(id, causes)
    where g.account_id = ${accountId} and g.id = n.id`)
}

async function cancel(tx: Database, authority: Authority, accountId: string, ids: string[]): Promise<void> {
  const at = new Date(authority.at)
  await tx
    .update(grants)
    .set({ status: 'cancelled', endedAt: at, endedBy: authority.actorUserId, version: sql`${grants.version} + 1` })
    .where(and(eq(grants.accountId, accountId), inArray(grants.id, ids)))
  const unused = and(eq(singleUseTokens.accountId, accountId), inArray(singleUseTokens.grantId, ids), isNull(singleUseTokens.usedAt))
  await tx.update(singleUseTokens).set({ usedAt: at }).where(unused)
}

/** An event names a domain only where it is about one alone: what is about several is not for the eyes of one limited to some. */
function eventAbout({ row, added }: Fallen, authority: Authority, accountId: string): JournalEvent {
  const invited = row.status === 'invited'
  return eventOf(authority, invited ? 'grant.cancelled' : 'grant.suspended', {
    accountId,
    resourceType: 'grant',
    resourceId: row.id,
    domainId: row.domains.length === 1 ? (row.domains[0] as { id: string }).id : null,
    changed: invited ? ['status'] : ['status', 'suspensionCauses'],
    value: { causes: added },
  })
}

type Letter = { kind: string; account: string; subject: string; recipient: string }

/** The letter that `outbox/post.ts` calls a notice; the outbox stands a floor above. */
function tell(jobs: Jobs, tx: Database, letter: Letter): Promise<void> {
  return jobs.enqueue(tx, 'mail', { letter: 'notice', ...letter })
}
