/**
 * The SQL of each kind of fact, as a JSON object in the form `facts.ts` says. Composed by `statements.ts`, and nowhere else. Lists are
 * arrays and no aggregates, which cost several times as much to set up.
 */
import { type SQL, sql } from 'drizzle-orm'
import { value } from '../database/statement.ts'

/** Of a column, which has whole milliseconds: these a double holds exactly, and rounds to them, for half of what a numeric costs. */
export const ms = (column: SQL): SQL => sql`(date_part('epoch', ${column}) * 1000)::bigint`

const unreleased = (link: string, owner: string, ownerColumn: string): SQL =>
  sql.raw(`array(select l.domain_id from ${link} l join domains ld on ld.account_id = l.account_id and ld.id = l.domain_id
    where l.account_id = ${owner}.account_id and l.${ownerColumn} = ${owner}.id and ld.released_at is null)`)

export const accountObject = sql`json_build_object('id', a.id, 'number', a.number, 'name', a.name, 'realm', a.realm, 'state', a.state, 'accessUntil', ${ms(sql`a.access_until`)},
  'revision', a.authority_revision, 'version', a.version)`

export const domainObject = (alias: string): SQL =>
  sql`json_build_object('id', ${sql.raw(alias)}.id, 'accountId', ${sql.raw(alias)}.account_id, 'name', ${sql.raw(alias)}.name,
    'releasedAt', ${ms(sql.raw(`${alias}.released_at`))})`

export const contactMembers = (alias: string): SQL =>
  sql`'id', ${sql.raw(alias)}.id, 'accountId', ${sql.raw(alias)}.account_id, 'userId', ${sql.raw(alias)}.user_id, 'role', ${sql.raw(alias)}.role,
    'limited', ${sql.raw(alias)}.limited, 'confirmed', ${sql.raw(alias)}.confirmed_at is not null,
    'domains', case when ${sql.raw(alias)}.limited then ${unreleased('contact_domains', alias, 'contact_id')} else '{}' end`

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

export const submissionMembers = sql`'id', s.id, 'submitterUserId', s.submitter_user_id, 'verdict', s.verdict, 'decidedAt', ${ms(sql`s.decided_at`)},
  'endsAt', ${ms(sql`s.ends_at`)}, 'version', s.version`

const grantorObject = sql`(select json_build_object(${contactMembers('gc')}, 'userStatus', gu.status, 'userRevision', gu.authority_revision,
    'userVerified', ${verified('gu')}, 'compromised', ${compromised('gc', 'g')})
  from contacts gc join users gu on gu.id = gc.user_id
  where gc.account_id = g.account_id and gc.id = g.grantor_contact_id and gc.status = 'active')`

export const grantObject = sql`json_build_object('id', g.id, 'accountId', g.account_id, 'granteeUserId', g.grantee_user_id, 'status', g.status,
  'actions', g.actions, 'topics', g.topics, 'domains', ${unreleased('grant_domains', 'g', 'grant_id')}, 'reach', g.reach, 'maxUses', g.max_uses,
  'uses', g.uses, 'finished', ${finished('g')}, 'notBefore', ${ms(sql`g.not_before`)}, 'expiresAt', ${ms(sql`g.expires_at`)}, 'endedAt', ${ms(sql`g.ended_at`)},
  'approvedAt', ${ms(sql`g.approved_at`)}, 'lineage', g.lineage, 'grantor', ${grantorObject})`

/**
 * Whether the key that signed the token still stands is asked here, with the session, so that a removed key is refused by every process
 * from the commit on: a list of keys that a process remembers would be late, and asking for it apart would be one more round trip.
 */
const keyStands = sql`(${value('key', 'text')} is null or exists (select from signing_keys sk where sk.kid = ${value('key', 'text')} and sk.removed_at is null))`

export const userObject = sql`json_build_object('id', u.id, 'name', u.name, 'status', u.status, 'revision', u.authority_revision,
      'verified', ${verified('u')}, 'secondFactor', exists (select from second_factors sf where sf.user_id = u.id
        and sf.confirmed_at is not null and sf.removed_at is null))`

export const clientObject = sql`json_build_object('id', cl.id, 'status', cl.status, 'scopes', cl.scopes, 'realm', cl.realm, 'mayStepUp', cl.may_step_up,
      'revision', cl.authority_revision)`

export const principal = sql`
  floor(extract(epoch from clock_timestamp()) * 1000)::bigint + ${value('clockOffset', 'bigint')} as now,
  (select json_build_object('id', s.id, 'kind', s.kind, 'method', s.method, 'level', s.level, 'authenticatedAt', ${ms(sql`s.authenticated_at`)},
      'expiresAt', ${ms(sql`s.expires_at`)}, 'endedAt', ${ms(sql`s.ended_at`)})
    from sessions s where s.id = ${value('session', 'uuid')} and s.user_id is not distinct from ${value('caller', 'uuid')}
      and ${keyStands}) as session,
  (select ${userObject}
    from users u where u.id = ${value('caller', 'uuid')}) as caller,
  (select ${clientObject}
    from clients cl where cl.id = (select s.client_id from sessions s where s.id = ${value('session', 'uuid')})) as client,
  (select json_build_object('id', sm.id, 'role', sm.role) from staff_members sm where sm.user_id = ${value('caller', 'uuid')} and sm.ended_at is null) as staff`

export const ticketObject = sql`json_build_object('id', t.id, 'accountId', t.account_id, 'domainId', t.domain_id, 'topic', t.topic, 'contactsOnly', t.contacts_only,
      'grantId', t.grant_id, 'createdAt', ${ms(sql`t.created_at`)}, 'revision', t.authority_revision, 'status', t.status, 'version', t.version,
      'resolvedAt', ${ms(sql`t.resolved_at`)})`
