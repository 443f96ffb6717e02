/** Reading claims, and their form on the wire. What tells of other accounts is only ever shown to staff. */
import { and, eq, gt, isNotNull, type SQL, sql } from 'drizzle-orm'
import { newestFirst } from '../database/columns.ts'
import type { Database } from '../database/open.ts'
import { accounts, domainClaims, domainNames } from '../database/tables.ts'
import { toUnicode } from '../hostname.ts'
import type { DomainClaim } from './claim-schema.ts'

type Account = { id: string; number: string; name: string }

/** The other account that holds the name now. */
const heldBy = sql<Account | null>`(select json_build_object('id', h.id, 'number', h.number, 'name', h.name)
  from ${domainNames} hn join ${accounts} h on h.id = hn.account_id where hn.name = ${domainClaims.name} and h.id <> ${domainClaims.accountId})`

function selectClaims(db: Database) {
  return db
    .select({ claim: domainClaims, account: { id: accounts.id, number: accounts.number, name: accounts.name }, heldBy })
    .from(domainClaims)
    .innerJoin(accounts, eq(accounts.id, domainClaims.accountId))
}

/** How it is shown: `now` in epoch ms. */
type View = { staff: boolean; now: number }

/** One claim of an account; undefined when it has no such. */
export async function readClaim(db: Database, accountId: string, id: string, view: View): Promise<DomainClaim | undefined> {
  const rows = await selectClaims(db).where(and(eq(domainClaims.accountId, accountId), eq(domainClaims.id, id)))
  return rows[0] && toClaim(rows[0], view)
}

type After = readonly [string, string] | undefined

/** The claims of an account, newest first. */
export function listClaims(db: Database, accountId: string, after: After, limit: number, view: View): Promise<DomainClaim[]> {
  return list(db, eq(domainClaims.accountId, accountId), after, limit, view)
}

/** The claims of all accounts that wait for staff: proven, while another account holds the name. */
export function listWaiting(db: Database, after: After, limit: number, view: View): Promise<DomainClaim[]> {
  const open = and(eq(domainClaims.status, 'pending'), gt(domainClaims.expiresAt, new Date(view.now)))
  return list(db, and(open, isNotNull(domainClaims.seenAt)), after, limit, view)
}

async function list(db: Database, which: SQL | undefined, after: After, limit: number, view: View): Promise<DomainClaim[]> {
  const rows = await selectClaims(db)
    .where(and(which, after && older(after)))
    .orderBy(...newestFirst(domainClaims.createdAt, domainClaims.id))
    .limit(limit)
  return rows.map((row) => toClaim(row, view))
}

const older = ([at, id]: readonly [string, string]): SQL =>
  sql`(${domainClaims.createdAt}, ${domainClaims.id}) < (${at}::timestamptz, ${id}::uuid)`

type Row = Awaited<ReturnType<typeof selectClaims>>[number]

/** Where the record must be. */
export const challengeName = (name: string): string => `_mandate-challenge.${name}`

function toClaim({ claim, account, heldBy }: Row, { staff, now }: View): DomainClaim {
  const over = claim.status === 'pending' && claim.expiresAt.getTime() <= now
  return {
    id: claim.id,
    account,
    name: claim.name,
    unicode: toUnicode(claim.name),
    // Over is over, recorded or not.
    status: over ? 'lapsed' : claim.status,
    challenge: { type: 'TXT', name: challengeName(claim.name), value: claim.value },
    domain: claim.domainId,
    createdAt: claim.createdAt.toISOString(),
    expiresAt: claim.expiresAt.toISOString(),
    checkedAt: claim.checkedAt?.toISOString() ?? null,
    endedAt: claim.endedAt?.toISOString() ?? null,
    version: claim.version,
    ...(staff ? { seenAt: claim.seenAt?.toISOString() ?? null, heldBy } : {}),
  }
}
