/**
 * Personal access tokens on the wire: a prefix that secret scanners find, 256 random bits, and a checksum, so that a scanner needs not
 * ask us and a mistyped one costs no query. Only the SHA-256 is kept: what is this random cannot be guessed from its hash.
 */
import { randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { sql } from 'drizzle-orm'
import type { Ceiling } from '../authority/facts.ts'
import type { Caller } from '../authority/load.ts'
import type { Database } from '../database/open.ts'
import { statement, value } from '../database/statement.ts'
import { hashOf } from '../outbox/secret.ts'

const prefix = 'mdt_pat_'
const form = /^mdt_pat_([0-9a-f]{64})([0-9a-f]{8})$/
const bearerForm = /^bearer +(mdt_pat_\S*) *$/i

/** A new token, to be shown once, and what is kept of it. */
export function newPersonalToken(): { secret: string; hash: Buffer } {
  const random = randomBytes(32).toString('hex')
  const secret = `${prefix}${random}${checksum(random)}`
  return { secret, hash: hashOf(secret) }
}

/** The personal token in an `Authorization` header, well-formed or not; undefined for every other kind of header. */
export function personalTokenIn(header: string): string | undefined {
  return bearerForm.exec(header)?.[1]
}

export type PersonalToken = { id: string; userId: string; sessionId: string; ceiling: Ceiling; createdAt: number; expiresAt: number }

/**
 * The token of a secret; whether it was revoked or has expired shows in its session. That it was used is noted at most once a day.
 * `clockOffset` in ms; 0 outside tests.
 */
export async function findPersonalToken(db: Database, clockOffset: number, secret: string): Promise<PersonalToken | undefined> {
  const [, random, sum] = form.exec(secret) ?? []
  if (random === undefined || sum !== checksum(random)) return undefined
  const [row] = await finding.run(db, { hash: hashOf(secret).toString('hex'), clockOffset })
  return row && { ...row, createdAt: Number(row.createdAt), expiresAt: Number(row.expiresAt) }
}

/** The caller a token names. It is older than any step-up. */
export function callerOfPersonalToken({ userId, sessionId, ceiling }: PersonalToken, requestId: string): Caller {
  return { userId, clientId: null, ceiling, sessionId, requestId, authenticatedAt: 0 }
}

const checksum = (random: string): string => crc32(random).toString(16).padStart(8, '0')

type Row = Omit<PersonalToken, 'createdAt' | 'expiresAt'> & { createdAt: string | number; expiresAt: string | number }

const today = sql`date_trunc('day', clock_timestamp() + ${value('clockOffset', 'bigint')} * interval '1 millisecond', 'UTC')`
const epochMs = (column: string) => sql`floor(extract(epoch from ${sql.raw(column)}) * 1000)::bigint`

const finding = statement<Row>(
  'http_personal_token',
  sql`
with a as materialized (select * from access_tokens where secret_hash = decode(${value('hash', 'text')}, 'hex')),
used as (update access_tokens t set last_used_on = ${today} from a
  where t.id = a.id and a.revoked_at is null and (a.last_used_on is null or a.last_used_on < ${today}))
select a.id, a.user_id as "userId", a.session_id as "sessionId", a.ceiling, ${epochMs('a.created_at')} as "createdAt",
  ${epochMs('a.expires_at')} as "expiresAt" from a`,
)
