/** What waits for an account, as its contacts and staff see it. */
import { type SQL, sql } from 'drizzle-orm'
import type { SubmissionRow } from '../authority/load.ts'
import { ms, verified } from '../authority/objects.ts'
import { type Clause, predicate } from '../authority/reach.ts'
import { submittedFor, waits } from '../authority/stated.ts'
import type { Database } from '../database/open.ts'
import { toUnicode } from '../hostname.ts'
import type { SubmissionVerdict, TopicKey, VerificationLevel, VerificationMethod } from '../vocabulary.ts'
import { type Content, plainWords } from './plain.ts'
import type { Submission } from './schema.ts'

type Instant = string | number
type Row = {
  id: string
  user: { id: string; name: string }
  verified: boolean
  addresses: string[]
  since: Instant
  method: VerificationMethod
  level: VerificationLevel
  verifiedAt: Instant
  domain: { id: string; name: string }
  host: string
  topic: TopicKey
  arrivedAt: Instant
  endsAt: Instant
  decidedAt: Instant | null
  verdict: SubmissionVerdict | null
  content: Content | null
  version: number
}

const select = (condition: SQL): SQL => sql`
select s.id, json_build_object('id', u.id, 'name', u.name) as "user", ${verified('u')} as verified,
  (select coalesce(json_agg(ad.address order by ad.proven_at, ad.id), '[]'::json) from addresses ad
    where ad.user_id = u.id and ad.proven_at is not null) as addresses,
  ${ms(sql`u.created_at`)} as since, s.verification as method, s.verification_level as level, ${ms(sql`s.verified_at`)} as "verifiedAt",
  json_build_object('id', d.id, 'name', d.name) as domain, s.stated_domain as host, s.topic, ${ms(sql`s.arrived_at`)} as "arrivedAt",
  ${ms(sql`s.ends_at`)} as "endsAt", ${ms(sql`s.decided_at`)} as "decidedAt", s.verdict, s.content, s.version
from ${submittedFor} join users u on u.id = s.submitter_user_id
where ${condition}`

/** One that was found before, at an instant in epoch ms. */
export async function readSubmission(db: Database, accountId: string, id: string, now: number): Promise<Submission> {
  const { rows } = await db.execute<Row>(select(sql`a.id = ${accountId} and s.id = ${id}`))
  return toSubmission(rows[0] as Row, now)
}

type Wanted = { accountId: string; status: Submission['status']; clauses: readonly Clause[]; now: number }

/** Newest first, after the position of a cursor, within the clauses. */
export async function listSubmissions(
  db: Database,
  { accountId, status, clauses, now }: Wanted,
  after: readonly [string, string] | undefined,
  limit: number,
): Promise<Submission[]> {
  const within = predicate(clauses, { accountId: sql`a.id`, domainId: sql`d.id` })
  const older = after === undefined ? sql`true` : sql`(s.arrived_at, s.id) < (${after[0]}::timestamptz, ${after[1]}::uuid)`
  const { rows } = await db.execute<Row>(sql`${select(sql`a.id = ${accountId} and ${within} and ${stands(status, now)} and ${older}`)}
    order by s.arrived_at desc nulls last, s.id desc nulls last limit ${limit}`)
  return rows.map((row) => toSubmission(row, now))
}

function stands(status: Submission['status'], now: number): SQL {
  const at = new Date(now).toISOString()
  if (status === 'waiting') return waits(at)
  if (status !== 'ended') return sql`s.verdict = ${status}`
  return sql`(s.verdict in ('unanswered', 'account_closed') or (s.verdict is null and s.ends_at <= ${at}::timestamptz))`
}

/** Whether anybody can still decide about it. */
export const isOpen = ({ verdict, endsAt }: Pick<SubmissionRow, 'verdict' | 'endsAt'>, now: number): boolean =>
  verdict === null && now < endsAt

export function statusOf(row: Pick<SubmissionRow, 'verdict' | 'endsAt'>, now: number): Submission['status'] {
  if (isOpen(row, now)) return 'waiting'
  return row.verdict === 'approved' || row.verdict === 'released' || row.verdict === 'declined' ? row.verdict : 'ended'
}

const iso = (at: Instant): string => new Date(Number(at)).toISOString()

function toSubmission(row: Row, now: number): Submission {
  const endsAt = Number(row.endsAt)
  return {
    id: row.id,
    submitter: {
      user: row.user,
      verified: row.verified,
      addresses: row.addresses,
      since: iso(row.since),
      verification: { method: row.method, level: row.level, at: iso(row.verifiedAt) },
    },
    status: statusOf({ verdict: row.verdict, endsAt }, now),
    domain: { ...row.domain, unicode: toUnicode(row.domain.name) },
    host: row.host,
    topic: row.topic,
    arrivedAt: iso(row.arrivedAt),
    endsAt: iso(endsAt),
    decidedAt: row.decidedAt === null ? null : iso(row.decidedAt),
    words: now < endsAt && row.content !== null ? plainWords(row.content) : null,
    version: row.version,
  }
}
