/**
 * Rows at the speed of the database: one `insert … select from generate_series` for each table, without foreign key checks (they are
 * true by construction). What `idOf` says about ids, and `perAccount` about who belongs to whom, is said here in SQL.
 */
import { idFunction, kinds, perAccount, type Sizes } from './sizes.ts'

const id = (kind: keyof typeof kinds, n: string): string => `bench_id(${kinds[kind]}, (${n})::bigint)`
const series = (count: number): string => `generate_series(0, ${count - 1}) n`
const ago = (interval: string): string => `date_trunc('milliseconds', now()) - interval '${interval}'`

/** Every statement of the seed, in order. The connection must be one that nothing else uses. */
export function seedStatements(sizes: Sizes): string[] {
  return [
    'set session_replication_role = replica',
    'set synchronous_commit = off',
    'set statement_timeout = 0',
    idFunction,
    ...people(sizes),
    ...accounts(sizes),
    ...grants(sizes),
    ...tickets(sizes),
    ...floor(),
    'set session_replication_role = default',
  ]
}

function people({ contacts, accounts: developers }: Sizes): string[] {
  const users = contacts + developers
  return [
    `insert into users (id, name, created_at) select ${id('user', 'n')}, 'Person ' || n, ${ago('400 days')} from ${series(users)}`,
    `insert into addresses (id, user_id, address, created_at, proven_at)
      select ${id('address', 'n')}, ${id('user', 'n')}, 'person' || n || '@people.example', ${ago('400 days')}, ${ago('400 days')} from ${series(users)}`,
    `insert into sessions (id, user_id, kind, method, level, created_at, authenticated_at, expires_at)
      select ${id('session', 'n')}, ${id('user', 'n')}, 'person', 'password', 'one_factor', ${ago('1 minute')}, ${ago('1 minute')}, now() + interval '2 days' from ${series(users)}`,
  ]
}

function accounts({ accounts: count, domains, contacts }: Sizes): string[] {
  const of = (per: number): string => id('account', `n / ${per}`)
  return [
    `insert into accounts (id, number, name, state, state_changed_at, created_at)
      select ${id('account', 'n')}, 'C-' || 20000 + n, 'Customer ' || n, 'open', ${ago('400 days')}, ${ago('400 days')} + n * interval '1 second' from ${series(count)}`,
    `insert into account_numbers select 'C-' || 20000 + n, ${id('account', 'n')} from ${series(count)}`,
    `insert into domains (account_id, id, name, created_at)
      select ${of(perAccount.domains)}, ${id('domain', 'n')}, 'd' || n || '.example', ${ago('400 days')} from ${series(domains)}`,
    `insert into domain_names (name, account_id, domain_id)
      select 'd' || n || '.example', ${of(perAccount.domains)}, ${id('domain', 'n')} from ${series(domains)}`,
    `insert into contacts (account_id, id, user_id, role, status, invited_address, created_at, accepted_at, confirmed_at)
      select ${of(perAccount.contacts)}, ${id('contact', 'n')}, ${id('user', 'n')}, (array['owner', 'technical', 'billing'])[1 + n % 3], 'active',
        'person' || n || '@people.example', ${ago('400 days')}, ${ago('400 days')}, ${ago('400 days')} from ${series(contacts)}`,
  ]
}

/** Of five grants of an account one counts its uses and one was revoked. */
function grants({ accounts: developers, contacts, grants: count }: Sizes): string[] {
  const account = `n / ${perAccount.grants}`
  const grantee = `${contacts} + n % ${developers}`
  return [
    `insert into grants (account_id, id, status, grantee_user_id, grantee_address, grantor_contact_id, actions, max_uses, not_before, expires_at,
        created_at, created_by, approved_at, ended_at)
      select ${id('account', account)}, ${id('grant', 'n')}, case n % 5 when 4 then 'revoked' else 'active' end, ${id('user', grantee)},
        'person' || ${grantee} || '@people.example', ${id('contact', `3 * (${account})`)},
        '{ticket.create,ticket.read,ticket.reply,ticket.close,domain.read}', case n % 5 when 3 then 100000000 end,
        ${ago('200 days')}, now() + interval '80 days', ${ago('201 days')}, ${id('user', `3 * (${account})`)}, ${ago('200 days')},
        case n % 5 when 4 then ${ago('30 days')} end from ${series(count)}`,
    `insert into grant_domains (account_id, grant_id, domain_id)
      select ${id('account', account)}, ${id('grant', 'n')}, ${id('domain', `3 * (${account}) + n % 3`)} from ${series(count)}`,
  ]
}

/**
 * The accounts take turns, as customers do, so that the newest of one account lie far apart. Every third ticket was opened under a grant,
 * the others by the technical contact.
 */
function tickets({ accounts: count, contacts, tickets: tickets_, messages }: Sizes): string[] {
  const account = `n % ${count}`
  const turn = `n / ${count}`
  const grant = `5 * (${account}) + (${turn}) % 4`
  const actor = `case (${turn}) % 3 when 0 then ${contacts} + (${grant}) % ${count} else 3 * (${account}) + 1 end`
  const at = `${ago('365 days')} + n * interval '365 days' / ${tickets_}`
  const by = (under: string): string => `case (${turn}) % 3 when 0 then ${under} end`
  const authorship = `${id('user', actor)}, case (${turn}) % 3 when 0 then 'grant' else 'contact' end,
    case (${turn}) % 3 when 0 then null else ${id('contact', `3 * (${account}) + 1`)} end, ${by(id('grant', grant))}, ${id('session', actor)}, 'password', 'one_factor'`
  return [
    `insert into tickets (account_id, id, number, domain_id, topic, topic_version, subject, status, origin, channel, requester_user_id,
        actor_user_id, capacity, contact_id, grant_id, session_id, verification, verification_level, verified_at, details, completeness, created_at, arrived_at)
      select ${id('account', account)}, ${id('ticket', 'n')}, 100001 + n, ${id('domain', `3 * (${account}) + (case (${turn}) % 3 when 0 then ${grant} else n end) % 3`)},
        'website', 1, 'The page answers slowly since this morning', (array['new', 'open', 'waiting_on_customer', 'resolved'])[1 + n % 4], 'live', 'api',
        ${id('user', actor)}, ${authorship}, ${at}, '{"url": "https://www.example.com/shop?page=2", "errorMessage": "504 Gateway Time-out"}',
        '{"score": 100, "missing": []}', ${at}, ${at} from ${series(tickets_)}`,
    `select setval('ticket_number', ${100_001 + tickets_})`,
    `insert into messages (account_id, ticket_id, id, kind, actor_user_id, capacity, contact_id, grant_id, session_id, verification, verification_level, verified_at, body, created_at)
      select account_id, id, bench_id(${kinds.message}, m.n), 'reply', actor_user_id, capacity, contact_id, grant_id, session_id, verification, verification_level, verified_at,
        repeat('Since noon every second request takes half a minute. ', 6), created_at + m.turn * interval '1 hour'
      from (select n, n / ${Math.ceil(messages / tickets_)} as ticket, n % ${Math.ceil(messages / tickets_)} as turn from ${series(messages)}) m
      join tickets t on t.id = bench_id(${kinds.ticket}, m.ticket)`,
    `insert into journal_events (account_id, id, at, kind, audience, actor_user_id, capacity, via_id, session_id, verification, verification_level, verified_at, action, decision, resource_type, resource_id, domain_id)
      select account_id, bench_id(${kinds.event}, number), created_at, 'ticket.created', 'account', actor_user_id, capacity, coalesce(contact_id, grant_id), session_id,
        verification, verification_level, verified_at, 'ticket.create', 'permit', 'ticket', id, domain_id from tickets`,
    'insert into journal_positions (account_id, event_id, position) select account_id, id, row_number() over (order by id) from journal_events',
    // Not a seal anybody could verify: it says that the seeded events have their numbers, as those of an old journal do.
    `insert into journal_seals (number, first_position, last_position, root, hash, sealed_at, cluster, numbered_below)
      select 1, 1, ${tickets_}, '', '', now(), (pg_control_system()).system_identifier::text, pg_current_xact_id()`,
  ]
}

/** The floor's own tables: what a ticket needs, and nothing that says who may. The same rows, in the same order. */
function floor(): string[] {
  return [
    'create schema floor',
    `create table floor.tickets (id uuid primary key, account_id uuid not null references accounts (id), domain_id uuid, number bigint not null, topic text not null,
      subject text not null, status text not null, requester_id uuid not null, details jsonb not null, created_at timestamptz not null)`,
    `create table floor.messages (id uuid primary key, ticket_id uuid not null references floor.tickets (id), author_id uuid not null, body text not null, created_at timestamptz not null)`,
    'create table floor.events (id uuid primary key, account_id uuid not null, kind text not null, actor_id uuid not null, ticket_id uuid not null, at timestamptz not null)',
    `insert into floor.tickets select id, account_id, domain_id, number, topic, subject, status, requester_user_id, details, created_at from tickets`,
    'insert into floor.messages select id, ticket_id, actor_user_id, body, created_at from messages',
    'insert into floor.events select id, account_id, kind, actor_user_id, resource_id, at from journal_events',
    'create index on floor.tickets (account_id, created_at desc, id desc)',
    'create index on floor.messages (ticket_id)',
  ]
}
