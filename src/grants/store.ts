/** Reading grants, and their form on the wire. */
import { and, desc, eq, inArray, type SQL, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import { type Clause, predicate } from '../authority/reach.ts'
import type { Database } from '../database/open.ts'
import { accounts, contacts, domains, grantDomains, grants, users } from '../database/tables.ts'
import { toUnicode } from '../hostname.ts'
import type { GrantStatus } from '../vocabulary.ts'
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

/** One grant of an account, at an instant in epoch ms. */
export async function readGrant(db: Database, accountId: string, id: string, now: number): Promise<Grant | undefined> {
  const rows = await selectGrants(db).where(and(eq(grants.accountId, accountId), eq(grants.id, id)))
  return rows[0] && toGrant(rows[0], now)
}

/** Newest first, within the clauses. */
export async function listGrants(
  db: Database,
  accountId: string,
  clauses: readonly Clause[],
  status: GrantStatus | undefined,
  after: readonly [string, string] | undefined,
  limit: number,
  now: number,
): Promise<Grant[]> {
  const rows = await selectGrants(db)
    .where(
      and(
        eq(grants.accountId, accountId),
        predicate(clauses, { accountId: sql`${grants.accountId}`, domainSet }),
        status && statusIs(status, now),
        after && older(after),
      ),
    )
    .orderBy(desc(grants.createdAt), desc(grants.id))
    .limit(limit)
  return rows.map((row) => toGrant(row, now))
}

const unreleased = sql`${grantDomains} l join ${domains} gd on gd.account_id = l.account_id and gd.id = l.domain_id and gd.released_at is null
  where l.account_id = ${grants.accountId} and l.grant_id = ${grants.id}`

const domainSet = {
  some: sql`exists (select from ${unreleased})`,
  outside: (listed: SQL) => sql`exists (select from ${unreleased} and l.domain_id <> all(${listed}))`,
}

const older = ([at, id]: readonly [string, string]): SQL => sql`(${grants.createdAt}, ${grants.id}) < (${at}::timestamptz, ${id}::uuid)`

const inForce: readonly GrantStatus[] = ['active', 'suspended']

/** A grant whose time is over is expired from that instant, recorded or not. */
function statusIs(status: GrantStatus, now: number): SQL {
  const at = new Date(now).toISOString()
  const over = sql`(${inArray(grants.status, [...inForce])} and ${grants.expiresAt} <= ${at}::timestamptz)`
  return status === 'expired' ? sql`(${eq(grants.status, status)} or ${over})` : sql`(${eq(grants.status, status)} and not ${over})`
}

function toGrant({ grant, account, granteeName, grantorId, grantorName, domains }: Row, now: number): Grant {
  const over = inForce.includes(grant.status) && grant.expiresAt.getTime() <= now
  return {
    id: grant.id,
    account,
    status: over ? 'expired' : grant.status,
    grantee: {
      address: grant.granteeAddress,
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
    createdAt: grant.createdAt.toISOString(),
    approvedAt: grant.approvedAt?.toISOString() ?? null,
    endedAt: grant.endedAt?.toISOString() ?? null,
    version: grant.version,
  }
}
