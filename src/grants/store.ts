/** Reading grants, and their form on the wire. */
import { and, desc, eq, inArray, type SQL, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import { found } from '../authority/judge.ts'
import { finished, newestTicket } from '../authority/objects.ts'
import { type Clause, predicate } from '../authority/reach.ts'
import type { Database } from '../database/open.ts'
import { accounts, contacts, domains, grantDomains, grants, journalEvents, users } from '../database/tables.ts'
import { toUnicode } from '../hostname.ts'
import type { GrantStatus } from '../vocabulary.ts'
import { statusAt } from './life.ts'
import { type Moment, statusIs } from './moment.ts'
import type { Grant } from './schema.ts'

const grantee = alias(users, 'grantee')
const grantor = alias(users, 'grantor')

const domainsOf = sql<
  Grant['domains']
>`(select json_agg(json_build_object('id', gd.id, 'name', gd.name, 'released', gd.released_at is not null) order by gd.name)
  from ${grantDomains} l join ${domains} gd on gd.account_id = l.account_id and gd.id = l.domain_id
  where l.account_id = ${grants.accountId} and l.grant_id = ${grants.id})`

/** Read from the journal and, since the event of one by telephone is the agent's, from tickets: using a grant changes no version of it. */
export const lastUsed = sql`greatest((select max(e.at) from ${journalEvents} e where e.account_id = ${grants.accountId} and e.via_id = ${grants.id}
  and e.capacity = 'grant' and e.kind like 'ticket.%'), ${newestTicket('grants')})`

function selectGrants(db: Database) {
  return db
    .select({
      grant: grants,
      account: { id: accounts.id, number: accounts.number, name: accounts.name },
      granteeName: grantee.name,
      grantorId: grantor.id,
      grantorName: grantor.name,
      domains: domainsOf,
      finished: sql<boolean>`${finished('grants')}`,
      lastUsedMs: sql<string | number | null>`floor(extract(epoch from ${lastUsed}) * 1000)::bigint`,
    })
    .from(grants)
    .innerJoin(accounts, eq(accounts.id, grants.accountId))
    .leftJoin(grantee, eq(grantee.id, grants.granteeUserId))
    .leftJoin(contacts, and(eq(contacts.accountId, grants.accountId), eq(contacts.id, grants.grantorContactId)))
    .leftJoin(grantor, eq(grantor.id, contacts.userId))
}

type Row = Awaited<ReturnType<typeof selectGrants>>[number]

/** One grant of an account. @throws Problem `not_found` */
export async function readGrant(db: Database, accountId: string, id: string, moment: Moment): Promise<Grant> {
  const rows = await selectGrants(db).where(and(eq(grants.accountId, accountId), eq(grants.id, id)))
  return toGrant(found(rows[0]), moment)
}

/** Those of an account's grants, in no order. */
export async function readGrants(db: Database, accountId: string, ids: string[], moment: Moment): Promise<Grant[]> {
  const rows = await selectGrants(db).where(and(eq(grants.accountId, accountId), inArray(grants.id, ids)))
  return rows.map((row) => toGrant(row, moment))
}

/** Newest first, within the clauses. */
export async function listGrants(
  db: Database,
  accountId: string,
  clauses: readonly Clause[],
  status: GrantStatus | undefined,
  after: readonly [string, string] | undefined,
  limit: number,
  moment: Moment,
): Promise<Grant[]> {
  const within = predicate(clauses, { accountId: sql`${grants.accountId}`, domainSet })
  const which = and(eq(grants.accountId, accountId), within, status && statusIs(status, moment))
  return selectPage(db, which, after, limit, moment)
}

/** A page of whatever grants, newest first. */
export async function selectPage(
  db: Database,
  which: SQL | undefined,
  after: readonly [string, string] | undefined,
  limit: number,
  moment: Moment,
): Promise<Grant[]> {
  const rows = await selectGrants(db)
    .where(and(which, after && older(after)))
    .orderBy(desc(grants.createdAt), desc(grants.id))
    .limit(limit)
  return rows.map((row) => toGrant(row, moment))
}

const unreleased = sql`${grantDomains} l join ${domains} gd on gd.account_id = l.account_id and gd.id = l.domain_id and gd.released_at is null
  where l.account_id = ${grants.accountId} and l.grant_id = ${grants.id}`

export const domainSet = {
  some: sql`exists (select from ${unreleased})`,
  outside: (listed: SQL) => sql`exists (select from ${unreleased} and l.domain_id <> all(${listed}))`,
}

export const older = ([at, id]: readonly [string, string]): SQL =>
  sql`(${grants.createdAt}, ${grants.id}) < (${at}::timestamptz, ${id}::uuid)`

function toGrant(
  { grant, account, granteeName, grantorId, grantorName, domains, finished, lastUsedMs }: Row,
  { now, answerDays }: Moment,
): Grant {
  return {
    id: grant.id,
    account,
    status: statusAt({ ...grant, finished }, now, answerDays),
    grantee: {
      address: grant.granteeAddress === '' ? null : grant.granteeAddress,
      user: grant.granteeUserId === null ? null : { id: grant.granteeUserId, name: granteeName as string },
    },
    grantor:
      grant.grantorContactId === null
        ? null
        : { contact: grant.grantorContactId, user: { id: grantorId as string, name: grantorName as string } },
    domains: domains.map((domain) => ({ ...domain, unicode: toUnicode(domain.name) })),
    actions: grant.actions,
    topics: grant.topics,
    reach: grant.reach,
    maxUses: grant.maxUses,
    uses: grant.uses,
    purpose: grant.purpose,
    notBefore: grant.notBefore.toISOString(),
    expiresAt: grant.expiresAt.toISOString(),
    suspensionCauses: grant.suspensionCauses as Grant['suspensionCauses'],
    supersedes: grant.supersedes,
    lastUsedAt: lastUsedMs === null ? null : new Date(Number(lastUsedMs)).toISOString(),
    reviewedAt: grant.reviewedAt?.toISOString() ?? null,
    createdAt: grant.createdAt.toISOString(),
    approvedAt: grant.approvedAt?.toISOString() ?? null,
    endedAt: grant.endedAt?.toISOString() ?? null,
    version: grant.version,
  }
}
