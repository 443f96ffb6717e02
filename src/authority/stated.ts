/**
 * Which account a submission is for. It is found by the account, from what the submitter stated: the account by number or id, and the
 * domain, or one above it, that this account holds now. Neither is ever concluded from the other, and what finds no account is for none.
 * Aliases: `a` the account, `s` the submission, `d` the domain.
 */
import { type SQL, sql } from 'drizzle-orm'

/** `a` is the account that `s` names. */
export const statesAccount = sql`s.stated_account in (a.number, a.id::text)`

/** The id of the account that a text names, or null: one look by a key, whether it is an id or a number, and whether there is one. */
export const accountNamed = (text: SQL): SQL => sql`case when ${text} ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
  then (select i.id from accounts i where i.id = ${text}::uuid) else (select n.account_id from account_numbers n where n.number = ${text}) end`

/** The longest of the account's domains that the stated name is or lies below, as `d`. */
export const statedDomain = sql`lateral (select * from domains where account_id = a.id and released_at is null
    and (name = s.stated_domain or right(s.stated_domain, length(name) + 1) = '.' || name)
  order by length(name) desc limit 1) d on true`

/** `accounts a` with everything that was submitted for it. */
export const submittedFor = sql`accounts a join submissions s on ${statesAccount} join ${statedDomain}`

/** Still waiting at an instant, and not from somebody the account has muted, at all or about the domain `d`. */
export const waits = (at: string) => sql`s.verdict is null and s.ends_at > ${at}::timestamptz and not exists (
  select from submission_mutes m where m.account_id = a.id and m.submitter_user_id = s.submitter_user_id and m.lifted_at is null
    and (m.domain_id is null or m.domain_id = d.id))`
