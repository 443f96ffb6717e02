/**
 * The only SQL that reads facts. One prepared statement brings everything a decision reads, with the revision of every row owner
 * and the database's clock, from one snapshot.
 */
import { type SQL, sql } from 'drizzle-orm'
import type { Database } from '../database/open.ts'
import { statement, value } from '../database/statement.ts'
import type { ContactRole, ContactStatus, GrantStatus, TicketStatus } from '../vocabulary.ts'
import type { AccountFact, DomainFact, Facts, TicketFact } from './facts.ts'

/** Who asks: proven by the access token; whether user and session still live is part of the facts. */
export type Caller = {
  userId: string
  sessionId: string
  requestId: string
  /** When the person last proved himself, as the token says it; epoch ms. */
  authenticatedAt: number
}

/** What the request names. Nothing is inferred: an account is only the one stated, a domain only one of that account. */
export type Named = {
  account?: { id: string } | { number: string } | undefined
  ticket?: string | undefined
  contact?: string | undefined
  grant?: string | undefined
  user?: string | undefined
  /** Domains by id. */
  domainIds?: readonly string[] | undefined
  /** Domains by A-label; for a host also the names above it. */
  domainNames?: readonly string[] | undefined
  /** Every account of the caller instead of one: for lists. */
  everyAccount?: boolean
  idempotencyKey?: string | undefined
}

export type TicketRow = TicketFact & { status: TicketStatus; version: number; resolvedAt: number | null }
export type ContactRow = {
  id: string
  userId: string | null
  role: ContactRole
  limited: boolean
  status: ContactStatus
  confirmed: boolean
  version: number
}
export type GrantRow = { id: string; status: GrantStatus; granteeUserId: string | null; domains: DomainFact[]; version: number }
export type StoredAnswer = {
  fingerprint: string
  status: number | null
  headers: Record<string, string> | null
  body: unknown
  made: Made | null
}
/** What a stored answer made and who may read it: asked again before the answer is given again. */
export type Made = { action: string; staffAction: string | null; account: string | null; ticket: string | null }

export type Loaded = {
  facts: Facts
  account: AccountFact | null
  domains: DomainFact[]
  /** Which of the stated names other accounts hold; only ever shown to staff. */
  heldElsewhere: string[]
  ticket: TicketRow | null
  contact: ContactRow | null
  grant: GrantRow | null
  user: { id: string; status: string; version: number } | null
  stored: StoredAnswer | null
}

const ms = (column: SQL): SQL => sql`floor(extract(epoch from ${column}) * 1000)::bigint`

const unreleased = (link: string, owner: string, ownerColumn: string): SQL =>
  sql.raw(`(select coalesce(json_agg(l.domain_id), '[]'::json) from ${link} l join domains ld on ld.account_id = l.account_id and ld.id = l.domain_id
    where l.account_id = ${owner}.account_id and l.${ownerColumn} = ${owner}.id and ld.released_at is null)`)

const accountObject = sql`json_build_object('id', a.id, 'number', a.number, 'name', a.name, 'state', a.state, 'stateChangedAt', ${ms(sql`a.state_changed_at`)},
  'revision', a.authority_revision, 'version', a.version)`

const domainObject = (alias: string): SQL =>
  sql`json_build_object('id', ${sql.raw(alias)}.id, 'accountId', ${sql.raw(alias)}.account_id, 'name', ${sql.raw(alias)}.name,
    'releasedAt', ${ms(sql.raw(`${alias}.released_at`))})`

const contactMembers = (alias: string): SQL =>
  sql`'id', ${sql.raw(alias)}.id, 'accountId', ${sql.raw(alias)}.account_id, 'userId', ${sql.raw(alias)}.user_id, 'role', ${sql.raw(alias)}.role,
    'limited', ${sql.raw(alias)}.limited, 'confirmed', ${sql.raw(alias)}.confirmed_at is not null,
    'domains', case when ${sql.raw(alias)}.limited then ${unreleased('contact_domains', alias, 'contact_id')} else '[]'::json end`

const grantorObject = sql`(select json_build_object(${contactMembers('gc')}, 'userStatus', gu.status, 'userRevision', gu.authority_revision,
    'userVerified', exists (select from addresses ga where ga.user_id = gu.id and ga.proven_at is not null))
  from contacts gc join users gu on gu.id = gc.user_id
  where gc.account_id = g.account_id and gc.id = g.grantor_contact_id and gc.status = 'active')`

const grantObject = sql`json_build_object('id', g.id, 'accountId', g.account_id, 'granteeUserId', g.grantee_user_id, 'status', g.status,
  'actions', g.actions, 'topics', g.topics, 'domains', ${unreleased('grant_domains', 'g', 'grant_id')}, 'reach', g.reach, 'maxUses', g.max_uses,
  'uses', g.uses, 'notBefore', ${ms(sql`g.not_before`)}, 'expiresAt', ${ms(sql`g.expires_at`)}, 'endedAt', ${ms(sql`g.ended_at`)},
  'approvedAt', ${ms(sql`g.approved_at`)}, 'lineage', g.lineage, 'grantor', ${grantorObject})`

const principal = sql`
  floor(extract(epoch from clock_timestamp()) * 1000)::bigint + ${value('clockOffset', 'bigint')} as now,
  (select json_build_object('id', s.id, 'kind', s.kind, 'method', s.method, 'authenticatedAt', ${ms(sql`s.authenticated_at`)},
      'expiresAt', ${ms(sql`s.expires_at`)}, 'endedAt', ${ms(sql`s.ended_at`)})
    from sessions s where s.id = ${value('session', 'uuid')} and s.user_id = ${value('caller', 'uuid')}) as session,
  (select json_build_object('id', u.id, 'name', u.name, 'status', u.status, 'revision', u.authority_revision,
      'verified', exists (select from addresses ua where ua.user_id = u.id and ua.proven_at is not null))
    from users u where u.id = ${value('caller', 'uuid')}) as caller,
  (select json_build_object('id', sm.id, 'role', sm.role) from staff_members sm where sm.user_id = ${value('caller', 'uuid')} and sm.ended_at is null) as staff,
  (select json_build_object('fingerprint', encode(k.fingerprint, 'hex'), 'status', k.status, 'headers', k.headers, 'body', k.body, 'made', k.made)
    from idempotency_keys k where k.principal_id = ${value('caller', 'uuid')} and k.key = ${value('idempotencyKey', 'text')}
      and k.expires_at > clock_timestamp() + ${value('clockOffset', 'bigint')} * interval '1 millisecond') as stored`

const factsOfOne = statement<Row>(
  'authority_facts_one',
  sql`
with t as materialized (select * from tickets where id = ${value('ticket', 'uuid')}),
a as materialized (select * from accounts where id = coalesce(${value('account', 'uuid')}, (select account_id from t),
  (select n.account_id from account_numbers n where n.number = ${value('number', 'text')})))
select ${principal},
  (select ${accountObject} from a) as account,
  (select json_agg(${domainObject('d')}) from a join domains d on d.account_id = a.id
    where d.id = any(${value('domainIds', 'uuid[]')}) or d.id = (select domain_id from t)
      or (d.name = any(${value('domainNames', 'text[]')}) and d.released_at is null)) as domains,
  (select json_agg(dn.name) from a join domain_names dn on dn.account_id <> a.id where dn.name = any(${value('domainNames', 'text[]')})) as "heldElsewhere",
  (select json_build_object('id', t.id, 'accountId', t.account_id, 'domainId', t.domain_id, 'topic', t.topic, 'contactsOnly', t.contacts_only,
      'grantId', t.grant_id, 'createdAt', ${ms(sql`t.created_at`)}, 'revision', t.authority_revision, 'status', t.status, 'version', t.version,
      'resolvedAt', ${ms(sql`t.resolved_at`)})
    from t join a on a.id = t.account_id) as ticket,
  (select json_build_object('id', c.id, 'userId', c.user_id, 'role', c.role, 'limited', c.limited, 'status', c.status,
      'confirmed', c.confirmed_at is not null, 'version', c.version)
    from a join contacts c on c.account_id = a.id and c.id = ${value('contact', 'uuid')}) as contact,
  (select json_build_object('id', g.id, 'status', g.status, 'granteeUserId', g.grantee_user_id, 'version', g.version,
      'domains', (select json_agg(${domainObject('d')}) from grant_domains l join domains d on d.account_id = l.account_id and d.id = l.domain_id
        where l.account_id = g.account_id and l.grant_id = g.id))
    from a join grants g on g.account_id = a.id and g.id = ${value('grant', 'uuid')}) as grant,
  (select json_build_object('id', x.id, 'status', x.status, 'version', x.version) from users x where x.id = ${value('user', 'uuid')}) as "user",
  (select json_agg(json_build_object(${contactMembers('c')})) from a join contacts c on c.account_id = a.id
    where c.user_id = ${value('caller', 'uuid')} and c.status = 'active') as contacts,
  (select json_agg(${grantObject}) from a join grants g on g.account_id = a.id
    where g.grantee_user_id = ${value('caller', 'uuid')} and g.approved_at is not null) as grants`,
)

const factsOfAll = statement<Row>(
  'authority_facts_all',
  sql`
with c as materialized (select * from contacts where user_id = ${value('caller', 'uuid')} and status = 'active'),
g as materialized (select * from grants where grantee_user_id = ${value('caller', 'uuid')} and approved_at is not null
  and coalesce(ended_at, 'infinity') > clock_timestamp() + ${value('clockOffset', 'bigint')} * interval '1 millisecond' - interval '90 days')
select ${principal},
  (select json_agg(json_build_object(${contactMembers('c')})) from c) as contacts,
  (select json_agg(${grantObject}) from g) as grants,
  (select json_agg(${accountObject}) from accounts a where a.id in (select account_id from c union select account_id from g)) as accounts`,
)

type Row = {
  now: string | number
  session: Facts['session']
  caller: Facts['user']
  staff: Facts['staff']
  stored: StoredAnswer | null
  contacts: Facts['contacts'] | null
  grants: Facts['grants'] | null
  account?: AccountFact | null
  accounts?: AccountFact[] | null
  domains?: DomainFact[] | null
  heldElsewhere?: string[] | null
  ticket?: TicketRow | null
  contact?: ContactRow | null
  grant?: GrantRow | null
  user?: { id: string; status: string; version: number } | null
}

/** Loads the facts for a caller and what his request names, in one round trip. `clockOffset` in ms; 0 outside tests. */
export async function load(db: Database, clockOffset: number, caller: Caller, named: Named): Promise<Loaded> {
  const own = { caller: caller.userId, session: caller.sessionId, clockOffset, idempotencyKey: named.idempotencyKey ?? null }
  const rows = named.everyAccount ? await factsOfAll.run(db, own) : await factsOfOne.run(db, { ...own, ...parameters(named) })
  return toLoaded(rows[0] as Row)
}

function parameters(named: Named): Record<string, unknown> {
  const { account } = named
  return {
    account: account !== undefined && 'id' in account ? account.id : null,
    number: account !== undefined && 'number' in account ? account.number : null,
    ticket: named.ticket ?? null,
    contact: named.contact ?? null,
    grant: named.grant ?? null,
    user: named.user ?? null,
    domainIds: named.domainIds ?? [],
    domainNames: named.domainNames ?? [],
  }
}

function toLoaded(row: Row): Loaded {
  const account = row.account ?? null
  const facts: Facts = {
    now: Number(row.now),
    session: row.session,
    user: row.caller,
    staff: row.staff,
    accounts: row.accounts ?? (account === null ? [] : [account]),
    contacts: row.contacts ?? [],
    grants: row.grants ?? [],
  }
  return {
    facts,
    account,
    domains: row.domains ?? [],
    heldElsewhere: row.heldElsewhere ?? [],
    ticket: row.ticket ?? null,
    contact: row.contact ?? null,
    grant: row.grant ?? null,
    user: row.user ?? null,
    stored: row.stored,
  }
}
