/** Reading grants, and their form on the wire. */
import { and, desc, eq, type SQL, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import { type Clause, predicate } from '../authority/reach.ts'
import type { Database } from '../database/open.ts'
import { accounts, contacts, domains, grantDomains, grants, users } from '../database/tables.ts'
import { toUnicode } from '../hostname.ts'
import type { GrantStatus } from '../vocabulary.ts'
import { statusAt } from './life.ts'
import type { Grant } from './schema.ts'

const grantee = alias(users, 'grantee')
const grantor = alias(users, 'grantor')

const domainsOf = sql<
  Grant['domains']
>`(select json_agg(json_build_object('id', gd.id, 'name', gd.name, 'released', gd.released_at is not null) order by gd.name)
  from ${grantDomains} l join ${domains} gd on gd.account_id = l.account_id and gd.id = l.domain_id
  where l.account_id = ${grants.accountId} and l.grant_id = ${grants.id})`

function selectGrants(db: Database) {
  return db
    .select({
      grant: grants,
      account: { id: accounts.id, number: accounts.number, name: accounts.name },
      granteeName: grantee.name,
      grantorId: grantor.id,
      grantorName: grantor.name,
      domains: domainsOf,
    })
    .from(grants)
    .innerJoin(accounts, eq(accounts.id, grants.accountId))
    .leftJoin(grantee, eq(grantee.id, grants.granteeUserId))
    .leftJoin(contacts, and(eq(contacts.accountId, grants.accountId), eq(contacts.id, grants.grantorContactId)))
    .leftJoin(grantor, eq(grantor.id, contacts.userId))
}

type Row = Awaited<ReturnType<typeof selectGrants>>[number]

/** When a grant is looked at (epoch ms), and how many days there are to answer a request or an invitation. */
export type Moment = { now: number; answerDays: number }

/** One grant of an account. */
export async function readGrant(db: Database, accountId: string, id: string, moment: Moment): Promise<Grant | undefined> {
  const rows = await selectGrants(db).where(and(eq(grants.accountId, accountId), eq(grants.id, id)))
  return rows[0] && toGrant(rows[0], moment)
}

export type GrantColumns = typeof grants.$inferSelect

/** The row as it is stored, with the ids of its domains, released ones too. Read it under the account's key. */
export async function readRow(tx: Database, accountId: string, id: string): Promise<GrantColumns & { domainIds: string[] }> {
  const [row] = await tx
    .select()
    .from(grants)
    .where(and(eq(grants.accountId, accountId), eq(grants.id, id)))
  const links = await tx
    .select({ domainId: grantDomains.domainId })
    .from(grantDomains)
    .where(and(eq(grantDomains.accountId, accountId), eq(grantDomains.grantId, id)))
  return { ...(row as GrantColumns), domainIds: links.map(({ domainId }) => domainId) }
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
  const rows = await selectGrants(db)
    .where(
      and(
        eq(grants.accountId, accountId),
        predicate(clauses, { accountId: sql`${grants.accountId}`, domainSet }),
        status && statusIs(status, moment),
        after && older(after),
      ),
    )
    .orderBy(desc(grants.createdAt), desc(grants.id))
    .limit(limit)
  return rows.map((row) => toGrant(row, moment))
}

const unreleased = sql`${grantDomains} l join ${domains} gd on gd.account_id = l.account_id and gd.id = l.domain_id and gd.released_at is null
  where l.account_id = ${grants.accountId} and l.grant_id = ${grants.id}`

const domainSet = {
  some: sql`exists (select from ${unreleased})`,
  outside: (listed: SQL) => sql`exists (select from ${unreleased} and l.domain_id <> all(${listed}))`,
}

const older = ([at, id]: readonly [string, string]): SQL => sql`(${grants.createdAt}, ${grants.id}) < (${at}::timestamptz, ${id}::uuid)`

const inForce = sql`${grants.status} in ('active', 'suspended')`
const offered = sql`${grants.status} in ('requested', 'invited')`

/** The same as `statusAt`, in SQL. */
function statusIs(status: GrantStatus, { now, answerDays }: Moment): SQL {
  const at = sql`${new Date(now).toISOString()}::timestamptz`
  const expired = sql`(${inForce} and ${grants.expiresAt} <= ${at})`
  const unanswered = sql`${grants.createdAt} + ${answerDays}::int * interval '24 hours' <= ${at}`
  const lapsed = sql`(${offered} and (${grants.expiresAt} <= ${at} or ${unanswered}))`
  const recorded = eq(grants.status, status)
  if (status === 'expired') return sql`(${recorded} or ${expired})`
  if (status === 'lapsed') return sql`(${recorded} or ${lapsed})`
  return sql`(${recorded} and not ${expired} and not ${lapsed})`
}

function toGrant({ grant, account, granteeName, grantorId, grantorName, domains }: Row, { now, answerDays }: Moment): Grant {
  return {
    id: grant.id,
    account,
    status: statusAt(grant, now, answerDays),
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
    createdAt: grant.createdAt.toISOString(),
    approvedAt: grant.approvedAt?.toISOString() ?? null,
    endedAt: grant.endedAt?.toISOString() ?? null,
    version: grant.version,
  }
}
