/**
 * The only SQL that reads facts. One prepared statement brings everything a decision reads, with the revision of every row owner
 * and the database's clock, from one snapshot.
 */
import { sql } from 'drizzle-orm'
import type { Database } from '../database/open.ts'
import { statement, value } from '../database/statement.ts'
import type { ContactRole, ContactStatus, GrantStatus, TicketStatus } from '../vocabulary.ts'
import type { AccountFact, Ceiling, DomainFact, Facts, TicketFact } from './facts.ts'
import { accountObject, contactMembers, domainObject, grantObject, principal, ticketObject } from './objects.ts'

/** Who asks: proven by the access token; whether user and session still live is part of the facts. */
export type Caller = {
  /** Null when a client speaks for itself. */
  userId: string | null
  /** The service it came through or from; null for a person's own sign-in. */
  clientId: string | null
  /** Of a narrowed token. */
  ceiling: Ceiling | null
  sessionId: string
  /** The `kid` of the key that signed his token; absent where none did. A key that was removed opens no session. */
  keyId?: string
  requestId: string
  /** When the person last proved himself, as the token says it; epoch ms. */
  authenticatedAt: number
}

/** The user of a caller who must be a person: what only people may do is refused to clients before it comes to this. */
export function personOf(caller: Pick<Caller, 'userId'>): string {
  if (caller.userId === null) throw new Error('a client has no user')
  return caller.userId
}

/** Whose requests these are: what answers and quotas are kept by. */
export function principalOf(caller: Pick<Caller, 'userId' | 'clientId'>): string {
  return caller.userId ?? (caller.clientId as string)
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
/** `domains` are the unreleased ones; null when it has none left. */
export type GrantRow = { id: string; status: GrantStatus; granteeUserId: string | null; domains: DomainFact[] | null; version: number }
export type StoredAnswer = {
  fingerprint: string
  status: number | null
  headers: Record<string, string> | null
  body: unknown
  made: Made | null
}
/** What a stored answer made and who may read it: asked again before the answer is given again. */
export type Made = { action: string; staffAction: string | null; account: string | null; ticket: string | null; grant?: string }

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
  (select ${ticketObject}
    from t join a on a.id = t.account_id) as ticket,
  (select json_build_object('id', c.id, 'userId', c.user_id, 'role', c.role, 'limited', c.limited, 'status', c.status,
      'confirmed', c.confirmed_at is not null, 'version', c.version)
    from a join contacts c on c.account_id = a.id and c.id = ${value('contact', 'uuid')}) as contact,
  (select json_build_object('id', g.id, 'status', g.status, 'granteeUserId', g.grantee_user_id, 'version', g.version,
      'domains', (select json_agg(${domainObject('d')}) from grant_domains l join domains d on d.account_id = l.account_id and d.id = l.domain_id
        where l.account_id = g.account_id and l.grant_id = g.id and d.released_at is null))
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
  client: Facts['client']
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

/** What a batch of questions about one subject names: every account, domain and ticket in it. */
export type NamedByMany = {
  accountIds: readonly string[]
  accountNumbers: readonly string[]
  domainIds: readonly string[]
  domainNames: readonly string[]
  ticketIds: readonly string[]
}

export type LoadedForMany = { facts: Facts; domains: DomainFact[]; tickets: TicketFact[] }

const factsOfMany = statement<ManyRow>(
  'authority_facts_many',
  sql`
with t as materialized (select * from tickets where id = any(${value('ticketIds', 'uuid[]')})),
c as materialized (select * from contacts where user_id = ${value('caller', 'uuid')} and status = 'active'),
g as materialized (select * from grants where grantee_user_id = ${value('caller', 'uuid')} and approved_at is not null),
a as materialized (select * from accounts where id in (
  select account_id from c union select account_id from g union select account_id from t union select unnest(${value('accountIds', 'uuid[]')})
  union select n.account_id from account_numbers n where n.number = any(${value('accountNumbers', 'text[]')})))
select ${principal},
  (select json_agg(${accountObject}) from a) as accounts,
  (select json_agg(json_build_object(${contactMembers('c')})) from c) as contacts,
  (select json_agg(${grantObject}) from g) as grants,
  (select json_agg(${ticketObject}) from t) as tickets,
  (select json_agg(${domainObject('d')}) from a join domains d on d.account_id = a.id
    where d.id = any(${value('domainIds', 'uuid[]')}) or d.id in (select domain_id from t)
      or (d.name = any(${value('domainNames', 'text[]')}) and d.released_at is null)) as domains`,
)

type ManyRow = Row & { tickets: TicketFact[] | null }

/** Loads, in one round trip, the facts to decide any number of questions about one principal. */
export async function loadForMany(db: Database, clockOffset: number, subject: Caller, named: NamedByMany): Promise<LoadedForMany> {
  const own = {
    caller: subject.userId,
    principal: principalOf(subject),
    session: subject.sessionId,
    key: subject.keyId ?? null,
    clockOffset,
    idempotencyKey: null,
  }
  const [row] = await factsOfMany.run(db, { ...own, ...named })
  const { facts, domains } = toLoaded(row as Row, subject.ceiling)
  return { facts, domains, tickets: (row as ManyRow).tickets ?? [] }
}

/** Loads the facts for a caller and what his request names, in one round trip. `clockOffset` in ms; 0 outside tests. */
export async function load(db: Database, clockOffset: number, caller: Caller, named: Named): Promise<Loaded> {
  const own = {
    caller: caller.userId,
    principal: principalOf(caller),
    session: caller.sessionId,
    key: caller.keyId ?? null,
    clockOffset,
    idempotencyKey: named.idempotencyKey ?? null,
  }
  const rows = named.everyAccount ? await factsOfAll.run(db, own) : await factsOfOne.run(db, { ...own, ...parameters(named) })
  return toLoaded(rows[0] as Row, caller.ceiling)
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

function toLoaded(row: Row, ceiling: Ceiling | null): Loaded {
  const account = row.account ?? null
  const facts: Facts = {
    now: Number(row.now),
    session: row.session,
    user: row.caller,
    staff: row.staff,
    client: row.client,
    ceiling,
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
