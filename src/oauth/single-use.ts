import { sql } from 'drizzle-orm'
import type { Database } from '../database/open.ts'
import type { Assertion } from './assertion.ts'

/** Clocks of two of our processes differ by less: an assertion is remembered this much longer than it is good for. */
const marginSeconds = 60

/**
 * Takes an assertion, once: false when any process has taken it before. It is one statement, so that of two at once one wins. Some that
 * nobody can use any more are forgotten on the way. `now` in epoch ms.
 */
export async function takeOnce(db: Database, { iss, jti, exp }: Pick<Assertion, 'iss' | 'jti' | 'exp'>, now: number): Promise<boolean> {
  const at = sql`${new Date(now).toISOString()}::timestamptz`
  const expiresAt = sql`${new Date((exp + marginSeconds) * 1000).toISOString()}::timestamptz`
  const { rows } = await db.execute(sql`
    with swept as (
      delete from used_assertions where (issuer, jti) in (
        select u.issuer, u.jti from used_assertions u where u.expires_at <= ${at} and (u.issuer, u.jti) <> (${iss}, ${jti})
        order by u.expires_at limit 10 for update skip locked))
    insert into used_assertions as u (issuer, jti, expires_at) values (${iss}, ${jti}, ${expiresAt})
    on conflict (issuer, jti) do update set expires_at = excluded.expires_at where u.expires_at <= ${at}
    returning 1 as taken`)
  return rows.length > 0
}
