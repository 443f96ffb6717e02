/**
 * The SQL of each kind of fact: columns with the names that `facts.ts` has for them, made to JSON objects. Facts are composed of them in
 * `statements.ts`; what else is decided about takes them from here, too. Lists are arrays and no aggregates, which cost several times as
 * much to set up.
 */
import { type SQL, sql } from 'drizzle-orm'
import { value } from '../database/statement.ts'

/** Of a column, which has whole milliseconds: these a double holds exactly, and rounds to them, for half of what a numeric costs. */
export const ms = (column: SQL): SQL => sql`(date_part('epoch', ${column}) * 1000)::bigint`

const unreleased = (link: string, owner: string, ownerColumn: string): SQL =>
  sql.raw(`array(select l.domain_id from ${link} l join domains ld on ld.account_id = l.account_id and ld.id = l.domain_id
    where l.account_id = ${owner}.account_id and l.${ownerColumn} = ${owner}.id and ld.released_at is null)`)

/**
 * A row as one JSON object, its columns the members: `row_to_json` reads what a column is once, which `json_build_object` does for every
 * name and value of every row, at twice the price. Without `from` the columns are of tables that are there already; null where there is
 * no row.
 */
export const objectOf = (columns: SQL, from?: SQL): SQL =>
  sql`(select row_to_json(o) from (select ${columns}${from === undefined ? sql`` : sql` from ${from}`}) o)`

/** Any number of rows as an array of such objects. */
export const objectsOf = (columns: SQL, from: SQL): SQL => sql`array(select row_to_json(o) from (select ${columns} from ${from}) o)`

export const accountColumns = sql`a.id, a.number, a.name, a.realm, a.state, ${ms(sql`a.access_until`)} as "accessUntil",
  a.authority_revision as revision, a.version`

export const domainColumns = sql`d.id, d.account_id as "accountId", d.name, ${ms(sql`d.released_at`)} as "releasedAt"`

export const contactColumns = (alias: string): SQL =>
  sql`${sql.raw(alias)}.id, ${sql.raw(alias)}.account_id as "accountId", ${sql.raw(alias)}.user_id as "userId", ${sql.raw(alias)}.role,
    ${sql.raw(alias)}.limited, ${sql.raw(alias)}.confirmed_at is not null as confirmed,
    case when ${sql.raw(alias)}.limited then ${unreleased('contact_domains', alias, 'contact_id')} else '{}' end as domains`

/** An address of his was proven to us, or he is known by what the client of his realm asserts of him. */
export const verified = (user: string): SQL =>
  sql.raw(`(exists (select from addresses va where va.user_id = ${user}.id and va.proven_at is not null)
    or exists (select from subjects vs where vs.user_id = ${user}.id))`)

/** The grantor's user was in somebody else's hands when he gave the grant. */
export const compromised = (contact: string, grant: string): SQL =>
  sql.raw(`exists (select from compromises k where k.user_id = ${contact}.user_id
    and coalesce(${grant}.granted_at, ${grant}.approved_at) between k.since and k.until)`)

/** The uses are spent and no ticket of it, or of one it supersedes, is open any more: closed is final, so this stays so. */
export const finished = (grant: string): SQL =>
  sql.raw(`(${grant}.max_uses is not null and ${grant}.uses >= ${grant}.max_uses and not exists (select from tickets ft
    where ft.account_id = ${grant}.account_id and ft.grant_id = any(${grant}.lineage || ${grant}.id) and ft.status <> 'closed'))`)

/** When the newest ticket was opened under the grant, by telephone as well: the event of such a one is the agent's. */
export const newestTicket = (grant: string): SQL =>
  sql.raw(`(select max(nt.created_at) from tickets nt where nt.account_id = ${grant}.account_id and nt.grant_id = ${grant}.id)`)

export const submissionColumns = sql`s.id, s.submitter_user_id as "submitterUserId", s.verdict, ${ms(sql`s.decided_at`)} as "decidedAt",
  ${ms(sql`s.ends_at`)} as "endsAt", s.version`

const grantor = objectOf(
  sql`${contactColumns('gc')}, gu.status as "userStatus", gu.authority_revision as "userRevision", ${verified('gu')} as "userVerified",
    ${compromised('gc', 'g')} as compromised`,
  sql`contacts gc join users gu on gu.id = gc.user_id
    where gc.account_id = g.account_id and gc.id = g.grantor_contact_id and gc.status = 'active'`,
)

export const grantColumns = sql`g.id, g.account_id as "accountId", g.grantee_user_id as "granteeUserId", g.status, g.actions, g.topics,
  ${unreleased('grant_domains', 'g', 'grant_id')} as domains, g.reach, g.max_uses as "maxUses", g.uses, ${finished('g')} as finished,
  ${ms(sql`g.not_before`)} as "notBefore", ${ms(sql`g.expires_at`)} as "expiresAt", ${ms(sql`g.ended_at`)} as "endedAt",
  ${ms(sql`g.approved_at`)} as "approvedAt", g.lineage, ${grantor} as grantor`

/**
 * Whether the key that signed the token still stands is asked here, with the session, so that a removed key is refused by every process
 * from the commit on: a list of keys that a process remembers would be late, and asking for it apart would be one more round trip.
 */
const keyStands = sql`(${value('key', 'text')} is null or exists (select from signing_keys sk where sk.kid = ${value('key', 'text')} and sk.removed_at is null))`

export const userColumns = sql`u.id, u.name, u.status, u.authority_revision as revision, ${verified('u')} as verified,
  exists (select from second_factors sf where sf.user_id = u.id and sf.confirmed_at is not null and sf.removed_at is null) as "secondFactor"`

export const clientColumns = sql`cl.id, cl.status, cl.scopes, cl.realm, cl.may_step_up as "mayStepUp", cl.authority_revision as revision`

const session = objectOf(
  sql`s.id, s.kind, s.method, s.level, ${ms(sql`s.authenticated_at`)} as "authenticatedAt", ${ms(sql`s.expires_at`)} as "expiresAt",
    ${ms(sql`s.ended_at`)} as "endedAt"`,
  sql`sessions s where s.id = ${value('session', 'uuid')} and s.user_id is not distinct from ${value('caller', 'uuid')} and ${keyStands}`,
)
const caller = objectOf(userColumns, sql`users u where u.id = ${value('caller', 'uuid')}`)
const client = objectOf(
  clientColumns,
  sql`clients cl where cl.id = (select s.client_id from sessions s where s.id = ${value('session', 'uuid')})`,
)
const staff = objectOf(sql`sm.id, sm.role`, sql`staff_members sm where sm.user_id = ${value('caller', 'uuid')} and sm.ended_at is null`)

export const principal = sql`floor(extract(epoch from clock_timestamp()) * 1000)::bigint + ${value('clockOffset', 'bigint')} as now,
  ${session} as session, ${caller} as caller, ${client} as client, ${staff} as staff`

export const ticketColumns = sql`t.id, t.account_id as "accountId", t.domain_id as "domainId", t.topic, t.contacts_only as "contactsOnly",
  t.grant_id as "grantId", ${ms(sql`t.created_at`)} as "createdAt", t.authority_revision as revision, t.status, t.version,
  ${ms(sql`t.resolved_at`)} as "resolvedAt"`
