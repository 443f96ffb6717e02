/**
 * What has served its time, and when it goes. All of it is over: it opens nothing any more, so that taking it away changes nobody's
 * authority and needs neither gate nor event. Sessions stay, without a secret: each began with an event, and events are never taken back.
 */
import { type SQL, sql } from 'drizzle-orm'
import type { Config } from '../config.ts'

/**
 * `over` is the condition, at the instant `now`, of a row `x` of `table`. With `words` the row stays and only these are taken from it: what
 * is set, and where there is still something to take.
 */
export type Rule = { table: string; over: (now: SQL) => SQL; words?: Words }
type Words = { name: string; emptied: SQL; left: SQL }

/** What a developer wrote when he asked; of a code that nobody looked at in time, its digest as well. */
const wordsOfRequest: Words = {
  name: 'grant_requests.purpose',
  emptied: sql`purpose = null, purpose_digest = sha256(convert_to(purpose, 'UTF8')), code_hash = null`,
  left: sql`(x.purpose is not null or x.code_hash is not null)`,
}

/** How long owners see what strangers tried. */
const attemptDays = 90

/** How long lifting a mute again is answered alike. */
const liftedMuteDays = 90

const days = (count: number): SQL => sql`make_interval(days => ${count}::int)`

export function rulesOf({ spentTokenDays, endedSessionDays, removedAddressDays, endedRequestDays, invitationDays }: Config): Rule[] {
  const pastSession = (now: SQL): SQL => sql`(select least(s.ended_at, s.expires_at) from sessions s where s.id = x.session_id)
    <= ${now} - ${days(endedSessionDays)}`
  const requestEnd = sql`coalesce(x.cancelled_at, x.approved_at, x.created_at + ${days(invitationDays)})`
  return [
    { table: 'idempotency_keys', over: (now) => sql`x.expires_at <= ${now}` },
    { table: 'throttles', over: (now) => sql`x.window_ends_at <= ${now}` },
    { table: 'refused_attempts', over: (now) => sql`x.hour <= ${now} - ${days(attemptDays)}` },
    { table: 'used_assertions', over: (now) => sql`x.expires_at <= ${now}` },
    { table: 'passkey_challenges', over: (now) => sql`x.expires_at <= ${now}` },
    { table: 'single_use_tokens', over: (now) => sql`least(x.used_at, x.expires_at) <= ${now} - ${days(spentTokenDays)}` },
    { table: 'refresh_tokens', over: pastSession },
    { table: 'access_tokens', over: pastSession },
    { table: 'support_codes', over: (now) => sql`coalesce(x.verified_at, x.expires_at) <= ${now} - ${days(spentTokenDays)}` },
    { table: 'submission_mutes', over: (now) => sql`x.lifted_at <= ${now} - ${days(liftedMuteDays)}` },
    { table: 'grant_requests', over: (now) => sql`${requestEnd} <= ${now} - ${days(endedRequestDays)}` },
    { table: 'grant_requests', over: (now) => sql`${requestEnd} <= ${now}`, words: wordsOfRequest },
    { table: 'addresses', over: (now) => sql`x.removed_at <= ${now} - ${days(removedAddressDays)}` },
  ]
}
